"""What the brokers bear: requests, bytes, topics, disk."""

import math

from bench.plan.figures import Broker, Case, Ends, Figure, between, given
from bench.plan.measured import Measured
from bench.plan.pods import ends
from bench.plan.size import capacity
from bench.plan.units import counted, duration, number, size
from bench.plan.view import View

# Around a value: the record's own fields with the name of an object for key (50), and the batch's header (61), which
# most records have for themselves while there is no backlog. Eventrouter writes one record a batch, too.
OVERHEAD_BYTES = 111
LINGER_S = 0.001  # fanout/client.py
TOGETHER = Measured.assumed(1.0, 0.0, 1.0, "how many events share a produce request while there is no backlog")
# Kafka's own: a segment is deleted when its newest record is too old, so up to one more is kept of each partition.
SEGMENT_BYTES = 2**30
SEGMENT_S = 7 * 86_400.0
PRODUCER_TOPICS, PRODUCERS_MAX = 128, 40  # fanout/settings.py
ROUND_LEAST, ROUND_PER_DESTINATION = 5_000, 200  # fanout/worker/loop.py
ROUND_MOST = 20_000  # INFLIGHT_RECORDS


def broker_figures(case: Case) -> Broker:
    """All of the load on the cluster, at the peak with resyncs spread over their interval."""
    demand, sizing = case.demand, case.sizing
    bytes_per_s = _bytes_per_s(case, demand.peak_per_s)
    copies = demand.replication
    partitions = demand.targets + sizing.partitions + 1
    return Broker(
        requests=_requests(case),
        in_bytes=given(
            2 * copies * bytes_per_s,
            "bytes/s",
            f"{size(bytes_per_s)}/s into the source and again into the destinations, x {counted(copies, 'replica')}; "
            f"{OVERHEAD_BYTES} bytes on top of each value; nothing compressed",
        ),
        out_bytes=given(
            (1 + 2 * (copies - 1)) * bytes_per_s,
            "bytes/s",
            f"read once by us, and for {copies - 1} more replicas of source and destinations; tenants read besides",
        ),
        catch_up_bytes=_catch_up_bytes(case),
        cores=_cores(case),
        topics=given(demand.namespaces + 2, "", "a destination for each namespace, the source, the dead letters"),
        partitions=given(
            partitions,
            "",
            f"{demand.namespaces} x {demand.topic_partitions}, {sizing.partitions} of the source, 1 of dead letters",
        ),
        replicas_per_broker=given(
            math.ceil(partitions * copies / demand.brokers),
            "",
            f"{number(partitions)} partitions x {copies} on {counted(demand.brokers, 'broker')}, and nothing else",
        ),
        connections=_connections(case),
        source_disk=_disk(case, demand.source_retention_s, sizing.partitions),
        destination_disk=_disk(case, demand.destination_retention_s, demand.targets),
    )


def _bytes_per_s(case: Case, events_per_s: float) -> float:
    """What is written to the source, without replicas."""
    demand = case.demand
    return events_per_s * (demand.event_size_bytes + OVERHEAD_BYTES) + demand.resync_per_s * (
        demand.resync_bytes + OVERHEAD_BYTES
    )


def _requests(case: Case) -> Figure:
    """Each produce request is for one partition, so what matters is how many events there are for it at once."""
    demand, sizing = case.demand, case.sizing
    events_per_s = demand.peak_per_s + demand.resync_per_s
    together = events_per_s * LINGER_S / (sizing.replicas * sizing.workers * demand.targets)
    even = 1 / (1 + together)
    drained = case.view.requests_per_event
    # Not counted, it is at least what the size of a round says (fanout/worker/loop.py).
    least = demand.targets / min(ROUND_MOST, max(ROUND_LEAST, ROUND_PER_DESTINATION * demand.targets))
    low = min(even, case.best.requests_per_event if case.priced.requests_per_event else min(1.0, least))
    because = (
        f"{number(events_per_s)} events/s, {1 + together:.3g} to a request: as many as come for one destination to one "
        f"worker within the linger of {LINGER_S * 1000:.0f} ms"
    )
    if case.priced.requests_per_event:
        because += f" ({drained:.2g} requests for each in a backlog, the least)"
    per_event = Ends(max(even, drained), low, 1.0)
    scaled = Ends(per_event.value * events_per_s, per_event.low * events_per_s, per_event.high * events_per_s)
    return between(scaled, "per s", because, case.priced.requests_per_event, TOGETHER)


def _catch_up_bytes(case: Case) -> Figure:
    demand, sizing = case.demand, case.sizing

    def written(view: View) -> float:
        drained = capacity(view, demand, sizing, sizing.replicas)
        return drained * (demand.event_size_bytes + OVERHEAD_BYTES) * demand.replication

    because = (
        f"into destinations alone, x {demand.replication}, when {counted(sizing.replicas, 'replica')} drain a backlog "
        "as fast as they can: what the brokers have to bear, or it takes longer"
    )
    return between(ends(case, written), "bytes/s", because, case.priced.wall_us, case.priced.cpu_us)


def _cores(case: Case) -> Figure | None:
    """Measured on one broker without replicas: each replica writes everything again."""
    if case.priced.broker_us is None:
        return None
    demand = case.demand
    events_per_s = demand.peak_per_s + demand.resync_per_s * demand.resync_factor
    one = ends(case, lambda view: events_per_s * view.broker_us / 1e6)
    because = (
        f"{number(events_per_s)} events/s x {case.view.broker_us:.1f} us, as measured in a backlog on one broker; with "
        f"{counted(demand.replication, 'replica')} at most as many times that, and more where requests are small"
    )
    return between(
        Ends(one.value, one.low, one.high * demand.replication), "cores", because, case.priced.broker_us
    )  # fmt: skip


def _connections(case: Case) -> Figure:
    demand, sizing = case.demand, case.sizing
    producers = min(PRODUCERS_MAX, math.ceil(demand.namespaces / PRODUCER_TOPICS))
    of_pod = sizing.workers * (producers + 3) + 2
    return given(
        sizing.replicas * of_pod * demand.brokers,
        "",
        f"at most: {counted(sizing.replicas, 'replica')} x {counted(demand.brokers, 'broker')} x "
        f"({counted(sizing.workers, 'worker')} x ({counted(producers, 'producer')}, one for what is sent alone, a "
        "consumer, an admin client) + 2 of the supervisor)",
    )


def _disk(case: Case, retention_s: float, partitions: int) -> Figure:
    """What is kept on average; and at most, with a segment more of each partition."""
    demand = case.demand
    bytes_per_s = _bytes_per_s(case, demand.events_per_s)
    kept = bytes_per_s * retention_s * demand.replication
    more = min(bytes_per_s * SEGMENT_S, partitions * SEGMENT_BYTES) * demand.replication
    resyncs = " with resyncs" if demand.resync_events else ""
    because = (
        f"{size(bytes_per_s)}/s on average{resyncs} x {duration(retention_s)} x {demand.replication} replicas; at most "
        f"a segment more of each partition, {size(more)}: it stays until its newest record is too old"
    )
    return Figure(value=kept, unit="bytes", low=kept, high=kept + more, because=because)
