"""How busy it is, and how soon it has done what has piled up."""

import math

from bench.plan.figures import Case, Ends, Figure, Times, between
from bench.plan.pods import ends
from bench.plan.size import capacity, catch_up_s, large_capacity, shares, utilisation
from bench.plan.units import counted, duration, number, share
from bench.plan.view import View


def times_figures(case: Case) -> Times:
    """All of them at the peak, as if it went on for ever: an outage in the busiest hour is what a plan has to bear."""
    return Times(
        ceiling=_ceiling(case),
        utilisation=_utilisation(case, case.sizing.replicas),
        utilisation_lost=_utilisation(case, case.alive),
        catch_up=_catch_up(case),
        retention_margin=_retention_margin(case),
        resync=_resync(case) if case.demand.resync_events else None,
    )


def _ceiling(case: Case) -> Figure:
    demand, sizing, view = case.demand, case.sizing, case.view
    worker, pod = shares(sizing, sizing.replicas)
    by_clock, by_cores = view.worker_per_s / worker, demand.cores_per_pod * 1e6 / view.cpu_us / pod
    because = (
        f"the smaller of {number(by_clock)} events/s (a worker does {number(view.worker_per_s)} by the clock, and the "
        f"busiest has {share(worker)} of all) and {number(by_cores)} (a pod's cores at {view.cpu_us:.1f} us each, and "
        f"the busiest has {share(pod)})"
    )
    return between(
        ends(case, lambda each: capacity(each, demand, sizing, sizing.replicas)),
        "events/s",
        because,
        case.priced.wall_us,
        case.priced.cpu_us,
    )


def _utilisation(case: Case, alive: int) -> Figure:
    demand, sizing = case.demand, case.sizing
    at_most = capacity(case.view, demand, sizing, alive)
    replicas = counted(alive, "replica")
    because = f"{number(demand.peak_per_s)} events/s at the peak, of {number(at_most)} that {replicas} can do"
    if demand.resync_events:
        because += f", and {number(demand.resync_per_s)} records/s of resyncs on average"
    because += "; CPU at an even load shows more, since rounds are smaller"
    return between(
        ends(case, lambda view: utilisation(view, demand, sizing, alive, demand.peak_per_s)),
        "share",
        because,
        case.priced.wall_us,
        case.priced.cpu_us,
    )


def _catch_up(case: Case) -> Figure:
    demand, view = case.demand, case.view
    used = utilisation(view, demand, case.sizing, case.sizing.replicas, demand.peak_per_s)
    if used >= 1:
        because = f"what comes takes {share(used)} of the ceiling: nothing is free to catch up with"
    else:
        work = duration(used * (demand.outage_s + view.start_up_s))
        because = (
            f"{share(used)} of the ceiling goes to what comes, so {duration(demand.outage_s)} of outage and "
            f"{duration(view.start_up_s)} of start leave {work} of work, done in the {share(1 - used)} that is free, "
            "after the start"
        )
    return between(
        ends(case, lambda each: catch_up_s(each, demand, case.sizing, demand.peak_per_s)),
        "s",
        because,
        case.priced.wall_us,
        case.priced.cpu_us,
        case.priced.start_up_s,
    )


def _retention_margin(case: Case) -> Figure:
    """Time between the age of the oldest unread event and the source's retention, at its least.

    The oldest unread event is as old as the outage when reading begins again, and gets younger from then on, whenever
    more is read than comes. Where a worker holds several partitions, one of them may in the worst case wait until the
    others are done.
    """
    demand, sizing, view = case.demand, case.sizing, case.view
    margin = ends(case, lambda each: demand.source_retention_s - demand.outage_s - each.start_up_s)
    worst = margin.high
    if shares(sizing, sizing.replicas)[0] * sizing.partitions > 1:
        worst -= catch_up_s(case.worst, demand, sizing, demand.peak_per_s)
    because = (
        f"kept for {duration(demand.source_retention_s)}, less {duration(demand.outage_s)} of outage and "
        f"{duration(view.start_up_s)} of start: the age of the oldest unread event is the highest then, and falls from "
        "then on; at the least, one partition waits for the others to be done"
    )
    if utilisation(view, demand, sizing, sizing.replicas, demand.peak_per_s) >= 1:
        margin, because = Ends(-math.inf, -math.inf, -math.inf), "more comes than is read: all is lost in the end"
        worst = -math.inf
    return between(Ends(margin.value, margin.low, min(worst, margin.high)), "s", because, case.priced.start_up_s)


def _resync(case: Case) -> Figure:
    demand, sizing = case.demand, case.sizing
    replicas = sizing.replicas

    def digested(view: View) -> float:
        used = demand.peak_per_s / capacity(view, demand, sizing, replicas)
        if used >= 1:
            return math.inf
        return demand.resync_events / large_capacity(view, demand, sizing, replicas) / (1 - used)

    at_most = large_capacity(case.view, demand, sizing, replicas)
    used = demand.peak_per_s / capacity(case.view, demand, sizing, replicas)
    because = (
        f"{number(demand.resync_events)} records of {demand.resync_bytes:.0f} bytes at once, over {number(at_most)} a "
        f"second, in the {share(max(0.0, 1 - used))} that the peak leaves: so late are events meanwhile"
    )
    return between(ends(case, digested), "s", because, case.priced.large_wall_us, case.priced.large_cpu_us)
