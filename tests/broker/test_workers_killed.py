"""A worker killed again and again under load: only its own partition notices, and only for a moment."""

import os
import signal
import statistics
import subprocess
import sys
import time
from itertools import pairwise

import pytest

from bench.broker import LocalKafka
from bench.program import ROOT, Program
from tests.support.comparing import Group, assert_complete, assert_ordered, wait_caught_up
from tests.support.figures import APPEND_TIME, appended_ms, percentile, told
from tests.support.load import Load
from tests.support.topics import Record, read_all, read_topics, wait_until

KILLS = 20
PARTITIONS = 4
RATE = 400.0
# Two shared cores: what is asked is a second, and one of twenty may meet a busy moment. Most of that is the start of
# a process, which takes START_S where it holds; the same machine was seen to take three times as long an hour later.
WITHIN_MS, EVERY_WITHIN_MS = 1_000, 3_000
START_S = 0.15
STARTS = 5


@pytest.mark.timeout(180)
def test_the_next_record_is_delivered_within_a_second_of_a_workers_death(kafka: LocalKafka, prefix: str) -> None:
    namespaces = [f"{prefix}-{number}" for number in range(3)]
    kafka.create_topic(prefix, PARTITIONS, config=APPEND_TIME)
    kafka.create_topics(namespaces, config=APPEND_TIME)
    kills: list[tuple[int, int]] = []  # (partition, wall-clock milliseconds)
    with Program(kafka.bootstrap, prefix, prefix) as program, Group(kafka.bootstrap, prefix, prefix) as group:
        with Load(kafka.bootstrap, prefix, namespaces, rate=RATE, partitions=PARTITIONS) as load:
            wait_until(lambda: group.delivering() == PARTITIONS, 20, "deliveries of every partition")
            for number in range(KILLS):
                partition = number % PARTITIONS
                before = {p: program.worker(p) for p in range(PARTITIONS)}
                os.kill(before[partition], signal.SIGKILL)
                kills.append((partition, int(time.time() * 1000)))
                program.worker(partition, other_than=before[partition])
                end = group.ends()[partition]
                wait_until(lambda p=partition, e=end: group.committed()[p] > e, 20, "deliveries after the death")  # type: ignore[misc]
                assert {p: program.worker(p) for p in before if p != partition} == {
                    p: pid for p, pid in before.items() if p != partition
                }
            slow = max(1.0, _start_s() / START_S)
            sent = load.stop()
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        assert len(program.lines("worker died", exit_code=-signal.SIGKILL)) == KILLS
        assert len(program.lines("partitions assigned")) == 1
        assert not program.lines("partitions revoked")
        assert program.terminate() == 0
    twice = assert_complete(kafka.bootstrap, sent)
    assert_ordered(kafka.bootstrap, sent)
    outages, pauses = _times(kafka, prefix, namespaces, kills)
    print(told("from the death to the next record of its partition", outages))
    print(told("longest gap of another partition meanwhile", pauses))
    print(f"delivered twice: {twice} of {len(sent)}; a process takes {slow:.1f} times as long to start as it should")
    assert percentile(outages, 0.5) <= WITHIN_MS * slow
    assert max(outages) <= EVERY_WITHIN_MS * slow
    assert percentile(pauses, 0.5) <= WITHIN_MS / 4 * slow
    assert max(pauses) <= EVERY_WITHIN_MS / 2 * slow


def _start_s() -> float:
    """How long a process takes here and now that loads what a worker loads, beside what is going on."""
    took_s = []
    for _ in range(STARTS):
        begun = time.monotonic()
        subprocess.run([sys.executable, "-c", "import fanout.worker.main"], cwd=ROOT, check=True)
        took_s.append(time.monotonic() - begun)
    return statistics.median(took_s)


def _times(
    kafka: LocalKafka, source: str, namespaces: list[str], kills: list[tuple[int, int]]
) -> tuple[list[float], list[float]]:
    """For each kill, from the death to the first delivery of what was written after it; and the others' gaps, in ms."""
    written = read_all(kafka.bootstrap, source)
    delivered = appended_ms(record for found in read_topics(kafka.bootstrap, namespaces).values() for record in found)
    by_partition: dict[int, list[Record]] = {p: [r for r in written if r.partition == p] for p in range(PARTITIONS)}
    outages: list[float] = []
    pauses: list[float] = []
    for partition, killed in kills:
        next_one = next(record for record in by_partition[partition] if record.timestamp[1] > killed)
        outages.append(delivered[next_one.value] - killed)
        for other in set(by_partition) - {partition}:
            times = sorted(delivered[record.value] for record in by_partition[other])
            near = [at for at in times if killed - 100 <= at <= killed + 1_000]
            pauses.append(max(later - earlier for earlier, later in pairwise(near)))
    return outages, pauses
