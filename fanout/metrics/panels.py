"""What the dashboard shows, as queries over the catalogue. `dashboard` makes Grafana's file of it."""

from collections.abc import Sequence
from typing import NamedTuple

from fanout.metrics import catalogue as c
from fanout.metrics.catalogue import Kind, Metric

_WINDOW = "[$__rate_interval]"


class Panel(NamedTuple):
    """One panel: its queries with their legends; `unit` by Grafana's name."""

    title: str
    unit: str
    queries: Sequence[tuple[str, str]]
    kind: str = "timeseries"
    width: int = 8
    stacked: bool = False
    most: float | None = None  # of the axis
    limits: tuple[float, float] | None = None  # from where it is a warning, and an error


def _of(metric: Metric, *, part: str = "", matchers: str = "") -> str:
    """The series of the chosen replicas; of the chosen partitions where the metric has them."""
    chosen = ['job=~"$job"', 'instance=~"$instance"']
    chosen += ['partition=~"$partition"'] if "partition" in metric.labels else []
    chosen += [matchers] if matchers else []
    name = f"{metric.name}_{part}" if metric.kind is Kind.HISTOGRAM else metric.series
    return f"{name}{{{', '.join(chosen)}}}"


def _sum(by: Sequence[str]) -> str:
    return f"sum by ({', '.join(by)})" if by else "sum"


def _rate(metric: Metric, *by: str) -> str:
    return f"{_sum(by)} (rate({_of(metric)}{_WINDOW}))"


def _largest(metric: Metric, *by: str) -> str:
    return f"max by ({', '.join(by)}) ({_of(metric)})"


def _quantiles(metric: Metric) -> list[tuple[str, str]]:
    buckets = f"sum by (le) (rate({_of(metric, part='bucket')}{_WINDOW}))"
    return [(f"histogram_quantile({share}, {buckets})", f"p{share * 100:g}") for share in (0.5, 0.9, 0.99)]


def _heat(metric: Metric) -> list[tuple[str, str]]:
    return [(f"sum by (le) (increase({_of(metric, part='bucket')}{_WINDOW}))", "{{le}}")]


_REPLICA, _PARTITION = "{{instance}}", "partition {{partition}}"
_OUTCOME = 'outcome="delivered"'
_DELIVERED = f"sum (rate({_of(c.RECORDS, matchers=_OUTCOME)}{_WINDOW}))"

