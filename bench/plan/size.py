"""How many partitions, replicas and workers: the fewest that keep all promises.

**The ceiling.** A worker is one thread of Python with librdkafka's threads beside it. Two things bound it, and the
smaller counts:

- the clock: what one worker drained in a second when it had cores at hand (`View.worker_per_s`). This is no inverse of
  its CPU: its one thread is full long before a second of CPU is spent where librdkafka's threads wait, and long after
  where they work as much as it does;
- the cores: all processes of a pod share `cores_per_pod`, so the workers of a pod do no more together than these cores
  over the CPU of an event of the whole process tree.

Partitions are handed out whole: with 12 partitions on 5 replicas one has three, a quarter of all events and not a
fifth. The busiest worker and the busiest pod decide. That keys share the events evenly among partitions is assumed, and
that replicas do not slow each other, which `scale` measures.

**The promises.** With `replicas_lost` lost the peak, and the resyncs spread over their interval, stay below 1 -
headroom of the ceiling. With all there, what an outage left is caught up in time while the peak goes on.
"""

import math
from collections.abc import Iterator

import msgspec

from bench.plan.demand import Demand
from bench.plan.view import View

# Highly composite numbers: none below has as many divisors, so most numbers of replicas share them evenly. A source is
# given more partitions only at a price: a key then moves to another partition, and its order is lost at that moment.
ROUND = (12, 24, 36, 48, 60, 120, 180, 240, 360, 720, 840, 1_260, 1_680, 2_520)
GROWTH = 2  # therefore there is room for so many times the workers
REPLICAS_MOST = 500  # more is no plan for this program
# Room for what a peak of memory in a drain does not show: fragmentation, larger events, a second client in a rotation.
MEMORY_MARGIN = 1.25


class Sizing(msgspec.Struct, frozen=True):
    """Partitions of the source, replicas, and WORKERS_MAX of each. `fits` is whether all promises are kept."""

    partitions: int
    replicas: int
    workers: int
    fits: bool = True


def shares(sizing: Sizing, alive: int) -> tuple[float, float]:
    """What share of all events the busiest worker and the busiest pod get when `alive` replicas have the partitions."""
    pod = math.ceil(sizing.partitions / alive)
    worker = math.ceil(pod / sizing.workers)
    return worker / sizing.partitions, pod / sizing.partitions


def capacity(view: View, demand: Demand, sizing: Sizing, alive: int) -> float:
    """Events a second at which the busiest worker or pod is at its ceiling, with one alive or more."""
    return _capacity(view.worker_per_s, view.cpu_us, demand, sizing, alive)


def large_capacity(view: View, demand: Demand, sizing: Sizing, alive: int) -> float:
    """The same in records of a resync."""
    return _capacity(view.large_worker_per_s, view.large_cpu_us, demand, sizing, alive)


def _capacity(worker_per_s: float, cpu_us: float, demand: Demand, sizing: Sizing, alive: int) -> float:
    worker, pod = shares(sizing, alive)
    return min(worker_per_s / worker, demand.cores_per_pod * 1e6 / cpu_us / pod)


def utilisation(view: View, demand: Demand, sizing: Sizing, alive: int, events_per_s: float) -> float:
    """Share of the ceiling that these events take, with the resyncs spread over their interval; may be above 1."""
    small, large = capacity(view, demand, sizing, alive), large_capacity(view, demand, sizing, alive)
    return events_per_s / small + demand.resync_per_s / large


def catch_up_s(view: View, demand: Demand, sizing: Sizing, events_per_s: float) -> float:
    """Seconds from the end of the outage until nothing is left of it, while events go on coming; inf if never.

    At utilisation u a second brings u seconds of work: the outage and the start leave u of their length, and 1 - u of
    each second is free for it.
    """
    used = utilisation(view, demand, sizing, sizing.replicas, events_per_s)
    if used >= 1:
        return math.inf
    return view.start_up_s + used * (demand.outage_s + view.start_up_s) / (1 - used)


