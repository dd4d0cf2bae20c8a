"""What a scrape gets, as Prometheus's own tool judges it."""

from fanout.errors import Reason
from fanout.metrics import catalogue, exposition
from fanout.metrics.tallies import Tallies
from fanout.status.kinds import Cause, FindingKind, Severity
from fanout.status.state import Finding, Gauges, Partition, Status, Worker
from tests.monitoring.conftest import Promtool


def status() -> Status:
    """A replica of which everything is known."""
    partition = Partition(
        partition=0, position=5, committed=4, low=0, end=9, lag_records=4, lag_seconds=2.5, retention_share=0.1,
        looked_at=1e9, progressed_at=1e9,
    )  # fmt: skip
    worker = Worker(
        partitions=[0], pid=7, started_at=1e9, restarts=1, crashes=0, failure=None, inflight_records=3,
        inflight_bytes=900, producers=2,
    )  # fmt: skip
    finding = Finding(kind=FindingKind.RETENTION, severity=Severity.ERROR, text="", advice="", since=1e9)
    return Status(
        version="1", at=1e9, started_at=1e9, state=Severity.ERROR, headline="", findings=[finding], topic="t",
        group="g", protocol="classic", joined=True, broker_reachable=True, source_partitions=4, retention_s=7200.0,
        partitions=[partition], workers=[worker], rates=[], namespaces=[], dead_letters=[], totals={}, refused={},
        settings=[],
    )  # fmt: skip


def test_promtool_has_nothing_against_the_metrics(promtool: Promtool) -> None:
    tallies = Tallies()
    tallies.count(catalogue.REFUSED, 1, Reason.NOT_JSON)
    tallies.count(catalogue.WORKER_RESTARTS, 1, Cause.KILLED)
    tallies.count(catalogue.NAMESPACE_RECORDS, 1, "team-a")
    tallies.observations(catalogue.DELIVERY_SECONDS).observe(0.02)
    gauges = Gauges(memory_bytes={"supervisor": 1, "workers": 2}, memory_limit_bytes=9, producers=2)
    text = exposition.render(exposition.Snapshot(status(), tallies, gauges), "")[0].decode()
    assert [metric.name for metric in catalogue.CATALOGUE if f"# TYPE {metric.series}" not in text] == []
    done = promtool("check", "metrics", given=text)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
