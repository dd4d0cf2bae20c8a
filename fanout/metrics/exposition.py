"""The metrics as a scrape gets them: what is known at one moment, under the names of the catalogue.

What is not known is absent; a counter whose labels are known is there from the start with 0, so that `rate()` sees the
first.
"""

import platform
from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate

import confluent_kafka
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.core import (
    Metric as Family,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from fanout.errors import FailureKind, Reason
from fanout.metrics import catalogue
from fanout.metrics.catalogue import SECONDS_BUCKETS, Kind, Metric
from fanout.metrics.tallies import Observations, Tallies
from fanout.status.kinds import Cause
from fanout.status.state import Gauges, Partition, Status

Samples = Iterable[tuple[tuple[str, ...], float | None]]

# The values that a label of a counter can have, so far as they are known before they occur.
KNOWN: Mapping[Metric, Iterable[str]] = {
    catalogue.RECORDS: ("delivered", "dead_letter", "skipped", "resync_dropped", "expired"),
    catalogue.REFUSED: tuple(Reason),
    catalogue.COMMITS: ("ok", "retried", "failed"),
    catalogue.REBALANCES: ("assigned", "revoked", "lost"),
    catalogue.WORKER_RESTARTS: (*Cause, *FailureKind),
}

_REPLICA: Mapping[Metric, Callable[[Status, Gauges], float | None]] = {
    catalogue.INFLIGHT_RECORDS: lambda status, _: sum(worker.inflight_records for worker in status.workers),
    catalogue.INFLIGHT_BYTES: lambda status, _: sum(worker.inflight_bytes for worker in status.workers),
    catalogue.SOURCE_RETENTION_SECONDS: lambda status, _: status.retention_s,
    catalogue.SOURCE_PARTITIONS: lambda status, _: status.source_partitions,
    catalogue.ASSIGNED_PARTITIONS: lambda status, _: len(status.partitions),
    catalogue.MEMBER: lambda status, _: status.joined,
    catalogue.BROKER_REACHABLE: lambda status, _: status.broker_reachable,
    catalogue.PRODUCERS: lambda _, gauges: gauges.producers,
    catalogue.MEMORY_LIMIT_BYTES: lambda _, gauges: gauges.memory_limit_bytes,
    catalogue.START_TIME: lambda status, _: status.started_at,
}

_PARTITION: Mapping[Metric, Callable[[Partition], float | None]] = {
    catalogue.LAG_RECORDS: lambda partition: partition.lag_records,
    catalogue.LAG_SECONDS: lambda partition: partition.lag_seconds,
    catalogue.LAG_RETENTION_RATIO: lambda partition: partition.retention_share,
    catalogue.LAST_PROGRESS: lambda partition: partition.progressed_at,
}


class Snapshot(Collector):
    """All metrics of one moment. Made where their figures change, rendered on any thread: it shares nothing."""

    def __init__(self, status: Status, tallies: Tallies, gauges: Gauges) -> None:
        self._families = [
            family for metric in catalogue.CATALOGUE if (family := _family(metric, status, tallies, gauges)).samples
        ]

    def collect(self) -> Iterable[Family]:
        """For the exposition formats of the library."""
        return self._families


def render(snapshot: Snapshot, accept: str) -> tuple[bytes, str]:
    """The text and its content type, in the format that this Accept header asks for: Prometheus's own if in doubt."""
    try:
        encoder, kind = choose_encoder(accept if accept.isascii() else "")
    except (TypeError, ValueError):  # a version that is none
        encoder, kind = choose_encoder("")
    return encoder(snapshot), kind


def _family(metric: Metric, status: Status, tallies: Tallies, gauges: Gauges) -> Family:
    match metric.kind:
        case Kind.COUNTER:
            counter = CounterMetricFamily(metric.name, metric.help, labels=metric.labels)
            for labels, count in _counts(metric, tallies).items():
                counter.add_metric(labels, count)
            return counter
        case Kind.HISTOGRAM:
            observations = tallies.observations(metric)
            return HistogramMetricFamily(metric.name, metric.help, _buckets(observations), observations.total_s)
        case Kind.INFO:
            return InfoMetricFamily(metric.name, metric.help, _versions(status))
        case Kind.GAUGE:
            gauge = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
            for labels, value in _values(metric, status, gauges):
                if value is not None:
                    gauge.add_metric(labels, value)
            return gauge


def _counts(metric: Metric, tallies: Tallies) -> dict[tuple[str, ...], int]:
    known = [(str(value),) for value in KNOWN.get(metric, ())] if metric.labels else [()]
    return {**dict.fromkeys(known, 0), **tallies.counts(metric)}


def _values(metric: Metric, status: Status, gauges: Gauges) -> Samples:
    if metric in _REPLICA:
        return [((), _REPLICA[metric](status, gauges))]
    if metric in _PARTITION:
        value = _PARTITION[metric]
        return [((str(partition.partition),), value(partition)) for partition in status.partitions]
    if metric == catalogue.WORKER_UP:
        return [((str(number),), worker.pid is not None) for worker in status.workers for number in worker.partitions]
    if metric == catalogue.MEMORY_BYTES:
        return [((process,), value) for process, value in gauges.memory_bytes.items()]
    if metric == catalogue.FINDINGS:
        return [(labels, 1) for labels in {(finding.kind, finding.severity): 1 for finding in status.findings}]
    raise LookupError(f"no figures for {metric.name}")


def _buckets(observations: Observations) -> list[tuple[str, float]]:
    bounds = [*(str(bound) for bound in SECONDS_BUCKETS), "+Inf"]
    return list(zip(bounds, accumulate(observations.counts), strict=True))


def _versions(status: Status) -> dict[str, str]:
    return {
        "version": status.version,
        "python": platform.python_version(),
        "librdkafka": confluent_kafka.libversion()[0],
    }