def catch_up_utilisation(view: View, demand: Demand) -> float:
    """The highest utilisation at which the outage is caught up in time, by `catch_up_s`; 0 or below if at none."""
    if not demand.outage_s:
        return 1.0
    return (demand.catch_up_s - view.start_up_s) / (demand.catch_up_s + demand.outage_s)


def fits(view: View, demand: Demand, sizing: Sizing) -> bool:
    """Whether the promises are kept. One that no size can keep is left out: `problems` tells it."""
    alive = sizing.replicas - demand.replicas_lost
    if utilisation(view, demand, sizing, alive, demand.peak_per_s) > 1 - demand.headroom:
        return False
    most = catch_up_utilisation(view, demand)
    return most <= 0 or utilisation(view, demand, sizing, sizing.replicas, demand.peak_per_s) <= most


def workers_that_fit(view: View, demand: Demand) -> int:
    """Workers that a pod's memory carries; may be 0."""
    room = demand.pod_memory_bytes - view.supervisor_bytes * MEMORY_MARGIN
    return max(0, int(room / (view.worker_bytes * MEMORY_MARGIN)))


def workers_most(view: View, demand: Demand) -> int:
    """Workers of a pod beyond which another gains nothing: its cores are busy, its memory full, or it is told so."""
    busy = math.ceil(demand.cores_per_pod * 1e6 / view.cpu_us / view.worker_per_s)
    most = min(busy, workers_that_fit(view, demand), demand.workers_max or busy)
    return max(1, most)


def size_of(view: View, demand: Demand) -> Sizing:
    """The fewest replicas that do, and of one worker each if that does.

    A pod is filled with workers before another replica is added. Where nothing fits (the partitions are given, or no
    number of replicas is enough), it is the size that does most, and `fits` is False.
    """
    most = workers_most(view, demand)
    if demand.partitions is not None:
        return _of_given(view, demand, demand.partitions, most)
    least = demand.replicas_lost + 1
    for replicas in range(least, REPLICAS_MOST + 1):
        # Once the fewest replicas do not do, pods are full: fewer workers in more pods would be more supervisors.
        for workers in range(1, most + 1) if replicas == least else (most,):
            some = [Sizing(partitions, replicas, workers) for partitions in _round(replicas * workers * GROWTH)]
            if fitting := [sizing for sizing in some if fits(view, demand, sizing)]:
                # The fewest of those that the workers share most evenly.
                return min(fitting, key=_unevenness)
    return Sizing(next(_round(REPLICAS_MOST * most * GROWTH)), REPLICAS_MOST, most, fits=False)


def _unevenness(sizing: Sizing) -> float:
    """How many times its even share the busiest worker gets; to two digits, for less is no difference."""
    return round(shares(sizing, sizing.replicas)[0] * sizing.replicas * sizing.workers, 2)


def _round(least: int) -> Iterator[int]:
    """Round numbers from `least` on, a few of them: more partitions are shared more evenly."""
    some = [number for number in ROUND if number >= least] or [math.ceil(least / ROUND[-1]) * ROUND[-1]]
    yield from some[:4]


def _of_given(view: View, demand: Demand, partitions: int, most: int) -> Sizing:
    """With partitions that cannot be changed. More replicas than these and those that may be lost would idle."""
    least = demand.replicas_lost + 1
    tried = []
    for replicas in range(least, max(least, min(partitions + demand.replicas_lost, REPLICAS_MOST)) + 1):
        for workers in range(1, min(most, partitions) + 1) if replicas == least else (min(most, partitions),):
            sizing = Sizing(partitions, replicas, workers)
            if fits(view, demand, sizing):
                return sizing
            tried.append(msgspec.structs.replace(sizing, fits=False))
    # The first of those that do most.
    return max(tried, key=lambda sizing: capacity(view, demand, sizing, sizing.replicas - demand.replicas_lost))
