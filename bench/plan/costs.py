"""What events-fanout costs, from measured points: by number of destinations and by size of an event."""

from collections import defaultdict
from collections.abc import Callable, Sequence

import msgspec

from bench.plan.curves import Curve, Sample, curve_of, line_of, reference_bytes
from bench.plan.measured import Measured, Row

# What stands in for what a measurement did not tell. Each is told as assumed wherever it is used.
SUPERVISOR_BYTES = Measured.assumed(80e6, 38e6, 80e6, "its bound of 80 MB; one was seen at 38 MB")
SUPERVISOR_SHARE = Measured.assumed(0.1, 0.0, 0.2, "a supervisor's part of the CPU of a drain")
START_UP_S = Measured.assumed(3.0, 1.0, 10.0, "start, joining the group, first commit")
# Two workers were seen: at 14 destinations with 118 MB, at 1 000 with 182 MB.
DESTINATION_BYTES = Measured.assumed(65e3, 10e3, 130e3, "65 kB of a worker's memory for each destination")
# A round of one event wakes the threads of consumer and producer and costs a request of each: nobody has measured it.
ALONE_US = Measured.assumed(150.0, 50.0, 300.0, "one that wakes all threads and has a request for itself")


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement: a backlog of events of one size, drained to one number of destinations, some turns of it.

    `cpu_us` is CPU of the whole process tree for each event, `supervisor_us` the supervisor's part of it in the same
    turns, both without start and stop. `wall_events_per_s` is what *one* worker did, also without start and stop: where
    `workers` ran side by side, the rate of all divided by their number. `start_up_s` is the time from the program's
    start until a backlog of next to nothing was committed. Peaks are of one process, the most of all turns.
    `broker_us` is the broker's CPU for each event. What was not measured is empty or None.
    """

    destinations: int
    size_bytes: float
    cpu_us: list[float]
    wall_events_per_s: list[float]
    worker_peak_bytes: float
    supervisor_peak_bytes: float | None = None
    broker_us: list[float] = []
    requests_per_event: float | None = None
    source: str
    supervisor_us: list[float] = []
    start_up_s: list[float] = []
    workers: int = 1

    @property
    def told(self) -> str:
        """The source and what was measured in it."""
        return f"{self.source}, at {self.destinations} destinations"


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a plan needs to know of events-fanout, each with its spread and its source.

    `cpu_us` is CPU of the whole process tree for each event of a backlog, `wall_us` the time of one worker for each.
    The one is not the other: a worker is one thread of Python, which keeps one core busy at most, with librdkafka's
    threads beside it, so its CPU may be more than its time; and it waits for brokers, so it may be less. `wall_us` is
    therefore taken by the clock: the seconds in which one worker drained a backlog, over its events. `alone_us` is the
    CPU of an event that comes alone: rounds are small where there is no backlog.
    """

    cpu_us: Curve
    wall_us: Curve
    broker_us: Curve | None
    requests_per_event: list[Row]
    supervisor_share: Measured
    worker_base_bytes: Measured
    worker_destination_bytes: Measured
    supervisor_bytes: Measured
    start_up_s: Measured
    alone_us: Measured
    machine: str
    sources: list[str]
    notes: list[str]


