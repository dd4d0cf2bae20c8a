"""What is deployed: partitions, replicas, workers, their CPU and memory, and how KEDA scales them."""

import math
from collections.abc import Callable

from bench.plan.figures import Case, Ends, Figure, Keda, Size, between, given
from bench.plan.size import (
    GROWTH,
    MEMORY_MARGIN,
    Sizing,
    capacity,
    catch_up_utilisation,
    shares,
    size_of,
    utilisation,
    workers_most,
)
from bench.plan.units import cores, counted, duration, memory, number, share
from bench.plan.view import View

CORES_STEP = 0.05
# Of a process that has next to nothing to do: its second's ticks and its clients' own traffic. Assumed.
CORES_IDLE = 0.05
MEMORY_STEP = 32 * 2**20


def ends(case: Case, of: Callable[[View], float]) -> Ends:
    """A number with each of the three views of the costs."""
    return Ends(of(case.view), of(case.best), of(case.worst))


def size_figures(case: Case) -> Size:
    """The size, each with its reason."""
    return Size(
        partitions=_partitions(case),
        replicas=_replicas(case),
        workers=_workers(case),
        cpu_request=_cpu_request(case),
        cpu_limit=given(
            case.demand.cores_per_pod, "cores", "what a pod may use: the catching up and the resyncs need bursts"
        ),
        memory=_memory(case),
    )


def _partitions(case: Case) -> Figure:
    demand, sizing = case.demand, case.sizing
    if demand.partitions is not None:
        return given(sizing.partitions, "", "given: there cannot be more workers than these")
    resized = ends(case, lambda view: size_of(view, demand).partitions)
    because = (
        f"{counted(sizing.replicas, 'replica')} x {counted(sizing.workers, 'worker')}, and room for {GROWTH} times as "
        f"many, since partitions that are added later break the order of keys once; {sizing.partitions} has so many "
        "divisors that most numbers of replicas share it evenly"
    )
    return between(resized, "", because, case.priced.wall_us, case.priced.cpu_us)


def _replicas(case: Case) -> Figure:
    demand, sizing = case.demand, case.sizing
    resized = ends(case, lambda view: size_of(view, demand).replicas)
    used = utilisation(case.view, demand, sizing, case.alive, demand.peak_per_s)
    because = (
        f"the fewest that, with {demand.replicas_lost} lost, bear the peak of {number(demand.peak_per_s)} events/s at "
        f"{share(used)} of their ceiling, {share(1 - demand.headroom)} at most, and that catch up in time"
    )
    if not sizing.fits:
        because = "the fewest that do as much as can be done"
    return between(resized, "", because, case.priced.wall_us, case.priced.cpu_us)


def _workers(case: Case) -> Figure:
    demand, view = case.demand, case.view
    resized = ends(case, lambda each: size_of(each, demand).workers)
    by_cores = demand.cores_per_pod * 1e6 / view.cpu_us
    because = (
        f"WORKERS_MAX: one drains {number(view.worker_per_s)} events/s by the clock, and a pod's "
        f"{demand.cores_per_pod:g} cores bear {number(by_cores)} at {view.cpu_us:.1f} us each; "
        f"{workers_most(view, demand)} fill a pod's cores or memory"
    )
    return between(resized, "", because, case.priced.wall_us, case.priced.cpu_us, case.priced.worker_bytes)


def used_cores(case: Case, view: View, events_per_s: float) -> float:
    """Cores that a pod uses at this even rate, which is no backlog.

    An event of a backlog costs the least. One that comes alone costs several times as much; but no pod uses more than
    at its ceiling, where rounds are as large as in a backlog.
    """
    workers = min(case.sizing.workers, math.ceil(case.sizing.partitions / case.alive))
    ceiling = min(case.demand.cores_per_pod, workers * view.worker_per_s * view.cpu_us / 1e6)
    return max(events_per_s * view.cpu_us / 1e6, min(events_per_s * view.alone_us / 1e6, ceiling))


def _with_resyncs(case: Case, view: View) -> float:
    """Events a second at the peak, with those of resyncs for as many as they cost."""
    return case.demand.peak_per_s + case.demand.resync_per_s * view.large_cpu_us / view.cpu_us


def _even_rate(case: Case, view: View) -> float:
    """What the busiest pod gets with replicas lost, with the headroom on top."""
    return _with_resyncs(case, view) * shares(case.sizing, case.alive)[1] / (1 - case.demand.headroom)


