"""Fault 8: the key was dropped, and with it the order of one object's events in a topic of several partitions."""

from collections import defaultdict

import pytest

from bench.broker import LocalKafka
from bench.program import Program
from tests.faults.original.runs import Start, broken, run_over
from tests.support.comparing import body
from tests.support.load import write
from tests.support.samples import events
from tests.support.topics import Record, read_all

PARTITIONS = 4
OBJECTS = 6


def routed(kafka: LocalKafka, name: str, start: Start) -> tuple[list[Record], list[Record]]:
    """What was written of some objects, in turn, and what is in a destination of several partitions."""
    sent = events([f"{name}-a"], 240, objects=OBJECTS)
    kafka.create_topic(name)
    write(kafka.bootstrap, name, sent)
    # Without a key the client changes the partition from record to record, not every 10 ms.
    run_over(start, kafka, name, TOPIC_PARTITIONS=PARTITIONS, KAFKA_PRODUCER_STICKY_PARTITIONING_LINGER_MS=0)
    return sent, read_all(kafka.bootstrap, f"{name}-a")


def check_keys(sent: list[Record], found: list[Record]) -> None:
    """Each record has the key that it had."""
    assert sorted(map(body, found), key=str) == sorted(map(body, sent), key=str), "keys differ"


def check_order(sent: list[Record], found: list[Record]) -> None:
    """All events of an object are in one partition, in their order. By their values, whatever the keys are."""
    object_of = {record.value: record.key for record in sent}
    written: dict[bytes | None, list[bytes | None]] = defaultdict(list)
    places: dict[bytes | None, set[int]] = defaultdict(set)
    there: dict[bytes | None, list[bytes | None]] = defaultdict(list)
    for record in sent:
        written[record.key].append(record.value)
    for record in found:
        places[object_of[record.value]].add(record.partition)
        there[object_of[record.value]].append(record.value)
    assert {len(partitions) for partitions in places.values()} == {1}, "one object's events are in several partitions"
    assert there == written
    assert len(set.union(*places.values())) > 1, "one partition only: this tells nothing of the order"


def test_08_the_checks_fail_where_the_key_is_dropped(kafka: LocalKafka, prefix: str) -> None:
    sent, found = routed(kafka, prefix, broken("drops_keys"))
    assert {record.value for record in found} == {record.value for record in sent}
    with pytest.raises(AssertionError, match="keys differ"):
        check_keys(sent, found)
    with pytest.raises(AssertionError, match="one object's events are in several partitions"):
        check_order(sent, found)


def test_08_the_key_is_kept_and_with_it_the_order(kafka: LocalKafka, prefix: str) -> None:
    sent, found = routed(kafka, prefix, Program)
    check_keys(sent, found)
    check_order(sent, found)
