"""Every metric of the catalogue, as a scrape gets it."""

import math

import msgspec
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as prometheus
from prometheus_client.samples import Sample

from fanout.errors import FailureKind, Reason
from fanout.metrics import catalogue
from fanout.metrics.catalogue import CATALOGUE, Kind, Metric
from fanout.metrics.exposition import Snapshot, render
from fanout.metrics.tallies import Tallies
from fanout.status.kinds import Cause
from fanout.status.state import Gauges, Status
from tests.support.replica import broker_away, crash_loop, healthy, many

GAUGES = Gauges(memory_bytes={"supervisor": 1, "workers": 2}, memory_limit_bytes=1_000, producers=24)
OPEN_METRICS = "application/openmetrics-text; version=1.0.0"


def samples(
    status: Status, tallies: Tallies | None = None, gauges: Gauges = GAUGES, accept: str = ""
) -> dict[str, list[Sample]]:
    """By name."""
    body, _ = render(Snapshot(status, tallies or Tallies(), gauges), accept)
    parse = open_metrics if accept else prometheus
    found: dict[str, list[Sample]] = {}
    for family in parse(body.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample)
    return found


def names(metric: Metric) -> list[str]:
    """Of its series."""
    if metric.kind is Kind.HISTOGRAM:
        return [f"{metric.name}_bucket", f"{metric.name}_sum", f"{metric.name}_count"]
    return [metric.series]


def counted() -> Tallies:
    """Something of everything that is counted."""
    tallies = Tallies()
    tallies.count(catalogue.NAMESPACE_RECORDS, 3, "team-a")
    tallies.count(catalogue.REFUSED, 2, Reason.NOT_JSON)
    tallies.count(catalogue.RECORDS_READ, 7)
    return tallies


@pytest.mark.parametrize("accept", ["", OPEN_METRICS])
def test_each_metric_of_the_catalogue_is_there_with_its_labels_and_no_other(accept: str) -> None:
    found = samples(crash_loop(), counted(), accept=accept)
    assert found.keys() == {name for metric in CATALOGUE for name in names(metric)}
    for metric in CATALOGUE:
        for name in names(metric):
            for sample in found[name]:
                assert sample.labels.keys() - {"le"} == set(metric.labels), name


def test_what_is_counted_is_told() -> None:
    found = samples(healthy(), counted())
    assert [sample.value for sample in found["events_fanout_records_read_total"]] == [7]
    refused = {sample.labels["reason"]: sample.value for sample in found["events_fanout_refused_total"]}
    assert refused == {**dict.fromkeys(Reason, 0), Reason.NOT_JSON: 2}


def test_counters_begin_with_0_under_each_label_that_is_known() -> None:
    found = samples(healthy())
    told = {name: [sample.labels for sample in found[name]] for name in found if name.endswith("_total")}
    assert [labels["result"] for labels in told["events_fanout_commits_total"]] == ["ok", "retried", "failed"]
    assert [labels["kind"] for labels in told["events_fanout_rebalances_total"]] == ["assigned", "revoked", "lost"]
    causes = [labels["cause"] for labels in told["events_fanout_worker_restarts_total"]]
    assert causes == [*Cause, *FailureKind]
    assert all(sample.value == 0 for name in told for sample in found[name])
    assert "events_fanout_namespace_records_total" not in told, "destinations are not known before"


def test_what_is_not_known_is_absent() -> None:
    well = healthy()
    unknown = msgspec.structs.replace(
        well,
        retention_s=None,
        source_partitions=None,
        partitions=[
            msgspec.structs.replace(
                partition, lag_records=None, lag_seconds=None, retention_share=None, progressed_at=None
            )
            for partition in well.partitions
        ],
    )
    found = samples(unknown, gauges=msgspec.structs.replace(GAUGES, memory_limit_bytes=None))
    absent = {
        metric.series
        for metric in (
            catalogue.LAG_RECORDS, catalogue.LAG_SECONDS, catalogue.LAG_RETENTION_RATIO, catalogue.LAST_PROGRESS,
            catalogue.SOURCE_RETENTION_SECONDS, catalogue.SOURCE_PARTITIONS, catalogue.MEMORY_LIMIT_BYTES,
            catalogue.FINDINGS,
        )
    }  # fmt: skip
    assert absent.isdisjoint(found)
    assert found["events_fanout_assigned_partitions"][0].value == 12


def test_a_worker_that_does_not_run_and_a_broker_that_is_away_are_0() -> None:
    up = {sample.labels["partition"]: sample.value for sample in samples(crash_loop())["events_fanout_worker_up"]}
    assert up == {**dict.fromkeys(map(str, range(12)), 1.0), "4": 0.0, "7": 0.0}
    away = samples(broker_away())
    assert away["events_fanout_broker_reachable"][0].value == 0
    assert away["events_fanout_member"][0].value == 0
    assert [sample.labels for sample in away["events_fanout_findings"]] == [
        {"kind": "broker-away", "severity": "error"},
        {"kind": "lag-unknown", "severity": "warning"},
    ]


def test_a_histogram_adds_up() -> None:
    tallies = Tallies()
    for seconds in (0.005, 0.02, 0.02, 9_000):
        tallies.observations(catalogue.DELIVERY_SECONDS).observe(seconds)
    found = samples(healthy(), tallies)
    buckets = {float(s.labels["le"]): s.value for s in found["events_fanout_delivery_seconds_bucket"]}
    assert (buckets[0.005], buckets[0.01], buckets[0.025], buckets[7200], buckets[math.inf]) == (1, 1, 3, 3, 4)
    assert found["events_fanout_delivery_seconds_count"][0].value == 4
    assert found["events_fanout_delivery_seconds_sum"][0].value == pytest.approx(9_000.045)


def test_a_replica_of_64_partitions_and_5000_namespaces_has_less_than_3000_series() -> None:
    status = many()
    assert len(status.partitions) == 64
    tallies = Tallies()  # of METRICS_NAMESPACES=off, which is the default: nothing by namespace gets here
    body, _ = render(Snapshot(status, tallies, GAUGES), "")
    series = [line for line in body.decode().splitlines() if not line.startswith("#")]
    assert len(series) < 3_000


@pytest.mark.parametrize("version", ["x", "9.\udcff", "9" * 5_000, "1.0.0.0.0.0", "", "-1"])
def test_any_accept_header_gets_the_metrics(version: str) -> None:
    body, kind = render(Snapshot(healthy(), Tallies(), GAUGES), f"application/openmetrics-text; version={version}")
    assert b"events_fanout_build_info" in body
    kind.encode("ascii")
