"""What cannot be done as it is asked for, and what would be needed."""

import math
from collections.abc import Iterator

import msgspec

from bench.plan.demand import Demand
from bench.plan.figures import Case, Problem
from bench.plan.size import (
    MEMORY_MARGIN,
    REPLICAS_MOST,
    Sizing,
    capacity,
    catch_up_s,
    catch_up_utilisation,
    size_of,
    utilisation,
    workers_that_fit,
)
from bench.plan.units import counted, duration, memory, number, share
from bench.plan.view import View

LOOKED_AT = 400  # numbers of partitions, in search of the least that does


def problems_of(case: Case) -> list[Problem]:
    """All that stands in the way; empty if nothing does."""
    return [*_memory(case), *_too_soon(case), *_too_small(case), *_expired(case), *_topics(case)]


def _memory(case: Case) -> Iterator[Problem]:
    view, demand = case.view, case.demand
    if workers_that_fit(view, demand) < 1:
        one = (view.supervisor_bytes + view.worker_bytes) * MEMORY_MARGIN
        yield Problem(
            f"a pod of {memory(demand.pod_memory_bytes)} does not hold one worker: supervisor "
            f"{memory(view.supervisor_bytes)}, worker with {number(demand.targets)} destinations "
            f"{memory(view.worker_bytes)}, and {share(MEMORY_MARGIN - 1)} more",
            f"{memory(one)} of memory for a pod",
        )


def _too_soon(case: Case) -> Iterator[Problem]:
    view, demand = case.view, case.demand
    if catch_up_utilisation(view, demand) <= 0:
        yield Problem(
            f"nothing can be caught up within {duration(demand.catch_up_s)}: the start alone takes "
            f"{duration(view.start_up_s)}",
            "more time to catch up",
        )


def _too_small(case: Case) -> Iterator[Problem]:
    """What a size that does not fit falls short of, and the size that would do."""
    view, demand, sizing = case.view, case.demand, case.sizing
    if sizing.fits:
        return
    told = []
    used = utilisation(view, demand, sizing, case.alive, demand.peak_per_s)
    if used > 1 - demand.headroom:
        at_most = capacity(view, demand, sizing, case.alive)
        working = counted(min(sizing.partitions, sizing.workers * case.alive), "worker")
        lost = f" with {counted(demand.replicas_lost, 'replica')} lost" if demand.replicas_lost else ""
        resyncs = f" and {number(demand.resync_per_s)} records/s of resyncs" if demand.resync_events else ""
        told.append(
            f"{working}{lost} can do {number(at_most)} events/s, and {number(demand.peak_per_s)} events/s at the"
            f" peak{resyncs} are {share(used)} of that, where the headroom allows {share(1 - demand.headroom)}"
        )
    late_s = catch_up_s(view, demand, sizing, demand.peak_per_s)
    if late_s > demand.catch_up_s and catch_up_utilisation(view, demand) > 0:
        told.append(
            f"an outage of {duration(demand.outage_s)} is {_caught_up(late_s)} while the peak goes on, where"
            f" {duration(demand.catch_up_s)} are allowed"
        )
    bearing = counted(sizing.replicas, "replica") if demand.partitions is None else _partitions(sizing.partitions)
    yield Problem(f"{bearing} cannot bear this: {'; '.join(told)}", _needed(view, demand))


def _caught_up(late_s: float) -> str:
    return "never caught up" if math.isinf(late_s) else f"caught up in {duration(late_s)}"


def _partitions(count: int) -> str:
    return "one partition" if count == 1 else f"{count} partitions"


def _needed(view: View, demand: Demand) -> str:
    free = size_of(view, msgspec.structs.replace(demand, partitions=None))
    if not free.fits:
        return f"more than {REPLICAS_MOST} replicas of {demand.cores_per_pod:g} cores: another program, or fewer events"
    pods = f"with {counted(free.replicas, 'replica')} of {counted(free.workers, 'worker')}"
    if demand.partitions is None:
        return pods
    least = _least_partitions(view, demand, free)
    return f"{least} partitions at least; better {free.partitions}, {pods}"


def _least_partitions(view: View, demand: Demand, free: Sizing) -> int:
    """The fewest that do, looked for from the number that a worker each would need."""
    assert demand.partitions is not None
    start = max(demand.partitions + 1, math.ceil(demand.peak_per_s / (1 - demand.headroom) / view.worker_per_s))
    for partitions in range(start, min(free.partitions, start + LOOKED_AT)):
        if size_of(view, msgspec.structs.replace(demand, partitions=partitions)).fits:
            return partitions
    return free.partitions


def _expired(case: Case) -> Iterator[Problem]:
    view, demand = case.view, case.demand
    age_s = demand.outage_s + view.start_up_s
    if age_s > demand.source_retention_s:
        allowed = demand.source_retention_s - view.start_up_s
        yield Problem(
            f"events are lost in an outage of {duration(demand.outage_s)}: the source keeps"
            f" {duration(demand.source_retention_s)}, so those of its first"
            f" {duration(age_s - demand.source_retention_s)} expire unread, however fast it is caught up",
            f"{duration(1.25 * (demand.outage_s + demand.catch_up_s))} of retention for the source (outage, catching up"
            f" and a quarter), or no outage above {duration(max(0.0, allowed))}",
        )


def _topics(case: Case) -> Iterator[Problem]:
    demand = case.demand
    if (topics := demand.namespaces + 2) > demand.topics_max:
        yield Problem(
            f"{number(topics)} topics are more than TOPICS_MAX of {number(demand.topics_max)}: the events of"
            f" {number(topics - demand.topics_max)} namespaces or more become dead letters",
            f"TOPICS_MAX={math.ceil(topics * 1.25)}, and brokers that bear as many",
        )