ROWS: dict[str, Sequence[Panel]] = {
    "State": (
        Panel(
            "What is wrong",
            "none",
            [(_largest(c.FINDINGS, "instance", "kind", "severity"), f"{_REPLICA}: {{{{kind}}}} ({{{{severity}}}})")],
            "state-timeline",
            12,
        ),
        Panel("Furthest behind", "s", [(f"max ({_of(c.LAG_SECONDS)})", "")], "stat", 3),
        Panel(
            "Of what the source keeps",
            "percentunit",
            [(f"max ({_of(c.LAG_RETENTION_RATIO)})", "")],
            "stat",
            3,
            limits=(0.5, 0.8),
        ),
        Panel(
            "Partitions held by nobody",
            "none",
            [(f"max ({_of(c.SOURCE_PARTITIONS)}) - sum ({_of(c.ASSIGNED_PARTITIONS)})", "")],
            "stat",
            3,
            limits=(1, 1),
        ),
        Panel(
            "Version",
            "none",
            [(f"count by (version, librdkafka) ({_of(c.BUILD)})", "{{version}}, librdkafka {{librdkafka}}")],
            "stat",
            3,
        ),
    ),
    "Throughput": (
        Panel("Records", "ops", [(_rate(c.RECORDS_READ), "read"), (_DELIVERED, "delivered")]),
        Panel("Bytes read", "Bps", [(_rate(c.BYTES_READ), "read")]),
        Panel("In flight", "none", [(_largest(c.INFLIGHT_RECORDS, "instance"), _REPLICA)]),
    ),
    "Lag": (
        Panel("Records not delivered", "none", [(_largest(c.LAG_RECORDS, "partition"), _PARTITION)], width=6),
        Panel("Age of the first of them", "s", [(_largest(c.LAG_SECONDS, "partition"), _PARTITION)], width=6),
        Panel(
            "Share of what the source keeps",
            "percentunit",
            [(_largest(c.LAG_RETENTION_RATIO, "partition"), _PARTITION)],
            width=6,
            most=1,
            limits=(0.5, 0.8),
        ),
        Panel(
            "Since the last progress",
            "s",
            [(f"time() - {_largest(c.LAST_PROGRESS, 'partition')}", _PARTITION)],
            width=6,
        ),
    ),
    "Latency": (
        Panel("From reading to acknowledgement", "s", _quantiles(c.DELIVERY_SECONDS)),
        Panel("From the source's timestamp to acknowledgement", "s", _quantiles(c.END_TO_END_SECONDS)),
        Panel("The same, all of them", "s", _heat(c.END_TO_END_SECONDS), "heatmap"),
    ),
    "What becomes of them": (
        Panel("By outcome", "ops", [(_rate(c.RECORDS, "outcome"), "{{outcome}}")], stacked=True),
        Panel("Dead letters by reason", "ops", [(_rate(c.REFUSED, "reason") + " > 0", "{{reason}}")], stacked=True),
        Panel(
            "Sent again, and perhaps twice",
            "ops",
            [(_rate(c.REDELIVERED), "sent again"), (_rate(c.DUPLICATES_POSSIBLE), "at most so many twice")],
        ),
        Panel("Destinations created", "ops", [(_rate(c.TOPICS_CREATED), "created")]),
        Panel(
            "Busiest destinations", "ops", [(f"topk(10, {_rate(c.NAMESPACE_RECORDS, 'topic')})", "{{topic}}")], width=16
        ),
    ),
    "Workers": (
        Panel("Up", "bool_yes_no", [(_largest(c.WORKER_UP, "partition"), _PARTITION)], "state-timeline", 12),
        Panel(
            "Restarts by cause",
            "none",
            [(f"sum by (cause) (increase({_of(c.WORKER_RESTARTS)}{_WINDOW})) > 0", "{{cause}}")],
            width=12,
            stacked=True,
        ),
    ),
    "Group": (
        Panel(
            "Members",
            "none",
            [(f"sum ({_of(c.MEMBER)})", "members"), (f"sum ({_of(c.BROKER_REACHABLE)})", "that a broker answers")],
            width=6,
        ),
        Panel(
            "Partitions",
            "none",
            [
                (_largest(c.ASSIGNED_PARTITIONS, "instance"), _REPLICA),
                (f"max ({_of(c.SOURCE_PARTITIONS)})", "of the source"),
            ],
            width=6,
        ),
        Panel("Rebalances", "none", [(f"sum by (kind) (increase({_of(c.REBALANCES)}{_WINDOW}))", "{{kind}}")], width=6),
        Panel("Commits", "ops", [(_rate(c.COMMITS, "result"), "{{result}}")], width=6),
    ),
    "Resources": (
        Panel(
            "Memory",
            "bytes",
            [
                (_largest(c.MEMORY_BYTES, "instance", "process"), f"{_REPLICA}, {{{{process}}}}"),
                (f"min ({_of(c.MEMORY_LIMIT_BYTES)})", "limit"),
            ],
            width=6,
        ),
        Panel("Bytes in flight", "bytes", [(_largest(c.INFLIGHT_BYTES, "instance"), _REPLICA)], width=6),
        Panel("Producers", "none", [(_largest(c.PRODUCERS, "instance"), _REPLICA)], width=6),
        Panel("Running for", "s", [(f"time() - {_largest(c.START_TIME, 'instance')}", _REPLICA)], width=6),
        Panel("The source keeps", "s", [(f"max ({_of(c.SOURCE_RETENTION_SECONDS)})", "retention")], "stat", 6),
    ),
}
