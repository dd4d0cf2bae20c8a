"""`events-fanout replay` on a real Kafka: each letter once, whatever happens, and an account of all of them."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import pytest
import structlog
from confluent_kafka import Producer

from bench.broker import LocalKafka
from fanout import client
from fanout.config.sources import FIELDS, variable
from fanout.errors import Reason
from fanout.settings import Settings
from fanout.worker.records import HeaderList
from tests.commands.asking import call
from tests.commands.planting import Origin, letter, plant
from tests.support.samples import event
from tests.support.topics import Record, read_all, topics, wait_until

AT_MS = 1_700_000_000_000


@pytest.fixture(autouse=True)
def log_as_at_first() -> Iterator[None]:
    """Undo what the command has configured: its log would write to a stream that is closed by then."""
    yield
    structlog.reset_defaults()


def fates(kafka: LocalKafka, prefix: str, *args: str, code: int = 0, **environ: str) -> Counter[tuple[str, str]]:
    result = call(kafka, prefix, "replay", *args, "--output", "json", **environ)
    assert result.exit_code == code, result.output
    told = json.loads(result.stdout)
    assert told["stopped"] == ""
    return Counter({(each["fate"], each["where_or_why"]): each["letters"] for each in told["fates"]})


def planted(kafka: LocalKafka, prefix: str) -> str:
    """Letters of every kind; the name of their topic."""
    source = f"{prefix}-source"
    headers: HeaderList = [("h", b"1"), ("fanout.topic", b"mine"), ("h", None)]
    return plant(
        kafka,
        source,
        [
            letter(Origin(event("team-a", "pod", 1), b"key", offset=5, headers=headers), source, Reason.UNKNOWN_TOPIC),
            letter(Origin(event("team-b", "pod", 2), offset=6), source, Reason.UNKNOWN_TOPIC),
            letter(Origin(event("team-a", "pod", 3), offset=7), source, Reason.NOT_AUTHORIZED),
            letter(Origin(b"no json", offset=8), source, Reason.NOT_JSON),
            letter(Origin(event("ci-1", "pod", 4), offset=9), source, Reason.UNKNOWN_TOPIC),
            letter(Origin(event("team-a", "pod", 5), offset=10), source, Reason.TOO_LARGE, shrunk=True),
            letter(Origin(None, offset=11), source, Reason.EXPIRED, "4 records, offsets 11 to 14, expired"),
            letter(Origin(event("team-a", "pod", 6)), "another", Reason.UNKNOWN_TOPIC),
            Record(b"of another program", partition=0),
        ],
    )


EVERY_OTHER = Counter(
    {
        ("refused again", "not-json"): 1,
        ("skipped", "NAMESPACES_ALLOW or NAMESPACES_DENY"): 1,
        ("cannot be replayed", "its value was too large for the dead-letter topic"): 1,
        ("cannot be replayed", "it marks a range that expired unread"): 1,
        ("of another source", "another"): 1,
    }
)


def test_each_is_delivered_once_as_it_was_and_accounted_for(kafka: LocalKafka, prefix: str) -> None:
    topic = planted(kafka, prefix)
    to_a, to_b = f"{prefix}.team-a", f"{prefix}.team-b"
    dry = fates(kafka, prefix, "--dry-run", code=1, NAMESPACES_DENY="ci-*")
    assert dry == EVERY_OTHER + Counter({("would be replayed", to_a): 2, ("would be replayed", to_b): 1})
    assert not {to_a, to_b} & topics(kafka.bootstrap)
    assert len(read_all(kafka.bootstrap, topic)) == 9, "nothing was sent"
    some = fates(kafka, prefix, "--reason", "not-authorized", NAMESPACES_DENY="ci-*")
    assert some == Counter({("replayed", to_a): 1})
    rest = fates(kafka, prefix, code=1, NAMESPACES_DENY="ci-*")
    assert rest == EVERY_OTHER + Counter(
        {("replayed", to_a): 1, ("replayed", to_b): 1, ("already replayed", "not-authorized"): 1}
    )
    again = fates(kafka, prefix, code=1, NAMESPACES_DENY="ci-*")
    assert again == EVERY_OTHER + Counter(
        {("already replayed", "not-authorized"): 1, ("already replayed", "unknown-topic"): 2}
    )
    delivered = read_all(kafka.bootstrap, to_a)
    assert [json.loads(record.value or b"")["event"]["metadata"]["namespace"] for record in delivered] == ["team-a"] * 2
    assert (delivered[1].key, delivered[1].timestamp) == (b"key", (1, AT_MS))
    assert delivered[1].headers == (("h", b"1"), ("fanout.topic", b"mine"), ("h", None))
    assert delivered[0].headers == ()
    assert len(read_all(kafka.bootstrap, to_b)) == 1


def test_the_other_commands_know_what_was_replayed(kafka: LocalKafka, prefix: str) -> None:
    planted(kafka, prefix)
    fates(kafka, prefix, code=1)
    listed = json.loads(call(kafka, prefix, "dead-letters", "--output", "json").stdout)
    assert {entry["reason"]: entry["replayed"] for entry in listed["counts"]} == {
        "unknown-topic": 3, "not-authorized": 1, "not-json": 0, "too-large": 0, "expired": 0,
    }  # fmt: skip
    assert listed["foreign"] == 1, "marks are no letters, and not foreign"
    shown = json.loads(call(kafka, prefix, "dead-letters", "--show", "0:1", "--output", "json").stdout)
    assert shown["replayed_to"] == f"{prefix}.team-b"
    traced = json.loads(call(kafka, prefix, "trace", "team-b", "--since", "10000d", "--output", "json").stdout)
    assert {finding["where"]: finding["events"] for finding in traced["findings"] if finding["events"]} == {
        "delivered": 1, "replayed": 1,
    }  # fmt: skip


def test_what_a_destination_refuses_is_told_and_the_rest_is_sent(kafka: LocalKafka, prefix: str) -> None:
    source = f"{prefix}-source"
    kafka.create_topic(f"{prefix}.team-a", config={"max.message.bytes": "20000"})
    kafka.create_topic(f"{prefix}.team-c", config={"cleanup.policy": "compact"})
    big, small = event("team-a", "p" * 30_000, 1), event("team-a", "pod", 2)
    plant(
        kafka,
        source,
        [
            letter(Origin(big, b"k"), source, Reason.TOO_LARGE),
            letter(Origin(small, b"k", offset=1), source, Reason.UNKNOWN_TOPIC),
            letter(Origin(event("team-c", "pod", 3), offset=2), source, Reason.UNKNOWN_TOPIC),
            letter(Origin(event("team-n", "pod", 3), offset=3), source, Reason.UNKNOWN_TOPIC),
        ],
    )
    told = fates(kafka, prefix, code=1, TOPIC_CREATE="none")
    assert told == Counter(
        {
            ("replayed", f"{prefix}.team-a"): 1,
            ("refused again", "too-large"): 1,
            ("refused again", "null-key"): 1,
            ("refused again", "unknown-topic"): 1,
        }
    )
    assert [record.value for record in read_all(kafka.bootstrap, f"{prefix}.team-a")] == [small]


def test_a_record_that_only_the_broker_can_refuse_spoils_its_own_transaction_only(
    kafka: LocalKafka, prefix: str
) -> None:
    source = f"{prefix}-source"
    kafka.create_topic(f"{prefix}.team-a", config={"max.message.bytes": "2000"})
    noise = json.dumps({"metadata": {"namespace": "team-a"}, "noise": os.urandom(5000).hex()}).encode()
    small = [event("team-a", "pod", number) for number in range(4)]
    values = [small[0], small[1], noise, small[2], small[3]]
    plant(kafka, source, [letter(Origin(value), source, Reason.UNKNOWN_TOPIC) for value in values])
    # So that its size is not known beforehand.
    told = fates(kafka, prefix, code=1, KAFKA_PRODUCER_COMPRESSION_TYPE="gzip")
    assert told == Counter({("replayed", f"{prefix}.team-a"): 4, ("refused again", "too-large"): 1})
    assert [record.value for record in read_all(kafka.bootstrap, f"{prefix}.team-a")] == small
    told = fates(kafka, prefix, code=1, KAFKA_PRODUCER_COMPRESSION_TYPE="gzip")
    assert told == Counter({("already replayed", "unknown-topic"): 4, ("refused again", "too-large"): 1})


def run_in_a_process(kafka: LocalKafka, prefix: str) -> "subprocess.Popen[str]":
    clean = {name: value for name, value in os.environ.items() if name not in {variable(field) for field in FIELDS}}
    own = {"ENDPOINT": kafka.bootstrap, "TOPIC": f"{prefix}-source", "GROUPID": prefix,
           "TOPIC_TEMPLATE": f"{prefix}.{{namespace}}"}  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-m", "fanout", "replay", "--output", "json"],
        env=clean | own, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def numbers(kafka: LocalKafka, topic: str) -> list[str]:
    return [
        json.loads(record.value or b"")["event"]["involvedObject"]["name"]
        for record in read_all(kafka.bootstrap, topic)
    ]


@pytest.mark.parametrize("kills", [1, 2])
def test_a_replay_that_is_killed_loses_nothing_and_the_next_sends_nothing_twice(
    kafka: LocalKafka, prefix: str, kills: int
) -> None:
    source, count = f"{prefix}-source", 15_000
    plant(
        kafka,
        source,
        [letter(Origin(event("team-a", f"pod-{n}", n), offset=n), source, Reason.UNKNOWN_TOPIC) for n in range(count)],
    )
    destination = f"{prefix}.team-a"
    kafka.create_topic(destination)
    for kill in range(kills):
        before = len(read_all(kafka.bootstrap, destination))
        process = run_in_a_process(kafka, prefix)
        try:
            wait_until(lambda: len(read_all(kafka.bootstrap, destination)) > before, 60, "some are delivered")  # noqa: B023
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=30)
        assert process.returncode == -signal.SIGKILL, f"kill {kill} came in the middle"
    told = fates(kafka, prefix)
    assert sum(told.values()) == count
    assert 0 < told["already replayed", "unknown-topic"] < count, "it was killed in the middle"
    assert Counter(numbers(kafka, destination)) == Counter(f"pod-{n}" for n in range(count))


def test_a_second_replay_fences_the_first_and_what_it_left_open_is_aborted(kafka: LocalKafka, prefix: str) -> None:
    source = f"{prefix}-source"
    topic = plant(kafka, source, [letter(Origin(event("team-a", "pod", 1)), source, Reason.UNKNOWN_TOPIC)])
    settings = Settings(endpoint=kafka.bootstrap, topic=source, groupid=prefix)
    first = Producer(client.transactional(settings, 1_000_000))
    first.init_transactions(30)
    first.begin_transaction()
    kafka.create_topic(f"{prefix}.team-a")
    first.produce(f"{prefix}.team-a", event("team-a", "pod", 1))
    first.produce(topic, partition=0, headers=[("fanout.replayed", b"0:0"), ("fanout.time", b"2026")])
    first.flush(30)
    assert fates(kafka, prefix) == Counter({("replayed", f"{prefix}.team-a"): 1}), "an open transaction marks nothing"
    with pytest.raises(Exception, match=r"(?i)fenced|epoch"):
        first.commit_transaction(30)
    assert len(read_all(kafka.bootstrap, f"{prefix}.team-a")) == 1


def test_nothing_to_replay_is_no_fault(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(f"{prefix}-source")
    result = call(kafka, prefix, "replay")
    assert (result.exit_code, result.stdout) == (0, f"0 dead letters of {prefix}-source-dlq: 0 replayed\n")