def costs_of(points: Sequence[Point], machine: str = "", alone_us: Measured = ALONE_US) -> Costs:
    """The costs that these points show. Points of the same destinations and size are taken as one with more turns.

    `machine` says on what they were measured. Raises ValueError without any point, or for a point without turns
    or with figures that are not above 0.
    """
    if not points:
        raise ValueError("no points")
    for point in points:
        measured = [min(turns, default=0.0) for turns in (point.cpu_us, point.wall_events_per_s)]
        if min(*measured, point.worker_peak_bytes) <= 0:
            raise ValueError(f"{point.told}: CPU, rate and memory of a worker have to be above 0")
    source = ", ".join(sorted({point.source for point in points}))
    cpu = _samples(points, lambda point: point.cpu_us)
    wall = _samples(points, lambda point: [1e6 / rate for rate in point.wall_events_per_s])
    reference = reference_bytes(cpu)
    cpu_us, wall_us = curve_of(cpu, reference), curve_of(wall, reference)
    assert cpu_us
    assert wall_us
    base, each = _worker_memory(points, source)
    starts = [start for point in points for start in point.start_up_s]
    shares = [
        part / whole
        for point in points
        if point.supervisor_us
        for part, whole in zip(point.supervisor_us, point.cpu_us, strict=True)
    ]
    return Costs(
        cpu_us=cpu_us,
        wall_us=wall_us,
        broker_us=curve_of(_samples([p for p in points if p.broker_us], lambda point: point.broker_us), reference),
        requests_per_event=_requests(points, reference),
        supervisor_share=Measured.of(shares, source) if shares else SUPERVISOR_SHARE,
        worker_base_bytes=base,
        worker_destination_bytes=each,
        supervisor_bytes=_supervisor_memory(points, source),
        start_up_s=Measured.of(starts, f"{source}, start and stop with next to nothing") if starts else START_UP_S,
        alone_us=alone_us,
        machine=machine,
        sources=sorted({point.source for point in points}),
        notes=_notes(points),
    )


def _samples(points: Sequence[Point], turns: Callable[[Point], list[float]]) -> list[Sample]:
    """One for each number of destinations and size, sorted, with the turns of all points of the same."""
    alike: dict[tuple[int, float], list[Point]] = defaultdict(list)
    for point in points:
        alike[point.destinations, point.size_bytes].append(point)
    return [
        Sample(
            destinations,
            size_bytes,
            [turn for point in same for turn in turns(point)],
            ", ".join(sorted({point.source for point in same})),
        )
        for (destinations, size_bytes), same in sorted(alike.items())
    ]


def _requests(points: Sequence[Point], reference: float) -> list[Row]:
    counted = [point for point in points if point.requests_per_event is not None]
    # They are counted over all turns, and a count has no spread to tell.
    counts = _samples(counted, lambda point: [point.requests_per_event or 0.0] * len(point.cpu_us))
    curve = curve_of(counts, reference)
    return curve.rows if curve else []


def _worker_memory(points: Sequence[Point], source: str) -> tuple[Measured, Measured]:
    """A worker's memory without destinations, and for each of them. No peak that was measured is above the line."""
    turns = sum(len(point.cpu_us) for point in points)
    line = line_of([(point.destinations, point.worker_peak_bytes) for point in points])
    if line is None:
        peak, most = max(point.worker_peak_bytes for point in points), max(point.destinations for point in points)
        told = f"{source}, at {most} destinations only"
        base = max(0.0, peak - DESTINATION_BYTES.low * most)
        return Measured(base, base, peak, told, turns), DESTINATION_BYTES
    told = f"{source}, the line through the peaks of a worker"
    base = line.base + line.above
    return Measured(base, line.base, base, told, turns), Measured(line.each, line.each, line.each, told, turns)


def _supervisor_memory(points: Sequence[Point], source: str) -> Measured:
    peaks = [point.supervisor_peak_bytes for point in points if point.supervisor_peak_bytes is not None]
    if not peaks:
        return SUPERVISOR_BYTES
    return Measured(max(peaks), min(peaks), max(peaks), f"{source}, peak of the supervisor", len(peaks))


def _notes(points: Sequence[Point]) -> list[str]:
    """What these measurements leave open."""
    notes = []
    if (side_by_side := max(point.workers for point in points)) > 1:
        notes.append(
            f"Up to {side_by_side} workers ran side by side, and a worker's rate is their rate over their number: what"
            " they took from each other and from a broker on the same cores is in it, so a worker alone does more."
        )
    if len({point.size_bytes for point in points}) == 1:
        notes.append(
            f"Only events of {points[0].size_bytes:.0f} bytes were measured: larger ones are taken to cost in"
            " proportion to their bytes, smaller ones the same. Measure a second size."
        )
    if len({point.destinations for point in points}) == 1:
        notes.append("Only one number of destinations was measured.")
    if all(point.requests_per_event is None for point in points):
        notes.append("Produce requests were not counted.")
    return notes
