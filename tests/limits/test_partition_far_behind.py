"""One source partition is far behind, the others are live: their events do not wait until it has caught up.

With a worker for each partition they share nothing but the machine. With WORKERS_MAX=1 one client fetches for all, and
what it has fetched ahead of the partition that is behind stands before every event of the others.
"""

import os
from bisect import bisect
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from bench.broker import LocalKafka
from bench.program import Program
from tests.support.comparing import Group, assert_exactly, assert_ordered, wait_caught_up
from tests.support.figures import APPEND_TIME, appended_ms, percentile, told
from tests.support.load import Load, write
from tests.support.samples import PADDING, event
from tests.support.topics import Record, read_all, read_topics, wait_until
from tests.support.watching import MEGABYTE, Watch

BACKLOG = int(os.environ.get("LIMITS_BACKLOG_EVENTS", "100000"))
NAMESPACES = 20
RATE = 600.0  # of all live partitions together
LEAST = 10  # events of a live partition, or there is nothing to judge by
AFTERWARDS = 300  # live events, with no backlog any more
WORKER_MAX = 200 * MEGABYTE
# On a quiet machine with two cores 50 ms beside the backlog and 3 ms without.
MEDIAN_MORE_MS = 1_000.0
# How much of the backlog may arrive while one live event is under way. Of an event that waits for its end that is all.
WENT_BY_MAX = 0.6


class StarvedError(AssertionError):
    """Events waited for the backlog of another partition."""


class LoadBeside(Load):
    """A load on all partitions of the source but one."""

    def __init__(self, kafka: LocalKafka, source: str, namespaces: list[str], *, partitions: int, but: int) -> None:
        super().__init__(kafka.bootstrap, source, namespaces, rate=RATE, partitions=partitions - 1)
        self._but = but

    def _records(self) -> Iterator[Record]:
        for record in super()._records():
            yield Record(record.value, record.key, partition=record.partition + (record.partition >= self._but))


class Seen(NamedTuple):
    """What became of the live events that were written while the backlog was worked off, by partition."""

    under_way_ms: dict[int, list[float]]
    went_by: dict[int, list[float]]  # the share of the backlog that arrived meanwhile
    afterwards_ms: list[float]  # of those that were written later


def seen(kafka: LocalKafka, source: str, namespaces: list[str], behind: int) -> Seen:
    """Look at both ends, by the broker's clock."""
    records = read_all(kafka.bootstrap, source)
    written = appended_ms(records)
    found = read_topics(kafka.bootstrap, namespaces)
    arrived = appended_ms(record for destination in found.values() for record in destination)
    backlog = sorted(arrived[record.value] for record in records if record.partition == behind)
    print(f"the backlog of {len(backlog)} events took {(backlog[-1] - backlog[0]) / 1000:.1f} s")
    under_way, went_by, afterwards = defaultdict(list), defaultdict(list), []
    for record in records:
        begun, ended = written[record.value], arrived[record.value]
        if record.partition == behind or begun < backlog[0]:
            continue
        if begun > backlog[-1]:
            afterwards.append(float(ended - begun))
            continue
        under_way[record.partition].append(float(ended - begun))
        went_by[record.partition].append((bisect(backlog, ended) - bisect(backlog, begun)) / len(backlog))
    return Seen(under_way, went_by, afterwards)


def run(kafka: LocalKafka, source: str, *, workers_max: int, partitions: int, behind: int) -> Seen:
    """Work a backlog off beside live partitions; nothing is lost or out of order by it, and the memory is bounded."""
    namespaces = [f"{source}-{number}" for number in range(NAMESPACES)]
    kafka.create_topic(source, partitions, config=APPEND_TIME)
    kafka.create_topics(namespaces, config=APPEND_TIME)
    old = [
        Record(event(namespaces[n % NAMESPACES], "old", n, padding=PADDING * 2), b"old", partition=behind)
        for n in range(BACKLOG)
    ]
    write(kafka.bootstrap, source, old)
    with (
        LoadBeside(kafka, source, namespaces, partitions=partitions, but=behind) as load,
        Program(kafka.bootstrap, source, source, WORKERS_MAX=workers_max) as program,
        Watch(program.workers) as watch,
        Group(kafka.bootstrap, source, source) as group,
    ):
        wait_until(lambda: group.committed().get(behind, 0) >= BACKLOG, 150, "the backlog to be worked off")
        so_far = load.acknowledged
        wait_until(lambda: load.acknowledged >= so_far + AFTERWARDS, 30, "live events with no backlog any more")
        live = load.stop()
        wait_caught_up(kafka.bootstrap, source, source)
        assert len(program.workers()) == (workers_max or partitions)
        assert not program.lines("worker died")
        assert program.terminate() == 0
    print(f"{partitions} partitions, the one that is behind is {behind}; a worker {watch.most}")
    assert watch.most.rss < WORKER_MAX
    assert_exactly(kafka.bootstrap, [*old, *live])
    assert_ordered(kafka.bootstrap, [*old, *live])
    return seen(kafka, source, namespaces, behind)


def assert_not_starved(of: Seen, partitions: int) -> None:
    """Each live partition's events arrive while the backlog is worked off, and not behind it."""
    for partition, shares in sorted(of.went_by.items()):
        print(
            told(f"partition {partition}, append to append", of.under_way_ms[partition])
            + f"; of the backlog went by meanwhile: {max(shares):.2f} at most"
        )
    print(told("with no backlog any more", of.afterwards_ms))
    assert len(of.went_by) == partitions - 1
    assert min(map(len, of.went_by.values())) >= LEAST
    starved = {partition for partition, shares in of.went_by.items() if max(shares) > WENT_BY_MAX}
    if starved:
        raise StarvedError(f"of these partitions: {sorted(starved)}")


@pytest.mark.timeout(300)
def test_a_partition_that_is_far_behind_does_not_delay_those_of_other_workers(kafka: LocalKafka, prefix: str) -> None:
    of = run(kafka, prefix, workers_max=0, partitions=4, behind=3)
    assert_not_starved(of, 4)
    meanwhile = [each for times in of.under_way_ms.values() for each in times]
    assert percentile(meanwhile, 0.5) <= percentile(of.afterwards_ms, 0.5) + MEDIAN_MORE_MS


@pytest.mark.parametrize(
    ("partitions", "behind"),
    [
        pytest.param(4, 3, id="the last one"),
        pytest.param(16, 7, id="one in the middle"),
    ],
)  # fmt: skip
@pytest.mark.timeout(300)
def test_partitions_that_share_a_worker_do_not_wait_until_the_one_that_is_far_behind_has_caught_up(
    kafka: LocalKafka, prefix: str, partitions: int, behind: int
) -> None:
    of = run(kafka, prefix, workers_max=1, partitions=partitions, behind=behind)
    assert_not_starved(of, partitions)
