"""`python -m bench --bootstrap`: on a cluster that others use, what was there is there afterwards, and nothing else.

That every event arrived once, and as it was, is what each measurement itself looks at. No time is asserted.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest
from click.testing import CliRunner
from click.testing import Result as Done
from confluent_kafka import Consumer, TopicCollection, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from bench.broker import LocalKafka
from bench.broker.security import AUTHORIZER, LOGINS, Certificates, logins
from bench.commands.compare import compare_command
from bench.commands.latency import latency_command
from bench.commands.recover import recover_command
from bench.commands.sustain import sustain_command
from bench.commands.throughput import throughput_command
from bench.compare import Comparison
from bench.latency import Latency
from bench.offsets import GroupReader
from bench.recover import Recover
from bench.result import load
from bench.sustain import Sustain
from bench.throughput import Throughput
from tests.support.topics import Record, produce, read_topics, topics, wait_until

pytestmark = pytest.mark.timeout(400)

# As clusters are, and as it would be wrong for generated events with their old time stamps: they would be deleted at
# once, or stamped anew.
CONFIG = {
    "log.retention.ms": "604800000",
    "log.retention.check.interval.ms": "1000",
    "log.message.timestamp.type": "LogAppendTime",
}
THEIRS = ("team-a", "default", "fanout-bench-0badcafe-of-another")
GROUP = "theirs"
EVENTS = 3_000


class State(NamedTuple):
    """Topics by name with their ids and records, and groups with what they have committed."""

    ids: dict[str, str]
    records: dict[str, list[Record]]
    groups: dict[str, dict[int, int]]


def state(kafka: LocalKafka) -> State:
    """All that is there but Kafka's own."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    names = topics(kafka.bootstrap)
    described = admin.describe_topics(TopicCollection(sorted(names))).items()
    groups = {group.group_id for group in admin.list_consumer_groups().result().valid}
    return State(
        {name: str(future.result().topic_id) for name, future in described},
        read_topics(kafka.bootstrap, names),
        {group: committed(kafka, group) for group in groups},
    )


def committed(kafka: LocalKafka, group: str) -> dict[int, int]:
    with GroupReader(kafka.bootstrap, group) as reader:
        return reader.committed(THEIRS[0], [0])


def make_theirs(kafka: LocalKafka) -> None:
    """What others have there."""
    kafka.create_topics(THEIRS)
    for number, name in enumerate(THEIRS):
        produce(kafka.bootstrap, name, [Record(b"%d" % offset) for offset in range(5 + number)])
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": GROUP})
    consumer.commit(offsets=[TopicPartition(THEIRS[0], 0, 3)], asynchronous=False)
    consumer.close()


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalKafka]:
    with LocalKafka(config=CONFIG) as running:
        make_theirs(running)
        yield running


@pytest.fixture
def unchanged(cluster: LocalKafka) -> Iterator[LocalKafka]:
    """The cluster, on which a test leaves everything as it was."""
    before = state(cluster)
    assert before.ids.keys() == set(THEIRS)
    assert before.groups == {GROUP: {0: 3}}
    yield cluster
    wait_until(lambda: topics(cluster.bootstrap) == set(THEIRS), 10, "what is removed to be gone from metadata")
    assert state(cluster) == before


def run(command: click.Command, bootstrap: str, *arguments: str) -> Done:
    done = CliRunner().invoke(command, ["--bootstrap", bootstrap, *arguments], catch_exceptions=False, color=False)
    assert "FAILED" not in done.output, done.output
    assert "NOT REMOVED" not in done.output, done.output
    return done


def drain(bootstrap: str, *arguments: str) -> Done:
    return run(throughput_command, bootstrap, "--events", str(EVENTS), "--turns", "1", *arguments)


def test_throughput_leaves_nothing_and_says_what_it_does_not_know(unchanged: LocalKafka, kept: Path) -> None:
    done = drain(unchanged.bootstrap, "--destinations", "2,20", "--load", "busy")
    assert done.exit_code == 0, done.output
    assert "topics and groups begin with fanout-bench-" in done.output
    assert "not known" in done.output
    result = load(kept, Throughput)
    assert result.cluster == f"{unchanged.bootstrap}, 1 broker, topics with its default replication"
    assert "kafka" not in result.versions
    for measured in result.data.measured:
        [turn] = measured.turns
        assert turn.events == EVENTS
        assert all(map(math.isnan, measured.broker_us()))
        assert (measured.requests_per_event, measured.round_trip_ms) == (None, None)


def test_a_comparison_has_topics_of_its_own_for_each_number_of_destinations(unchanged: LocalKafka, kept: Path) -> None:
    few = ("--peers", "confluent-naive", "--events", "200", "--turns", "1")
    done = run(compare_command, unchanged.bootstrap, *few, "--destinations", "2,5")
    assert done.exit_code == 0, done.output
    rounds = load(kept, Comparison).data.rounds
    assert [[turn.events for turn in measured.turns[0]] for measured in rounds] == [[200, 200]] * 2


