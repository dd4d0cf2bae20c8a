"""Many partitions on few workers: two processes for all of them, whatever happens to one, and whoever joins."""

import os
import signal
from collections import Counter
from functools import partial
from typing import Any

import pytest

from bench.broker import LocalKafka
from bench.program import Program
from tests.support.comparing import Group, assert_complete, assert_exactly, assert_ordered, wait_caught_up
from tests.support.load import Load, write
from tests.support.samples import PADDING, event
from tests.support.topics import Record, read_all, read_topics, wait_until
from tests.support.watching import MEGABYTE, Watch

PARTITIONS = int(os.environ.get("LIMITS_PARTITIONS", "64"))
EVENTS = int(os.environ.get("LIMITS_MANY_EVENTS", "64000"))
WORKERS = 2
NAMESPACES = 5
RATE = 640.0
WORKER_MAX = 200 * MEGABYTE
# So seldom that what is not committed when a partition is given back would be delivered twice.
COMMIT_INTERVAL_MS = 1_500
PROTOCOLS: dict[str, dict[str, str]] = {
    "classic": {"KAFKA_HEARTBEAT_INTERVAL_MS": "500"},  # how soon a member hears of a rebalance
    "consumer": {},  # there it is the broker's to say
}
ALL = set(range(PARTITIONS))


def held(program: Program) -> list[set[int]]:
    """The partitions of each worker that lives."""
    lives = program.workers()
    return [set(line["partitions"]) for line in program.lines("worker started") if line["pid"] in lives]


def shares(program: Program, partitions: int) -> bool:
    """Whether its workers hold so many partitions together, each as many as the other, and none is held twice."""
    of_each = held(program)
    alike = [len(of_one) for of_one in of_each] == [partitions // WORKERS] * WORKERS
    return alike and set().union(*of_each) == program.assigned()


def wait_committed(group: Group) -> dict[int, int]:
    """Wait until all that was in the source at this moment is committed; the ends of that."""
    ends = group.ends()
    wait_until(lambda: all(group.committed().get(p, 0) >= end for p, end in ends.items()), 60, f"commits up to {ends}")
    return ends


@pytest.mark.timeout(300)
def test_two_workers_deliver_each_record_of_many_partitions_once(kafka: LocalKafka, prefix: str) -> None:
    names = [f"{prefix}-{number}" for number in range(NAMESPACES)]
    kafka.create_topic(prefix, PARTITIONS)
    kafka.create_topics(names)
    sent = []
    for number in range(EVENTS):
        turn, partition = divmod(number, PARTITIONS)
        value = event(names[turn % NAMESPACES], f"pod-{partition}", number, padding=PADDING * 2)
        sent.append(Record(value, b"pod-%d" % partition, partition=partition))
    write(kafka.bootstrap, prefix, sent)
    with Program(kafka.bootstrap, prefix, prefix, WORKERS_MAX=WORKERS) as program:
        with Watch(program.workers) as watch:
            wait_caught_up(kafka.bootstrap, prefix, prefix, 120)
            assert shares(program, PARTITIONS), held(program)
        assert len(program.lines("worker started")) == WORKERS
        assert program.terminate() == 0
    print(f"{EVENTS} events in {PARTITIONS} partitions: a worker {watch.most}, both {watch.total}")
    assert_exactly(kafka.bootstrap, sent)
    assert_ordered(kafka.bootstrap, sent)
    assert watch.most.rss < WORKER_MAX


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.timeout(300)
def test_many_partitions_go_on_when_a_worker_dies_and_are_shared_when_a_replica_joins(
    kafka: LocalKafka, prefix: str, protocol: str
) -> None:
    names = [f"{prefix}-{number}" for number in range(NAMESPACES)]
    kafka.create_topic(prefix, PARTITIONS)
    settings: dict[str, Any] = {
        "WORKERS_MAX": WORKERS, "GROUP_PROTOCOL": protocol, "COMMIT_INTERVAL_MS": COMMIT_INTERVAL_MS,
        **PROTOCOLS[protocol],
    }  # fmt: skip
    replica = partial(Program, kafka.bootstrap, prefix, prefix, **settings)
    with (
        Load(kafka.bootstrap, prefix, names, rate=RATE, partitions=PARTITIONS) as load,
        Group(kafka.bootstrap, prefix, prefix) as group,
        replica() as first,
        Watch(first.workers) as watch,
    ):
        # Where a partition begins is committed, too, before anything of it is delivered.
        wait_until(lambda: {p for p, at in group.committed().items() if at} == ALL, 40, "deliveries of every partition")
        assert shares(first, PARTITIONS), held(first)
        dies, stays = first.worker(0), first.workers() - {first.worker(0)}
        os.kill(dies, signal.SIGKILL)
        first.worker(0, other_than=dies)
        # What the dead one had read is below these ends: behind them nothing may come twice.
        settled = wait_committed(group)
        assert shares(first, PARTITIONS), held(first)
        assert stays < first.workers(), "the other worker was not to notice"
        with replica() as second, Watch(second.workers) as watch_second:
            wait_until(
                lambda: shares(first, PARTITIONS // 2) and shares(second, PARTITIONS // 2), 60, "two replicas to share"
            )
            wait_committed(group)
            assert first.terminate() == 0
            wait_until(lambda: shares(second, PARTITIONS), 60, "the one that is left to hold all")
            wait_committed(group)
            sent = load.stop()
            wait_caught_up(kafka.bootstrap, prefix, prefix)
            assert second.terminate() == 0
    assert_ordered(kafka.bootstrap, sent)
    twice = assert_complete(kafka.bootstrap, sent)
    print(
        f"{protocol}: {len(sent)} events in {PARTITIONS} partitions, {twice} of them twice for the death of a worker; "
        f"a worker of the first replica {watch.most}, of the second {watch_second.most}"
    )
    found = Counter(r.value for records in read_topics(kafka.bootstrap, names).values() for r in records)
    later = [record for record in read_all(kafka.bootstrap, prefix) if record.offset >= settled[record.partition]]
    assert later
    assert [(record.partition, record.offset) for record in later if found[record.value] != 1] == []
    assert max(watch.most.rss, watch_second.most.rss) < WORKER_MAX
