"""How cost and throughput change with the number of workers on one machine: `python -m bench scale`.

One replica with 1, 2, ... workers, each with a partition of its own and a backlog as large as every other's, turn by
turn. With more to do for each worker more, all drains take about as long, and what a start takes is as small a part of
each. On a machine with cores enough the Universal Scalability Law is fitted to it (`bench/usl.py`).
"""

from collections.abc import Sequence

import msgspec

from bench.broker import LOCAL, Target
from bench.cases import Case, Measured, Plan, Tell, measure
from bench.load import Shape
from bench.usl import Fit, TooFewPointsError, fit

CORES_LEAST = 8  # for a law: below, it is the broker that workers share the cores with that would be measured
ALL_UP_TO = 8
STEP = 1.25  # beyond, each number of workers is about so many times the one before


class Scale(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was measured. `events` are in the backlog of each worker; `workers` is parallel to `measured`."""

    events: int
    workers: list[int]
    measured: list[Measured]
    fit: Fit | None


def numbers_of_workers(cores: int) -> list[int]:
    """From one to as many as there are cores, two at least: all of them up to eight, and then fewer and fewer."""
    most = max(2, cores)
    numbers = list(range(1, min(ALL_UP_TO, most) + 1))
    while numbers[-1] < most:
        numbers.append(min(most, round(numbers[-1] * STEP)))
    return numbers


def cases_of(workers: Sequence[int], shape: Shape, settings: dict[str, str]) -> list[Case]:
    """One for each number of workers, with as many partitions."""
    return [
        Case(
            name=f"{count} worker{'s' * (count > 1)}",
            shape=shape,
            partitions=count,
            settings=settings | {"WORKERS_MAX": str(count)},
        )
        for count in workers
    ]


def scale(plan: Plan, cores: int, tell: Tell, target: Target = LOCAL) -> Scale:
    """Measure the cases of `cases_of`. Blocks for minutes, and tells and raises as `bench.cases.measure` does."""
    measured = measure(plan, tell, target)
    workers = [case.partitions for case in plan.cases]
    return Scale(events=plan.events, workers=workers, measured=measured, fit=law_of(workers, measured, cores))


def law_of(workers: Sequence[int], measured: Sequence[Measured], cores: int) -> Fit | None:
    """The law through all turns; None where there are too few cores or numbers of workers (see `why_no_law`)."""
    if cores < CORES_LEAST:
        return None
    counts = [count for count, each in zip(workers, measured, strict=True) for _ in each.turns]
    rates = [rate for each in measured for rate in each.events_per_s()]
    try:
        return fit(counts, rates)
    except TooFewPointsError:
        return None


def why_no_law(cores: int) -> str:
    """The reason, in a sentence, where none was fitted on a machine with so many cores."""
    if cores < CORES_LEAST:
        return (
            f"No law is fitted: {cores} cores, shared with the broker where it is local, show what an event costs as"
            f" workers are added, and not how throughput grows, for which it takes {CORES_LEAST} cores or more."
        )
    return (
        "No law is fitted: it has three unknowns, and below six numbers of workers, up to six or more, any curve fits."
    )