def _catch_up_rate(case: Case, view: View) -> float:
    """What the busiest pod has to drain to catch up in time; 0 where that is not possible at all."""
    most = catch_up_utilisation(view, case.demand)
    return _with_resyncs(case, view) * shares(case.sizing, case.sizing.replicas)[1] / most if most > 0 else 0.0


def _cpu_request(case: Case) -> Figure:
    demand, sizing, view = case.demand, case.sizing, case.view

    def requested(each: View) -> float:
        even = used_cores(case, each, _even_rate(case, each))
        behind = _catch_up_rate(case, each) * each.cpu_us / 1e6
        least = CORES_IDLE * (1 + sizing.workers)
        stepped = math.ceil(round(max(even, behind, least) / CORES_STEP, 6)) * CORES_STEP
        return round(min(demand.cores_per_pod, stepped), 3)

    because = (
        f"the most of: {number(_even_rate(case, view))} events/s, a pod's part of the peak with {demand.replicas_lost} "
        f"lost over {share(1 - demand.headroom)}, at {view.alone_us:.0f} us while they come alone and at most what the "
        f"workers can use; {number(_catch_up_rate(case, view))} events/s while catching up, at {view.cpu_us:.1f} us; "
        f"{cores(CORES_IDLE)} a process; in a backlog {share(case.priced.supervisor_share.value)} is the supervisor's"
    )
    priced = case.priced
    return between(ends(case, requested), "cores", because, priced.cpu_us, priced.alone_us, priced.supervisor_share)


def _memory(case: Case) -> Figure:
    """As request and as limit: what is promised and not there ends a worker when a backlog comes."""
    workers, view = case.sizing.workers, case.view

    def needed(each: View) -> float:
        whole = (each.supervisor_bytes + workers * each.worker_bytes) * MEMORY_MARGIN
        stepped = math.ceil(whole / MEMORY_STEP) * MEMORY_STEP
        return max(whole, min(stepped, case.demand.pod_memory_bytes))

    because = (
        f"request and limit: supervisor {memory(view.supervisor_bytes)} + {workers} x {memory(view.worker_bytes)} for "
        f"a worker of {counted(case.demand.targets, 'destination')}, and {share(MEMORY_MARGIN - 1)} more"
    )
    priced = case.priced
    return between(ends(case, needed), "memory", because, priced.worker_bytes, priced.supervisor_bytes)


def keda_figures(case: Case) -> Keda:
    """KEDA divides the lag of the group by the threshold: so many pods, within the bounds."""
    demand, sizing, view = case.demand, case.sizing, case.view
    rate = capacity(view, demand, sizing, sizing.replicas) / sizing.replicas

    def threshold(each: View) -> float:
        return _rounded_down(capacity(each, demand, sizing, sizing.replicas) / sizing.replicas * demand.delay_s)

    full = sizing.partitions // sizing.workers
    most = max(sizing.replicas, min(full, sizing.replicas * GROWTH))
    return Keda(
        lag_threshold=between(
            ends(case, threshold),
            "records",
            f"what a pod may be behind: {number(rate)} events/s of a pod x {duration(demand.delay_s)} of delay",
            case.priced.wall_us,
            case.priced.cpu_us,
        ),
        replicas_min=between(
            ends(case, lambda each: _least_replicas(case, each)),
            "",
            f"the fewest that bear the average of {number(demand.events_per_s)} events/s, with "
            f"{demand.replicas_lost} lost, below {share(1 - demand.headroom)} of their ceiling",
            case.priced.wall_us,
            case.priced.cpu_us,
        ),
        replicas_max=given(
            most,
            "",
            f"KEDA counts pods: {counted(sizing.partitions, 'partition')}, so {counted(full, 'pod')} of "
            f"{counted(sizing.workers, 'worker')}; at most {GROWTH} times the plan, so that a lag which pods cannot "
            "help does not start them all",
        ),
    )


def _least_replicas(case: Case, view: View) -> int:
    demand, sizing = case.demand, case.sizing
    for replicas in range(demand.replicas_lost + 1, sizing.replicas):
        fewer = Sizing(sizing.partitions, replicas, sizing.workers)
        alive = replicas - demand.replicas_lost
        if utilisation(view, demand, fewer, alive, demand.events_per_s) <= 1 - demand.headroom:
            return replicas
    return sizing.replicas


def _rounded_down(value: float) -> float:
    """To two digits, and not to nothing."""
    if value < 1:
        return 1.0
    power = 10.0 ** max(0, math.floor(math.log10(value)) - 1)
    return math.floor(value / power) * power