def test_latency_leaves_nothing(unchanged: LocalKafka, kept: Path) -> None:
    short = ("--rates", "300", "--seconds", "2", "--turns", "1", "--namespaces", "5", "--late-ms", "1e6")
    done = run(latency_command, unchanged.bootstrap, *short)
    assert "Error: " not in done.output, done.output
    [measured] = load(kept, Latency).data.steps
    [turn] = measured.turns
    assert turn.wrong() == ""
    assert turn.times.append_to_append_ms.count == turn.times.source_to_destination_us.count == 600
    assert math.isnan(turn.cpu.broker_s)


def test_sustain_leaves_nothing(unchanged: LocalKafka, kept: Path) -> None:
    slow = ("--set", "INFLIGHT_RECORDS=5", "--first", "300", "--width", "1.5")
    done = run(sustain_command, unchanged.bootstrap, *slow, "--seconds", "4", "--turns", "1", "--namespaces", "5")
    assert "Error: " not in done.output, done.output
    found = load(kept, Sustain).data
    assert found.missing == 0
    assert all(math.isnan(cpu.broker_s) for probe in found.turns[0].probes for cpu in probe.cpus)


def test_recover_leaves_nothing(unchanged: LocalKafka, kept: Path) -> None:
    few = ("--minutes", "0.1", "--rate", "200", "--kills", "1", "--turns", "1", "--namespaces", "5")
    done = run(recover_command, unchanged.bootstrap, *few)
    assert done.exit_code == 0, done.output
    found = load(kept, Recover).data
    assert found.drained[0].events == 1_200
    assert found.killed[0].missing == 0
    assert 0 < found.killed[0].moved_s < 30


def test_a_program_that_fails_leaves_nothing(unchanged: LocalKafka, kept: Path) -> None:
    done = drain(unchanged.bootstrap, "--destinations", "2", "--set", "INFLIGHT_RECORDS=none")
    assert done.exit_code == 1
    assert "broken off: 2 destinations: events-fanout" in done.output
    assert not kept.exists()


def test_ctrl_c_leaves_nothing(unchanged: LocalKafka, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[str]] = []

    def interrupt(*_: object, **__: object) -> None:
        seen.append(topics(unchanged.bootstrap))
        raise KeyboardInterrupt

    monkeypatch.setattr("bench.stage.drain", interrupt)
    done = drain(unchanged.bootstrap, "--destinations", "2")
    assert "Aborted!" in done.output
    assert len(seen[0]) == len(THEIRS) + 4, "two sources and two destinations were there"
    assert not kept.exists()


def test_a_prefix_that_is_used_already_stops_it_before_anything_is_made(
    unchanged: LocalKafka, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.broker.own.secrets.token_hex", lambda _: "0badcafe")
    done = drain(unchanged.bootstrap, "--destinations", "2")
    assert done.exit_code == 1
    assert f"{THEIRS[2]} is on {unchanged.bootstrap} already" in " ".join(done.output.split())
    assert not kept.exists()


USER, PASSWORD = "bench", "hunter2"
PREFIX = "fanout-bench-"
# All that whoever measures needs to be allowed, on what begins with the prefix.
RIGHTS = {
    ResourceType.TOPIC: ("CREATE", "DELETE", "READ", "WRITE", "DESCRIBE_CONFIGS"),
    ResourceType.GROUP: ("READ", "DELETE"),
}


@pytest.fixture
def secured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalKafka]:
    """One that asks for a password, and lets its user do no more than that; the environment has it."""
    own = Certificates(tmp_path / "own")
    with LocalKafka(listeners=[logins(own, {USER: PASSWORD})], config={**CONFIG, **AUTHORIZER}) as running:
        make_theirs(running)
        admin = AdminClient({"bootstrap.servers": running.bootstrap})
        rules = [
            AclBinding(kind, PREFIX, ResourcePatternType.PREFIXED, f"User:{USER}", "*", AclOperation[name],
                       AclPermissionType.ALLOW)
            for kind, names in RIGHTS.items()
            for name in names
        ]  # fmt: skip
        for future in admin.create_acls(rules).values():
            future.result()
        for name, value in {
            "SECURITY_PROTOCOL": "SASL_SSL",
            "SSL_CA_LOCATION": str(own.authority),
            "SASL_MECHANISM": "PLAIN",
            "SASL_USERNAME": USER,
            "SASL_PASSWORD": PASSWORD,
        }.items():
            monkeypatch.setenv(f"KAFKA_{name}", value)
        yield running


def test_bench_and_program_get_in_with_the_same_variables_and_these_rights(secured: LocalKafka, kept: Path) -> None:
    before = state(secured)
    done = drain(secured.bootstrap_of(LOGINS), "--destinations", "3")
    assert done.exit_code == 0, done.output
    assert load(kept, Throughput).data.measured[0].turns[0].events == EVENTS
    short = ("--rates", "300", "--seconds", "2", "--turns", "1", "--namespaces", "3", "--late-ms", "1e6")
    done = run(latency_command, secured.bootstrap_of(LOGINS), *short)
    assert "Error: " not in done.output, done.output
    assert PASSWORD not in kept.read_text() + done.output
    wait_until(lambda: topics(secured.bootstrap) == set(THEIRS), 10, "what is removed to be gone from metadata")
    assert state(secured) == before
