"""Every metric, once: name, type, labels, meaning. The registry, the documentation and the dashboard follow from it."""

from enum import Enum
from typing import NamedTuple

PREFIX = "events_fanout"

# Upper bounds in seconds: an idle path takes milliseconds, a backlog hours.
SECONDS_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0)


class Kind(Enum):
    """The Prometheus type."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    INFO = "info"


class Metric(NamedTuple):
    """One metric. `name` is without `_total` and `_info`, which the exposition adds."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()

    @property
    def series(self) -> str:
        """The name to ask for, as in a query."""
        return self.name + {Kind.COUNTER: "_total", Kind.INFO: "_info"}.get(self.kind, "")


def _metric(name: str, kind: Kind, text: str, *labels: str) -> Metric:
    return Metric(f"{PREFIX}_{name}", kind, text, labels)


RECORDS_READ = _metric("records_read", Kind.COUNTER, "Records read from the source.")
BYTES_READ = _metric("bytes_read", Kind.COUNTER, "Bytes of their values.")
RECORDS = _metric(
    "records", Kind.COUNTER,
    "Records that are done with: delivered, dead_letter, skipped (by a setting), resync_dropped, "
    "expired (deleted in the source before they were read).",
    "outcome",
)  # fmt: skip
REFUSED = _metric("refused", Kind.COUNTER, "Records that became dead letters, by reason.", "reason")
REDELIVERED = _metric("redelivered", Kind.COUNTER, "Records sent again after their broker had failed to take them.")
DUPLICATES_POSSIBLE = _metric(
    "duplicates_possible", Kind.COUNTER,
    "Records in flight in workers that died: at most so many were delivered and are delivered again.",
)  # fmt: skip
TOPICS_CREATED = _metric("topics_created", Kind.COUNTER, "Destination topics created.")
NAMESPACE_RECORDS = _metric(
    "namespace_records", Kind.COUNTER, "Records handed to a destination (METRICS_NAMESPACES).", "topic"
)  # fmt: skip

INFLIGHT_RECORDS = _metric("inflight_records", Kind.GAUGE, "Records read and not yet acknowledged, of all workers.")
INFLIGHT_BYTES = _metric("inflight_bytes", Kind.GAUGE, "Bytes of their values.")
DELIVERY_SECONDS = _metric(
    "delivery_seconds", Kind.HISTOGRAM,
    "From reading to acknowledgement, of the record of each round that waited longest; the worker notices it up to "
    "some 20 ms late when there is little to do.",
)  # fmt: skip
END_TO_END_SECONDS = _metric(
    "end_to_end_seconds", Kind.HISTOGRAM,
    "From a record's timestamp in the source to its acknowledgement, of the oldest record of each round; as late.",
)  # fmt: skip

LAG_RECORDS = _metric("lag_records", Kind.GAUGE, "Records of the source that are not delivered.", "partition")
LAG_SECONDS = _metric("lag_seconds", Kind.GAUGE, "Age of the first record that is not delivered.", "partition")
LAG_RETENTION_RATIO = _metric(
    "lag_retention_ratio", Kind.GAUGE,
    "That age in what the source keeps: at 1 the record is deleted unread. Absent if the source keeps all.",
    "partition",
)  # fmt: skip
SOURCE_RETENTION_SECONDS = _metric("source_retention_seconds", Kind.GAUGE, "What the source keeps.")
LAST_PROGRESS = _metric(
    "last_progress_timestamp_seconds", Kind.GAUGE,
    "When a record of the partition was delivered last, or when there was none left to deliver.",
    "partition",
)  # fmt: skip

COMMITS = _metric("commits", Kind.COUNTER, "Commits of offsets: ok, retried (a rebalance), failed.", "result")
REBALANCES = _metric("rebalances", Kind.COUNTER, "Partitions assigned, revoked or lost, by occasion.", "kind")
SOURCE_PARTITIONS = _metric("source_partitions", Kind.GAUGE, "Partitions that the source topic has.")
ASSIGNED_PARTITIONS = _metric("assigned_partitions", Kind.GAUGE, "Source partitions that this replica holds.")
MEMBER = _metric("member", Kind.GAUGE, "1 while this replica is a member of the group.")
BROKER_REACHABLE = _metric("broker_reachable", Kind.GAUGE, "1 while a broker answers the supervisor.")
WORKER_UP = _metric("worker_up", Kind.GAUGE, "1 while a worker of the partition runs.", "partition")
WORKER_RESTARTS = _metric("worker_restarts", Kind.COUNTER, "Workers started in place of one that ended.", "cause")
PRODUCERS = _metric("producers", Kind.GAUGE, "Kafka producers of all workers.")
MEMORY_BYTES = _metric("memory_bytes", Kind.GAUGE, "Resident memory: supervisor, or all workers.", "process")
MEMORY_LIMIT_BYTES = _metric("memory_limit_bytes", Kind.GAUGE, "What this container may use. Absent without a limit.")
FINDINGS = _metric("findings", Kind.GAUGE, "1 while the status tells of this kind of trouble.", "kind", "severity")
START_TIME = _metric("start_time_seconds", Kind.GAUGE, "When this replica was started.")
BUILD = _metric("build", Kind.INFO, "Versions.", "version", "python", "librdkafka")

CATALOGUE: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
