"""What is read off a run afterwards: how long recoveries took, and how many duplicates its faults may have caused."""

from bisect import bisect_right
from collections import defaultdict

from bench.chaos.faults.base import Done
from bench.chaos.stage import INFLIGHT_RECORDS, LEASE_S, Stage
from bench.checker import Arrival

# Faults by which a supervisor may hang, or be cut off from its group while its workers are not from their topics.
CUT_OFF = ("supervisor-stopped", "broker-", "leader-", "network-")
TOLD_S = 1.0  # until workers hear that they may not read


def recovery_s(stage: Stage, began: float, done: Done) -> float | None:
    """Seconds from `done.healed` until everything that was struck had moved again; None if something never did.

    Only first arrivals count, and after a death only those behind the start of the new worker: what its predecessor
    had sent may still arrive meanwhile.
    """
    news = _news(stage)
    if done.topic:
        generation = stage.tap.generation(done.topic)
        after = [a.at for a in news if a.topic == done.topic and a.generation == generation and a.at >= done.healed]
        return min(after) - done.healed if after else None
    partitions = done.partitions if done.partitions is not None else frozenset(range(stage.traffic.partitions))
    took = 0.0
    for partition in partitions:
        mark = _worker_started(stage, partition, began) if done.replaced else done.healed
        after = [a.at for a in news if mark is not None and a.place and a.place.partition == partition and a.at >= mark]
        if not after:
            return None
        took = max(took, min(after) - done.healed)
    return took


def _news(stage: Stage) -> list[Arrival]:
    """The arrivals that were first."""
    seen = set()
    found = []
    for arrival in sorted(stage.tap.arrivals, key=lambda arrival: arrival.at):
        if arrival.place is not None and arrival.place not in seen:
            seen.add(arrival.place)
            found.append(arrival)
    return found


def _worker_started(stage: Stage, partition: int, after: float) -> float | None:
    """When the first worker of this partition was started after that moment."""
    lines = [line for program in stage.programs for line in program.lines("worker started")]
    return min((line["at"] for line in lines if partition in line["partitions"] and line["at"] > after), default=None)


def duplicates_max(stage: Stage, started: float, ended: float) -> int:
    """How many duplicates the deaths of workers can have caused, by what was seen of commits at each start of one.

    A worker begins where the last one of its partition had reported or where the group has its offset, so what comes
    twice is at most what was delivered above that offset, and what was in flight. Workers of a supervisor that hangs,
    or that its group does not answer, go on beside those of the next owner, until their lease has run out. The mock
    cluster knows no sequence numbers: a produce request that is asked again is written again.
    """
    beside_s = LEASE_S + TOLD_S if any(step.kind.startswith(CUT_OFF) for step in stage.plan.steps) else 0.0
    offsets: dict[tuple[int, int], list[tuple[float, int]]] = defaultdict(list)
    for sample in stage.watch.samples:
        for partition, offset in sample.committed.items():
            offsets[partition, sample.generation].append((sample.at, offset))
    places = {record.place: record for record in stage.traffic.ledger()}
    delivered: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for arrival in sorted(stage.tap.arrivals, key=lambda arrival: arrival.at):
        record = places.get(arrival.place) if arrival.place is not None else None
        if record is not None and record.generation == stage.generation:
            so_far = delivered[record.place.partition][-1][1] if delivered[record.place.partition] else 0
            delivered[record.place.partition].append((arrival.at, max(so_far, record.offset + 1)))
    most = stage.written_twice * INFLIGHT_RECORDS
    for program in stage.programs:
        for line in program.lines("worker started"):
            if started < line["at"] < ended:
                for partition in line["partitions"]:
                    committed = _latest(offsets[partition, stage.generation], line["at"])
                    reached = _latest(delivered[partition], line["at"] + beside_s)
                    most += max(0, reached - committed) + INFLIGHT_RECORDS
    return most


def _latest(history: list[tuple[float, int]], at: float) -> int:
    """The value at that moment; 0 before the first."""
    place = bisect_right(history, at, key=lambda entry: entry[0])
    return history[place - 1][1] if place else 0
