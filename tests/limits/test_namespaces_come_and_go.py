"""Namespaces that come and go all day: what a worker holds for those that are silent is given back.

Waves of new namespaces come to a worker whose producers hold five destinations each. After each wave its producers
have to be closed, and its topics are deleted from outside. Two namespaces return in every third wave: the topic of one
has stayed, that of the other is gone.
"""

import os
from collections.abc import Callable

import pytest
from confluent_kafka.admin import AdminClient

from bench.broker import LocalKafka
from fanout.settings import Settings
from tests.limits.conftest import BROKER_MAX_BYTES
from tests.limits.lone import LoneWorker
from tests.support.comparing import assert_exactly, assert_ordered
from tests.support.load import write
from tests.support.samples import events
from tests.support.topics import Record, topics, wait_until
from tests.support.watching import MEGABYTE, Cost, cost

WAVES = int(os.environ.get("LIMITS_WAVES", "9"))
RETURN_EVERY = 3
PER_WAVE = 20
RECORDS = 20  # of a namespace in a wave
REQUEST_S = 30.0
GROWTH_MAX = 8 * MEGABYTE  # from the first waves, which make what is kept, to the last
SETTINGS = {"producer_topics": 5, "producer_idle_ms": 200, "silence_ms": 1_000, "log_level": "warning"}


def delete(kafka: LocalKafka, names: list[str]) -> None:
    """Delete topics and wait until they are gone."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})  # its requests end with it
    for future in admin.delete_topics(names).values():
        future.result(REQUEST_S)
    wait_until(lambda: not topics(kafka.bootstrap) & set(names), REQUEST_S, "the topics to be gone")


def wait_idle(worker: LoneWorker, most: Cost, wave: int) -> Cost:
    """Wait until the worker holds no more threads and files than at its start; what it holds then."""

    def idle() -> bool:
        now = cost(worker.pid)
        return now.threads <= most.threads and now.files <= most.files

    try:
        wait_until(idle, 10, "idle producers to be closed")
    except TimeoutError:
        pytest.fail(f"at the start: {most}; 10 s after wave {wave} and its silence: {cost(worker.pid)}")
    return cost(worker.pid)


def is_at(worker: LoneWorker, offset: int) -> Callable[[], bool]:
    """Whether the worker has reported this offset."""
    return lambda: worker.offset == offset


@pytest.mark.timeout(300)
def test_namespaces_that_come_and_go_leave_nothing_in_the_worker(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(prefix)
    stays, goes = f"{prefix}-stays", f"{prefix}-goes"
    settings = Settings(endpoint=kafka.bootstrap, topic=prefix, groupid=prefix, **SETTINGS)  # type: ignore[arg-type]
    to_stays: list[Record] = []
    written = 0
    seen: list[Cost] = []
    with LoneWorker(settings, BROKER_MAX_BYTES) as worker:
        write(kafka.bootstrap, prefix, events([f"{prefix}-first"], 1))
        wait_until(is_at(worker, 1), 30, "the first record to be delivered")
        start = cost(worker.pid)
        for wave in range(WAVES):
            passing = [f"{prefix}-{wave}-{number}" for number in range(PER_WAVE)]
            passing += [] if wave % RETURN_EVERY else [goes]
            names = passing if wave % RETURN_EVERY else [*passing, stays]
            sent = events(names, RECORDS * len(names), start=written)
            write(kafka.bootstrap, prefix, sent)
            written += len(sent)
            wait_until(is_at(worker, 1 + written), 30, "the wave to be delivered")
            to_stays += [record for record in sent if (record.key or b"").startswith(stays.encode())]
            of_wave = [record for record in sent if record not in to_stays[-RECORDS:]]
            assert_exactly(kafka.bootstrap, of_wave)
            assert_ordered(kafka.bootstrap, of_wave)
            seen.append(wait_idle(worker, start, wave))
            delete(kafka, passing)
        assert worker.stop().drained
    assert len(to_stays) == RECORDS * len(range(0, WAVES, RETURN_EVERY))
    assert_exactly(kafka.bootstrap, to_stays)
    assert_ordered(kafka.bootstrap, to_stays)
    assert worker.counts["delivered"] == 1 + written
    print(f"{WAVES} waves of {PER_WAVE} namespaces: at the start {start}, after each wave:", *seen, sep="\n  ")
    settled = min(seen[: 1 + WAVES // 3], key=lambda held: held.rss)
    assert seen[-1].rss - settled.rss < GROWTH_MAX
