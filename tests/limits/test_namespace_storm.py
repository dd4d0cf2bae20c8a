"""Whoever can create namespaces can create ten thousand in a minute: TOPICS_MAX holds, and tenants notice little.

TOPICS_MAX is counted by each worker from a list that is at most ten seconds old, so that the workers of one storm may
each fill what room there was: it is exact for one worker, and bounded for several.
"""

import itertools
import os
import time
from collections import Counter
from typing import NamedTuple

import pytest

from bench.broker import LocalKafka
from bench.program import Program
from tests.support.comparing import Group, assert_exactly, assert_ordered, wait_caught_up
from tests.support.figures import APPEND_TIME, appended_ms, percentile, told
from tests.support.load import Load
from tests.support.samples import event, namespace_of
from tests.support.topics import Record, produce, read_all, read_topics, topics, wait_until
from tests.support.watching import MEGABYTE, Watch

STORM = int(os.environ.get("EVENTS_FANOUT_STORM", "1500"))  # namespaces; 10000 is the whole storm
ROOM = int(os.environ.get("EVENTS_FANOUT_STORM_ROOM", "100"))  # topics
EACH = 2  # records of a namespace, one of them after all the others' first
PARTITIONS = 2
TENANTS = 5
RATE = 200.0
WORKER_MAX = 200 * MEGABYTE
# On a quiet machine 1 s, while the topics are being made; what this must catch is a storm that stops the tenants.
TENANT_P99_MS = 10_000.0


class Storm(NamedTuple):
    """What became of it."""

    sent: list[Record]
    made: set[str]
    refused: list[Record]


def storm(prefix: str) -> list[Record]:
    """The storm's records, in the order in which they are written."""
    records: list[Record] = []
    for again, number in itertools.product(range(EACH), range(STORM)):
        value = event(f"{prefix}-storm-{number}", "pod", again, padding="x")
        records.append(Record(value, b"%d" % number, partition=number % PARTITIONS))
    return records


def outcome(kafka: LocalKafka, prefix: str, sent: list[Record]) -> Storm:
    """Read what became of the storm; every record of it is at its destination or a dead letter, and once."""
    made = {name for name in topics(kafka.bootstrap) if name.startswith(f"{prefix}-storm-")}
    letters = read_all(kafka.bootstrap, f"{prefix}-dlq")
    assert {dict(letter.headers)["fanout.reason"] for letter in letters} == {b"topics-max"}
    arrived = [record for found in read_topics(kafka.bootstrap, made).values() for record in found]
    there = Counter(record.value for record in [*arrived, *letters])
    assert there == Counter(record.value for record in sent)
    for name, found in read_topics(kafka.bootstrap, made).items():
        assert {namespace_of(record) for record in found} <= {name}
        assert [record.value for record in found] == sorted(record.value or b"" for record in found)
    return Storm(sent, made, letters)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.timeout(300)
def test_a_storm_of_namespaces_makes_no_more_topics_than_allowed(kafka: LocalKafka, prefix: str, workers: int) -> None:
    tenants = [f"{prefix}-{number}" for number in range(TENANTS)]
    kafka.create_topic(prefix, PARTITIONS, config=APPEND_TIME)
    kafka.create_topics(tenants, config=APPEND_TIME)
    kafka.create_topic(f"{prefix}-dlq")
    settings = {"WORKERS_MAX": workers, "TOPICS_MAX": len(topics(kafka.bootstrap)) + 1 + ROOM}  # 1: __consumer_offsets
    sent = storm(prefix)
    with Program(kafka.bootstrap, prefix, prefix, **settings) as program:
        with Load(kafka.bootstrap, prefix, tenants, rate=RATE, partitions=PARTITIONS) as load, Watch(
            program.workers
        ) as watch, Group(kafka.bootstrap, prefix, prefix) as group:  # fmt: skip
            wait_until(lambda: group.delivering() == PARTITIONS, 30, "deliveries of both partitions")
            begun = time.monotonic()
            produce(kafka.bootstrap, prefix, sent)
            written = time.monotonic()
            ends = group.ends()
            wait_until(
                lambda: all(offset >= ends[p] for p, offset in group.committed().items()), 120, "the storm's end"
            )
            drained = time.monotonic()
            of_tenants = load.stop()
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        assert not program.lines("worker died")
        assert program.terminate() == 0
    after = outcome(kafka, prefix, sent)
    source = appended_ms(read_all(kafka.bootstrap, prefix))
    found = appended_ms(record for records in read_topics(kafka.bootstrap, tenants).values() for record in records)
    under_way = [found[record.value] - source[record.value] for record in of_tenants]
    print(
        f"{STORM} namespaces, {len(sent)} records, written in {written - begun:.1f} s, {workers} workers: "
        f"{len(after.made)} topics made where there was room for {ROOM}, {len(after.refused)} dead letters, "
        f"all done {drained - written:.1f} s after the last was written; a worker {watch.most}"
    )
    print(told("tenants meanwhile, append to append", under_way))
    assert_exactly(kafka.bootstrap, of_tenants)
    assert_ordered(kafka.bootstrap, of_tenants)
    assert ROOM <= len(after.made) <= ROOM * workers
    assert watch.most.rss < WORKER_MAX
    assert percentile(under_way, 0.99) < TENANT_P99_MS
