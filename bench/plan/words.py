"""The plan in a few sentences."""

from collections.abc import Sequence

from bench.plan.figures import Case, Limit, Problem, Size, Times
from bench.plan.measured import Measured
from bench.plan.size import size_of
from bench.plan.units import counted, duration, number, share, written

NEAR = 1.5  # times today's: what is not further is told, whatever it is


def words(case: Case, problems: Sequence[Problem], pods: Size, times: Times, limits: Sequence[Limit]) -> list[str]:
    """What to do, what to expect of it, what gives way first, and how sure that is: a sentence or two each."""
    if problems:
        told = [f"This cannot be done: {problem.what}. Needed: {problem.needed}." for problem in problems]
        return [*told, f"The most that can be done as it is: {_size(case, pods)}.", _first(limits), _sure(case)]
    return [
        f"{_size(case, pods)}.",
        _busy(case, times),
        _behind(case, times),
        *_resync(case, times),
        _first(limits),
        *_near(limits),
        _sure(case),
    ]


def _size(case: Case, pods: Size) -> str:
    sizing = case.sizing
    partitions = counted(sizing.partitions, "partition")
    source = f"{partitions} as given" if case.demand.partitions else f"A source of {partitions}"
    return (
        f"{source}; {counted(sizing.replicas, 'replica')} with {counted(sizing.workers, 'worker')} each "
        f"(WORKERS_MAX={sizing.workers}). Each replica: {written(pods.cpu_request.value, 'cores')} of CPU requested, "
        f"{written(pods.cpu_limit.value, 'cores')} at most, {written(pods.memory.value, 'memory')} of memory"
    )


def _busy(case: Case, times: Times) -> str:
    demand = case.demand
    lost = f", with {demand.replicas_lost} lost at {share(times.utilisation_lost.value)}" * bool(demand.replicas_lost)
    return (
        f"At the peak of {number(demand.peak_per_s)} events/s they are at {share(times.utilisation.value)} of what "
        f"they can do{lost}; {share(1 - demand.headroom)} is allowed."
    )


def _behind(case: Case, times: Times) -> str:
    demand, margin = case.demand, times.retention_margin
    kept = f"The source keeps {duration(demand.source_retention_s)}"
    if not demand.outage_s:
        return f"{kept}: an outage may last as long, and not longer."
    told = (
        f"An outage of {duration(demand.outage_s)} is caught up in {duration(times.catch_up.value)} "
        f"({duration(demand.catch_up_s)} allowed), while the peak goes on. {kept}"
    )
    if margin.low < 0:
        return (
            f"{told}: nothing expires unread, by {duration(margin.value)}, unless a partition has to wait until its "
            "worker is done with others."
        )
    return f"{told}: nothing expires unread, by {duration(_least(margin.low))} at least."


def _least(value_s: float) -> float:
    """Whole minutes of it: what is left at least is not rounded up."""
    return value_s // 60 * 60 if value_s > 600 else value_s


def _resync(case: Case, times: Times) -> list[str]:
    if times.resync is None:
        return []
    late, records = duration(times.resync.value), number(case.demand.resync_events)
    return [f"A resync of {records} records is digested in {late}, and events are as late meanwhile."]


def _first(limits: Sequence[Limit]) -> str:
    first = next(limit for limit in limits if limit.by_rate)
    already = "already " * (first.times < 1)
    return (
        f"First to give way when there are more events, {already}at {number(first.at.value)} events/s, "
        f"{number(first.times)} times the peak: {first.what}. Then: {first.then}."
    )


def _near(limits: Sequence[Limit]) -> list[str]:
    """What is not far, and no matter of the rate."""
    return [
        f"Near, too, at {written(limit.at.value, limit.at.unit)}, {number(limit.times)} times today's: {limit.what}. "
        f"Then: {limit.then}."
        for limit in limits
        if not limit.by_rate and 1 <= limit.times < NEAR
    ]


def _sure(case: Case) -> str:
    """Which costs it rests on, and whether the worst of the turns would change it."""
    priced, view = case.priced, case.view
    return (
        f"It rests on {view.cpu_us:.1f} us of CPU for each event ({_source(priced.cpu_us)}) and on "
        f"{number(view.worker_per_s)} events/s of one worker ({_source(priced.wall_us)}). {_stays(case)}"
    )


def _stays(case: Case) -> str:
    best, worst = size_of(case.best, case.demand), size_of(case.worst, case.demand)
    if not case.sizing.fits:
        return f"With the costs of the best turn it would {'just do' if best.fits else 'not do either'}."
    if not worst.fits:
        return "With the costs of the worst turn it would not do: this is close."
    if (worst.replicas, worst.workers) == (case.sizing.replicas, case.sizing.workers):
        return "With the costs of the worst turn it would be the same size."
    return (
        f"With the costs of the worst turn it would be {counted(worst.replicas, 'replica')} of "
        f"{counted(worst.workers, 'worker')}."
    )


def _source(cost: Measured) -> str:
    return f"{cost.source}: {cost.sure}"
