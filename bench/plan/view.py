"""The costs for one demand, and these as plain numbers: on the whole, at their best, at their worst."""

from typing import Literal

import msgspec

from bench.plan.costs import Costs
from bench.plan.demand import Demand
from bench.plan.measured import Measured, at

End = Literal["value", "low", "high"]


class Priced(msgspec.Struct, frozen=True, kw_only=True):
    """What each thing costs at the destinations and sizes of a demand. `large_...` is of a record of a resync."""

    cpu_us: Measured
    wall_us: Measured
    large_cpu_us: Measured
    large_wall_us: Measured
    alone_us: Measured
    supervisor_share: Measured
    worker_bytes: Measured
    destination_bytes: Measured
    supervisor_bytes: Measured
    start_up_s: Measured
    broker_us: Measured | None
    requests_per_event: Measured | None


class View(msgspec.Struct, frozen=True, kw_only=True):
    """The same as plain numbers. `worker_per_s` is what one worker drains in a second, with a core and more at hand."""

    cpu_us: float
    large_cpu_us: float
    worker_per_s: float
    large_worker_per_s: float
    alone_us: float
    worker_bytes: float
    destination_bytes: float
    supervisor_bytes: float
    start_up_s: float
    broker_us: float
    requests_per_event: float


def priced(costs: Costs, demand: Demand) -> Priced:
    """The costs at this demand."""
    targets, size, large = demand.targets, demand.event_size_bytes, demand.resync_bytes
    base, each = costs.worker_base_bytes, costs.worker_destination_bytes
    worker = Measured(
        base.value + each.value * targets,
        base.low + each.low * targets,
        base.high + each.high * targets,
        base.source if each.turns or not each.value else f"{base.source}; {each.source}",
        base.turns,
    )
    broker = costs.broker_us.at(targets, size) if costs.broker_us else None
    requests = at(costs.requests_per_event, targets) if costs.requests_per_event else None
    return Priced(
        cpu_us=_named("CPU of an event", costs.cpu_us.at(targets, size)),
        wall_us=_named("rate of a worker", costs.wall_us.at(targets, size)),
        large_cpu_us=_named("CPU of a resync's record", costs.cpu_us.at(targets, large)),
        large_wall_us=_named("rate of a worker in a resync", costs.wall_us.at(targets, large)),
        alone_us=_named("CPU of an event that comes alone", costs.alone_us),
        supervisor_share=_named("supervisor's part of the CPU", costs.supervisor_share),
        worker_bytes=_named("memory of a worker", worker),
        destination_bytes=_named("memory of a destination", each),
        supervisor_bytes=_named("memory of a supervisor", costs.supervisor_bytes),
        start_up_s=_named("start", costs.start_up_s),
        broker_us=_named("broker's CPU of an event", broker) if broker else None,
        requests_per_event=_named("produce requests in a backlog", requests) if requests else None,
    )


def _named(what: str, cost: Measured) -> Measured:
    return msgspec.structs.replace(cost, what=what)


def view(costs: Priced, end: End) -> View:
    """All of them on the whole (`value`), as in the best of the turns (`low`), or in the worst (`high`)."""

    def cost(measured: Measured) -> float:
        return float(getattr(measured, end))

    return View(
        cpu_us=cost(costs.cpu_us),
        large_cpu_us=cost(costs.large_cpu_us),
        worker_per_s=1e6 / cost(costs.wall_us),
        large_worker_per_s=1e6 / cost(costs.large_wall_us),
        alone_us=max(cost(costs.alone_us), cost(costs.cpu_us)),
        worker_bytes=cost(costs.worker_bytes),
        destination_bytes=cost(costs.destination_bytes),
        supervisor_bytes=cost(costs.supervisor_bytes),
        start_up_s=cost(costs.start_up_s),
        broker_us=cost(costs.broker_us) if costs.broker_us else 0.0,
        requests_per_event=min(1.0, cost(costs.requests_per_event)) if costs.requests_per_event else 0.0,
    )
