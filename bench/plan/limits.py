"""What gives way when there is more of something, and what to do then."""

import math
from collections.abc import Callable

from bench.plan.cluster import PRODUCER_TOPICS, PRODUCERS_MAX
from bench.plan.demand import Demand
from bench.plan.figures import Case, Figure, Limit, between, given
from bench.plan.pods import ends
from bench.plan.size import MEMORY_MARGIN, capacity, catch_up_utilisation, large_capacity
from bench.plan.units import counted, duration, memory, number
from bench.plan.view import View

# It writes one record after the other and waits for all replicas each time: some hundreds a second. Not measured here.
EVENTROUTER_PER_S = 500.0
# A rule of thumb of Kafka's makers from the days of ZooKeeper; with KRaft a broker bears more.
REPLICAS_PER_BROKER = 4_000


def limits_of(case: Case) -> list[Limit]:
    """All of them, the one that is reached first in front."""
    found = [*_by_rate(case), *_by_number(case)]
    return sorted(found, key=lambda limit: limit.times)


def rate_at(case: Case, view: View, alive: int, used: float = 1.0) -> float:
    """Events a second at which so much of the ceiling is used, besides the resyncs; 0 if they alone use more."""
    demand, sizing = case.demand, case.sizing
    resyncs = demand.resync_per_s / large_capacity(view, demand, sizing, alive)
    return max(0.0, (used - resyncs) * capacity(view, demand, sizing, alive))


def _by_rate(case: Case) -> list[Limit]:
    demand, sizing = case.demand, case.sizing
    replicas, alive = sizing.replicas, case.alive
    more = _more_replicas(case)
    found = []
    # With one partition it is the same with one replica as with two.
    if capacity(case.view, demand, sizing, replicas) > capacity(case.view, demand, sizing, alive) or replicas == alive:
        found.append(
            _rate(
                case,
                f"{counted(replicas, 'replica')} at the ceiling: the source is read more slowly than it is written",
                lambda view: rate_at(case, view, replicas),
                more,
            )
        )
    if demand.replicas_lost:
        found.append(
            _rate(
                case,
                f"{alive} left of {counted(replicas, 'replica')} at the ceiling: lag grows until the lost come back",
                lambda view: rate_at(case, view, alive),
                more,
            )
        )
    if demand.outage_s and catch_up_utilisation(case.view, demand) > 0:
        found.append(
            _rate(
                case,
                f"an outage of {duration(demand.outage_s)} takes longer than {duration(demand.catch_up_s)} to catch up",
                lambda view: rate_at(case, view, replicas, max(0.0, catch_up_utilisation(view, demand))),
                f"{more}; or allow more time",
            )
        )
    if demand.eventrouters:
        found.append(_eventrouter(demand))
    return found


def _eventrouter(demand: Demand) -> Limit:
    """It is no part of this program, but often what gives way first."""
    writes = demand.eventrouters * EVENTROUTER_PER_S
    at_most = max(0.0, writes - demand.resync_per_s)
    return Limit(
        what="Eventrouter writes no faster, one record after the other: events wait in it, before they are in Kafka",
        at=Figure(
            value=at_most,
            unit="events/s",
            low=max(0.0, writes / 2 - demand.resync_per_s),
            high=max(0.0, writes * 2 - demand.resync_per_s),
            because=f"{number(writes)} a second less {number(demand.resync_per_s)} of resyncs",
            measured=["assumed: some hundreds a second of each Eventrouter (not measured)"],
        ),
        times=at_most / demand.peak_per_s,
        then="several Eventrouters for different namespaces, or one that writes in batches; this program has room",
    )


def _more_replicas(case: Case) -> str:
    """What helps when pods are full."""
    sizing = case.sizing
    full = sizing.partitions // sizing.workers
    if full > sizing.replicas:
        return f"more replicas, up to {full} for {sizing.partitions} partitions"
    return (
        f"more than {counted(sizing.partitions, 'partition')}, and then replicas; the order of keys breaks once when "
        "partitions are added"
    )


def _rate(case: Case, what: str, of: Callable[[View], float], then: str) -> Limit:
    at = between(ends(case, of), "events/s", what, case.priced.wall_us, case.priced.cpu_us)
    return Limit(what=what, at=at, times=at.value / case.demand.peak_per_s, then=then)


def _by_number(case: Case) -> list[Limit]:
    demand, sizing = case.demand, case.sizing
    partitions = demand.targets + sizing.partitions + 1
    replicas = math.ceil(partitions * demand.replication / demand.brokers)
    producers = PRODUCER_TOPICS * PRODUCERS_MAX
    found = [
        Limit(
            what="the cluster has TOPICS_MAX topics: events of new namespaces become dead letters (topics-max)",
            at=given(demand.topics_max, "topics", "TOPICS_MAX"),
            times=demand.topics_max / (demand.namespaces + 2),
            then="raise TOPICS_MAX, or delete topics of namespaces that are gone",
        ),
        Limit(
            what="a broker has more replicas of partitions than is advised: it starts and fails over slowly",
            at=given(REPLICAS_PER_BROKER, "replicas on a broker", "a rule of thumb; with KRaft a broker bears more"),
            times=REPLICAS_PER_BROKER / replicas,
            then="more brokers",
        ),
        Limit(
            what=f"more than {PRODUCER_TOPICS} destinations on a producer: each event costs more",
            at=given(producers, "namespaces", f"PRODUCERS_MAX {PRODUCERS_MAX} x PRODUCER_TOPICS {PRODUCER_TOPICS}"),
            times=producers / demand.namespaces,
            then="raise PRODUCERS_MAX: threads and connections grow with it",
        ),
        *_memory(case),
    ]
    if demand.outage_s:
        longest = between(
            ends(case, lambda view: max(0.0, demand.source_retention_s - view.start_up_s)),
            "s",
            "the source's retention, less the start",
            case.priced.start_up_s,
        )
        found.append(
            Limit(
                what="an outage longer than the source keeps events: those that expired unread are lost, and marked",
                at=longest,
                times=longest.value / demand.outage_s,
                then="a longer retention.ms of the source",
            )
        )
    return found


def _memory(case: Case) -> list[Limit]:
    demand, sizing, priced = case.demand, case.sizing, case.priced

    def namespaces(view: View) -> float:
        room = (demand.pod_memory_bytes / MEMORY_MARGIN - view.supervisor_bytes) / sizing.workers
        base = view.worker_bytes - view.destination_bytes * demand.targets
        each = view.destination_bytes * demand.topic_partitions
        return max(0.0, (room - base) / each) if each else math.inf

    most = namespaces(case.view)
    if math.isinf(most):
        return []
    each = case.view.destination_bytes * demand.topic_partitions * sizing.workers * MEMORY_MARGIN
    because = (
        f"{memory(demand.pod_memory_bytes)} less supervisor and workers without destinations, over what each takes"
    )
    workers = counted(sizing.workers, "worker")
    return [
        Limit(
            what=f"{workers} with so many destinations need more than {memory(demand.pod_memory_bytes)} of memory",
            at=between(ends(case, namespaces), "namespaces", because, priced.worker_bytes, priced.destination_bytes),
            times=most / demand.namespaces,
            then=f"more memory: {number(each * 1_000 / 1e6)} MB a pod for each thousand namespaces more",
        )
    ]
