"""Every record in the topic of its namespace, as it was: on the samples of a real cluster, and by each setting."""

from collections import Counter
from typing import NamedTuple

import msgspec
import pytest

from bench.broker import LocalKafka
from bench.program import Program
from tests.support import samples
from tests.support.comparing import by_namespace, content, wait_caught_up
from tests.support.topics import Record, produce, read_all, read_topics, topics

SOURCE = "cluster-events"
DEAD = "cluster-events-dlq"
ANY_TIME = {"message.timestamp.after.max.ms": str(2**63 - 1)}  # the samples may be of tomorrow, by this clock
HEADERS = (("traceparent", b"00-1"), ("empty", b""), ("null", None), ("twice", b"1"), ("twice", b"2"))


def headers_of(record: Record) -> dict[str, str]:
    """The dead letter's own headers."""
    return {name: (value or b"").decode() for name, value in record.headers if name.startswith("fanout.")}


class Run(NamedTuple):
    """What was written to the source, and the topics that are there since."""

    sent: list[Record]
    created: set[str]


@pytest.fixture(scope="module")
def run(kafka: LocalKafka) -> Run:
    """The samples, and variants of them: null key, empty key, headers. They are routed by a run that has ended."""
    kafka.create_topic(SOURCE, partitions=4, config=ANY_TIME)
    records = samples.load(partitions=4)
    first = records[0]
    assert first.value is not None
    for number, (key, headers) in enumerate(
        [(None, ()), (b"", ()), (b"key", ()), (None, HEADERS), (b"\xff\x00", HEADERS)]
    ):
        # A space at the end keeps each value the only one of its kind, and JSON.
        value = first.value + b" " * (number + 1)
        records.append(Record(value, key, headers, first.timestamp, partition=number % 4))
    produce(kafka.bootstrap, SOURCE, records)
    before = topics(kafka.bootstrap)
    with Program(
        kafka.bootstrap, SOURCE, "samples", TOPIC_CONFIG="message.timestamp.after.max.ms=" + str(2**63 - 1)
    ) as program:
        wait_caught_up(kafka.bootstrap, "samples", SOURCE)
        assert program.terminate() == 0
        totals = program.totals()
        assert (totals["delivered"], totals["dead_letters"]) == (len(records) - 4, 4)
    return Run(records, topics(kafka.bootstrap) - before)


@pytest.fixture
def sent(run: Run) -> list[Record]:
    """What was written to the source."""
    return run.sent


def test_each_sample_is_in_the_topic_of_its_namespace_byte_for_byte(kafka: LocalKafka, sent: list[Record]) -> None:
    expected = by_namespace(sent)
    refused = expected.pop(SOURCE)
    assert len(refused) == 4
    found = read_topics(kafka.bootstrap, expected)
    assert {name: len(records) for name, records in found.items()} == {n: len(r) for n, r in expected.items()}
    for namespace, records in expected.items():
        assert Counter(map(content, found[namespace])) == Counter(map(content, records)), namespace


def test_null_empty_and_text_keys_and_headers_are_told_apart(kafka: LocalKafka, sent: list[Record]) -> None:
    variants = {record.value: record for record in sent[-5:]}
    found = [record for record in read_all(kafka.bootstrap, "default") if record.value in variants]
    assert [(record.key, record.headers) for record in sorted(found, key=lambda r: len(r.value or b""))] == [
        (None, ()), (b"", ()), (b"key", ()), (None, HEADERS), (b"\xff\x00", HEADERS),
    ]  # fmt: skip


def test_timestamps_are_kept(kafka: LocalKafka, sent: list[Record]) -> None:
    wanted = {record.value: record.timestamp for record in by_namespace(sent)["team-a"]}
    assert {record.value: record.timestamp for record in read_all(kafka.bootstrap, "team-a")} == wanted


def test_order_of_one_partition_is_kept_in_each_destination(kafka: LocalKafka, sent: list[Record]) -> None:
    for partition in range(4):
        mine = [record.value for record in by_namespace(sent)["default"] if record.partition == partition]
        there = [record.value for record in read_all(kafka.bootstrap, "default") if record.value in set(mine)]
        assert there == mine


def test_a_namespace_named_like_the_source_does_not_loop(kafka: LocalKafka, sent: list[Record]) -> None:
    assert Counter(record.value for record in read_all(kafka.bootstrap, SOURCE)) == Counter(r.value for r in sent)
    refused = by_namespace(sent)[SOURCE]
    letters = read_all(kafka.bootstrap, DEAD)
    assert Counter(record.value for record in letters) == Counter(record.value for record in refused)
    assert {headers_of(record)["fanout.reason"] for record in letters} == {"reserved-topic"}


def test_a_forged_involved_object_is_ignored(kafka: LocalKafka, sent: list[Record]) -> None:
    def involved(record: Record) -> str:
        assert record.value is not None
        decoded = msgspec.json.decode(record.value)
        return str(decoded["event"]["involvedObject"].get("namespace", ""))

    forged = [record for record in by_namespace(sent)["team-a"] if involved(record) == "payments"]
    assert len(forged) == 1
    assert forged[0].value in {record.value for record in read_all(kafka.bootstrap, "team-a")}
    assert forged[0].value not in {record.value for record in read_all(kafka.bootstrap, "payments")}


def test_only_namespaces_and_the_dead_letters_become_topics(run: Run) -> None:
    assert run.created == by_namespace(run.sent).keys() - {SOURCE} | {DEAD}
