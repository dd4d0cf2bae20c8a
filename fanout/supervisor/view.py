"""Looks at the parts of a replica, and puts down what it finds as plain data."""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from fanout.status.facts import Failing
from fanout.status.state import Failure, Partition, Worker
from fanout.supervisor.commits import Commits
from fanout.supervisor.lag import LagWatch
from fanout.supervisor.lifeline import Lifeline
from fanout.supervisor.pool import Pool
from fanout.supervisor.process import NOTHING, Load
from fanout.supervisor.seat import Seat
from fanout.supervisor.slot import Slot
from fanout.supervisor.source import SourceTopic


class Parts(NamedTuple):
    """What is looked at."""

    commits: Commits
    pool: Pool
    seat: Seat
    lifeline: Lifeline
    source: SourceTopic
    note_gap: Callable[[], object]  # notices, before anybody else does, that this process did not run for a while


def partitions(parts: Parts, lag: LagWatch, progressed_at: Mapping[int, float], now: float) -> list[Partition]:
    """All that are ours, by number. `now` is in seconds since the epoch."""
    retention_s, found = parts.source.retention_s, []
    for number, (position, committed) in sorted(parts.commits.places().items()):
        seen = lag.figures.get(number)
        age_s = seen.age_s(position, now) if seen is not None else None
        found.append(
            Partition(
                partition=number,
                position=position if position >= 0 else None,
                committed=committed if committed >= 0 else None,
                low=seen.low if seen is not None else None,
                end=seen.end if seen is not None else None,
                lag_records=seen.records if seen is not None else None,
                lag_seconds=age_s,
                retention_share=age_s / retention_s if age_s is not None and retention_s else None,
                looked_at=seen.looked_at if seen is not None else None,
                progressed_at=progressed_at.get(number),
            )
        )
    return found


def load(slot: Slot) -> Load:
    """What its worker has in its hands."""
    return slot.process.load if slot.process is not None else NOTHING


def workers(pool: Pool) -> list[Worker]:
    """All workers, by their partitions."""
    return [_worker(slot) for slot in sorted(pool.slots(), key=lambda slot: min(slot.partitions))]


def _worker(slot: Slot) -> Worker:
    history, held = slot.history, load(slot)
    return Worker(
        partitions=sorted(slot.partitions),
        pid=slot.process.pid if slot.process is not None else None,
        started_at=history.started_at,
        restarts=history.ends,
        crashes=history.crashes,
        failure=history.failure,
        inflight_records=held.records,
        inflight_bytes=held.nbytes,
        producers=held.producers,
    )


def running(pool: Pool) -> frozenset[int]:
    """Partitions that have a worker process."""
    return frozenset(number for slot in pool.slots() if slot.process is not None for number in slot.partitions)


def failing(pool: Pool) -> list[Failing]:
    """Workers that end again and again, those of one reason together."""
    found: dict[tuple[str, str, int], Failing] = {}
    for slot in pool.slots():
        since, last = slot.history.failing_since(delivers=slot.delivers), slot.history.failure
        if since is None or last is None:
            continue
        key = (last.cause, last.reason, last.exit_code)
        numbers, crashes = sorted(slot.partitions), slot.history.crashes
        if (known := found.get(key)) is not None:
            numbers, crashes, since = known.partitions + numbers, max(crashes, known.crashes), min(since, known.since)
            last = _later(last, known.failure)
        found[key] = Failing(sorted(numbers), since, crashes, last)
    return list(found.values())


def _later(one: Failure, other: Failure) -> Failure:
    return one if one.at > other.at else other


def hanging(pool: Pool, silent_s: float) -> list[int]:
    """Partitions of workers that were not heard for so long, and run on."""
    latest = time.monotonic() - silent_s
    slots = [slot for slot in pool.slots() if slot.process is not None and slot.process.heard_at < latest]
    return sorted(number for slot in slots for number in slot.partitions)
