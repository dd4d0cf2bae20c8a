"""What to set, and what to know besides the figures."""

import math
from collections.abc import Iterator

from bench.plan.cluster import PRODUCER_TOPICS, PRODUCERS_MAX
from bench.plan.figures import Broker, Case, Keda, Times
from bench.plan.units import counted, duration, number, share, size


def advice_of(case: Case, keda: Keda, times: Times, broker: Broker) -> list[str]:
    """A sentence or two each, the most important first."""
    return [
        *_deployment(case),
        *_resyncs(case, times, broker),
        *_segments(broker),
        _scaling(case, keda),
    ]


def _deployment(case: Case) -> Iterator[str]:
    sizing = case.sizing
    if sizing.partitions > sizing.workers:
        yield (
            f"Set WORKERS_MAX={sizing.workers}: by default there is a worker for each partition, and a pod that takes "
            "over those of a lost one would have more than it can hold."
        )
    if sizing.replicas > sizing.partitions:
        idle = sizing.replicas - sizing.partitions
        yield f"{idle} of {counted(sizing.replicas, 'replica')} will have no partition: standing by for what is lost."
    if case.demand.namespaces > PRODUCER_TOPICS * PRODUCERS_MAX:
        needed = -(-case.demand.namespaces // PRODUCER_TOPICS)
        yield f"Set PRODUCERS_MAX={needed}, or a producer carries more than {PRODUCER_TOPICS} destinations."


def _resyncs(case: Case, times: Times, broker: Broker) -> Iterator[str]:
    demand = case.demand
    if times.resync is None:
        return
    resyncs = demand.resync_per_s * demand.resync_bytes
    part = resyncs / (resyncs + demand.events_per_s * demand.event_size_bytes)
    yield (
        f"{share(part)} of all bytes are resyncs, which tell nothing new: with DROP_RESYNC=true destinations keep "
        f"{share(1 - part)} of {size(broker.destination_disk.value)}."
    )
    if demand.delay_s < times.resync.value < math.inf:
        yield (
            f"A resync makes events {duration(times.resync.value)} late, and {duration(demand.delay_s)} are accepted: "
            "more workers, or DROP_RESYNC=true, which spares the writing of it."
        )


def _segments(broker: Broker) -> Iterator[str]:
    kept = [("the source", broker.source_disk), ("destinations (TOPIC_CONFIG)", broker.destination_disk)]
    for name, disk in kept:
        if disk.high > 1.5 * disk.value:
            yield (
                f"Set segment.ms of {name} to a tenth of the retention: with Kafka's default of 7 days up to "
                f"{size(disk.high)} are kept and not {size(disk.value)}."
            )


def _scaling(case: Case, keda: Keda) -> str:
    """Whether KEDA would ever do anything."""
    demand, least = case.demand, keda.replicas_min.value
    lag = keda.lag_threshold.value * least
    written_per_s = demand.peak_per_s + demand.resync_per_s
    kept = written_per_s * demand.source_retention_s
    if keda.replicas_max.value <= least:
        return "KEDA is of no use here: there are no partitions for more replicas."
    if lag > kept:
        return (
            f"KEDA is of no use here: it would add a replica at a lag of {number(lag)} events, and the source keeps no "
            f"more than {number(kept)} at the peak."
        )
    if demand.resync_events > lag:
        return "A resync alone makes KEDA add replicas: --delay is what raises the threshold."
    return (
        f"KEDA adds a replica at a lag of {number(lag)} events, {duration(lag / written_per_s)} of standstill at the "
        "peak; with it the Deployment names no replicas."
    )
