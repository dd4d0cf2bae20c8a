"""What the supervisor adds up and tells of itself, with parts that are made up."""

import time
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from fanout import link, log
from fanout.counters import Counter
from fanout.errors import ExitCode, FailureKind
from fanout.metrics import catalogue
from fanout.metrics.tallies import Tallies
from fanout.status.kinds import Cause, FindingKind
from fanout.supervisor import history as history_module
from fanout.supervisor import reported as reported_module
from fanout.supervisor.commits import Commits
from fanout.supervisor.history import PROVEN_S, SETTLED_S, History, cause_of
from fanout.supervisor.lag import Figures
from fanout.supervisor.observer import Observer
from fanout.supervisor.process import Ended, Load
from fanout.supervisor.reported import Reported
from fanout.supervisor.view import Parts
from tests.unit.fakes import settings

RETENTION_S = 7200.0


class FakeSlot:
    """A slot with a worker, or without."""

    def __init__(self, *partitions: int, heard_s: float | None = 0.0) -> None:
        self.partitions = set(partitions)
        self.history = History()
        self.delivers = False
        self.process: Any = None
        if heard_s is not None:
            self.history.started()
            self.process = SimpleNamespace(pid=4242, heard_at=time.monotonic() - heard_s, load=Load(7, 700, 2))


class Replica:
    """An observer and the parts that it looks at."""

    def __init__(self, **changes: object) -> None:
        self.commits = Commits()
        self.slots: list[FakeSlot] = []
        self.seat = SimpleNamespace(joined=True, problem="", unserved_s=lambda: 0.0)
        self.lifeline = SimpleNamespace(holds=True)
        self.source = SimpleNamespace(
            silence="", absence="", absent_since=0.0, answered_at=time.time(), partitions=2, retention_s=RETENTION_S,
            not_let_in=False, recreated_at=None,
        )  # fmt: skip
        self.lag = SimpleNamespace(figures={}, problem="", look_soon=lambda: None)
        self.gaps = 0
        self.observer = Observer(settings(**changes))
        pool = SimpleNamespace(slots=lambda: self.slots, pids=list)
        parts = Parts(
            self.commits, cast("Any", pool), cast("Any", self.seat), cast("Any", self.lifeline),
            cast("Any", self.source), self._note_gap,
        )  # fmt: skip
        self.observer.watch(parts, cast("Any", self.lag))

    def _note_gap(self) -> None:
        self.gaps += 1

    def hold(self, offsets: dict[int, int]) -> None:
        self.commits.own(offsets)
        self.observer.assigned(offsets)
        self.slots += [FakeSlot(number) for number in offsets]

    def behind(self, number: int, position: int, end: int, age_s: float) -> None:
        now = time.time()
        self.lag.figures[number] = Figures(now, position, 0, end, now - age_s)

    def hear(self, *partitions: int, moved: list[int] | None = None, **fields: Any) -> None:  # noqa: ANN401
        report: dict[str, Any] = {"offsets": {}, "counters": {}, "inflight_records": 0, "inflight_bytes": 0, **fields}
        self.observer.reported.add(link.Delivered(**report), partitions, moved or [])


def test_what_workers_report_is_added_up() -> None:
    replica = Replica()
    counted = {Counter.RECORDS_IN: 5, Counter.BYTES_IN: 500, Counter.DELIVERED: 3, Counter.SKIPPED: 1}
    for _ in range(2):
        replica.hear(0, counters={counter.value: count for counter, count in counted.items()}, topics={"a": 3, "b": 1})
    status = replica.observer.status()
    assert status.totals == {"records_in": 10, "bytes_in": 1000, "delivered": 6, "skipped": 2}
    assert [(one.topic, one.records) for one in status.namespaces] == [("a", 6), ("b", 2)]
    tallies = replica.observer.tallies()
    assert tallies.counts(catalogue.RECORDS_READ) == {(): 10}
    assert tallies.counts(catalogue.BYTES_READ) == {(): 1000}
    assert tallies.counts(catalogue.RECORDS) == {("delivered",): 6, ("skipped",): 2}
    assert tallies.counts(catalogue.NAMESPACE_RECORDS) == {}, "off is the default"


@pytest.mark.parametrize("counter", list(Counter))
def test_every_counter_of_a_worker_is_a_metric(counter: Counter) -> None:
    replica = Replica()
    replica.hear(0, counters={counter.value: 2})
    counts = [replica.observer.tallies().counts(metric) for metric in catalogue.CATALOGUE]
    assert sum(sum(found.values()) for found in counts) == 2


@pytest.mark.parametrize(("series", "shown"), [("all", {"a", "b", "c"}), ("top:2", {"a", "b"})])
def test_destinations_are_metrics_if_that_is_wanted(series: str, shown: set[str]) -> None:
    replica = Replica(metrics_namespaces=series)
    replica.hear(0, topics={"a": 9, "b": 2, "c": 1})
    replica.hear(0, topics={"b": 5})
    found = replica.observer.tallies().counts(catalogue.NAMESPACE_RECORDS)
    assert {topic for (topic,) in found} == shown
    assert found[("b",)] == 7


def test_durations_are_added_up() -> None:
    replica = Replica()
    counts = [0] * (len(catalogue.SECONDS_BUCKETS) + 1)
    counts[2] = 4
    for _ in range(3):
        replica.hear(0, delivery=link.Durations(counts, 0.5), end_to_end=link.Durations(counts, 0.25))
    tallies = replica.observer.tallies()
    assert tallies.observations(catalogue.DELIVERY_SECONDS).counts[2] == 12
    assert tallies.observations(catalogue.END_TO_END_SECONDS).total_s == 0.75


def test_the_last_dead_letters_are_told_newest_first_and_without_what_is_in_them() -> None:
    replica = Replica()
    for offset in range(30):
        replica.hear(1, refused={"not-json": 1}, letters=[link.Letter("not-json", 1, offset)])
    status = replica.observer.status()
    assert [letter.offset for letter in status.dead_letters] == list(range(29, 9, -1))
    assert status.refused == {"not-json": 30}
    assert replica.observer.tallies().counts(catalogue.REFUSED) == {("not-json",): 30}
    assert [found.kind for found in status.findings] == [FindingKind.DEAD_LETTERS]


def test_every_second_of_the_last_ten_minutes_has_a_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    replica, begun = Replica(), time.time()
    for second, read in ((1, 10), (1, 5), (3, 7)):
        monkeypatch.setattr(reported_module, "wall_s", lambda at=begun + second: at)
        replica.hear(0, counters={"records_in": read, "delivered": read - 1})
    rates = replica.observer.reported.rates(begun, begun + 5.0)
    assert [rate.read for rate in rates] == [0, 15, 0, 7, 0]
    assert [rate.delivered for rate in rates] == [0, 13, 0, 6, 0]
    assert len(replica.observer.reported.rates(begun - 10_000.0, begun)) == 600


def test_each_partition_is_told_with_its_place_and_its_lag() -> None:
    replica = Replica()
    replica.hold({0: 40, 1: -2})
    replica.behind(0, 40, 100, 3_600.0)
    first, second = replica.observer.status().partitions
    assert (first.position, first.committed, first.end, first.lag_records) == (40, 40, 100, 60)
    assert first.lag_seconds == pytest.approx(3_600.0, abs=5.0)
    assert first.retention_share == pytest.approx(0.5, abs=0.01)
    assert (second.position, second.committed, second.lag_records, second.looked_at) == (None, None, None, None)


def test_a_partition_that_moves_or_has_nothing_left_makes_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    replica = Replica()
    replica.hold({0: 40, 1: 10})
    later = time.time() + 100.0
    monkeypatch.setattr(reported_module, "wall_s", lambda: later)
    replica.hear(0, moved=[0])
    replica.lag.figures[1] = Figures(later + 1.0, 10, 0, 10, None)
    replica.observer.tick()
    assert [partition.progressed_at for partition in replica.observer.status().partitions] == [later, later + 1.0]


def test_a_worker_is_told_with_what_it_has_in_its_hands() -> None:
    replica = Replica()
    replica.hold({3: 1})
    (worker,) = replica.observer.status().workers
    assert (worker.partitions, worker.pid, worker.inflight_records, worker.producers) == ([3], 4242, 7, 2)
    assert replica.observer.gauges().producers == 2
    assert replica.observer.gauges().memory_bytes["supervisor"] > 1_000_000


def test_workers_that_fail_for_one_reason_are_one_finding() -> None:
    replica = Replica()
    replica.hold({0: 1, 1: 1})
    for slot in replica.slots:
        slot.history.failed("not-authorized", "no right", 10, crashes=0, retry_in_s=5.0)
        slot.process = None
    status = replica.observer.status()
    (finding,) = status.findings
    assert finding.text.startswith("Partitions 0, 1 have not moved for ")
    assert status.state == "error"
    assert status.headline == finding.text
    assert status.workers[0].failure is not None
    assert status.workers[0].failure.retry_at > status.at


def test_workers_that_ended_are_counted_by_cause_with_what_may_come_twice() -> None:
    replica = Replica()
    replica.observer.ended("killed", 30)
    replica.observer.ended("", 5)
    assert replica.observer.tallies().counts(catalogue.WORKER_RESTARTS) == {("killed",): 1}
    assert replica.observer.tallies().counts(catalogue.DUPLICATES_POSSIBLE) == {(): 35}


def test_it_is_alive_whatever_the_broker_does_and_not_if_a_worker_hangs_that_nobody_replaces() -> None:
    replica = Replica(stall_ms=5_000)
    replica.hold({0: 1})
    replica.source.silence, replica.lifeline.holds, replica.seat.joined = "refused", False, False
    replica.slots += [FakeSlot(1, heard_s=None), FakeSlot(2, heard_s=12.0)]
    assert replica.observer.alive() == ""
    replica.slots.append(FakeSlot(3, heard_s=16.0))
    assert "[3]" in replica.observer.alive()
    assert replica.gaps == 2, "whether this process did not run itself is looked at first"


def test_it_is_ready_as_a_member_of_a_group_whose_brokers_answer() -> None:
    replica = Replica()
    assert replica.observer.ready() == "", "also without a partition"
    replica.source.silence = "kafka:9092: Connection refused"
    assert "Connection refused" in replica.observer.ready()
    replica.source.silence, replica.seat.joined = "", False
    assert "joined" in replica.observer.ready()
    replica.seat.joined, replica.observer.stopping = True, True
    assert replica.observer.ready() == "it is stopping"


def test_it_has_started_once_it_has_joined_for_good() -> None:
    replica = Replica()
    replica.seat.joined, replica.source.silence = False, "refused"
    assert "refused" in replica.observer.started()
    replica.seat.joined = True
    replica.observer.tick()
    replica.seat.joined = False
    assert replica.observer.started() == ""


def test_what_expired_is_told_for_an_hour_by_partition() -> None:
    replica = Replica()
    replica.hear(4, counters={"expired": 12})
    (finding,) = replica.observer.status().findings
    assert finding.text.startswith("12 events of partition 4 were deleted in the source before they were read")


def test_the_settings_are_shown_without_secrets() -> None:
    replica = Replica(kafka={"sasl.password": "x-secret", "sasl.username": "me"})
    status = replica.observer.status()
    shown = {setting.name: setting.value for setting in status.settings}
    assert shown["kafka.sasl.password"] == "hidden"
    assert shown["kafka.sasl.username"] == "me"
    assert shown["TOPIC"] == "cluster-events"
    assert b"x-secret" not in msgspec.json.encode(status)


@pytest.mark.parametrize(
    ("ended", "cause"),
    [
        (Ended(-9, None, 1.0, stalled=False), Cause.KILLED),
        (Ended(-6, None, 1.0, stalled=True), Cause.STALLED),
        (Ended(-9, None, 1.0, stalled=True), Cause.STALLED),
        (Ended(-11, None, 1.0, stalled=False), Cause.SIGNALLED),
        (Ended(1, None, 1.0, stalled=False), Cause.CRASHED),
        (Ended(ExitCode.WORKER_LEASE_EXPIRED, None, 1.0, stalled=False), Cause.LEASE_EXPIRED),
        (Ended(10, link.Failed(FailureKind.NOT_AUTHORIZED, "no"), 1.0, stalled=False), FailureKind.NOT_AUTHORIZED),
    ],
)
def test_why_a_worker_ended(ended: Ended, cause: str) -> None:
    assert cause_of(ended) == cause


def test_workers_fail_until_one_works(monkeypatch: pytest.MonkeyPatch) -> None:
    clock: Any = SimpleNamespace(now=100.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(history_module, "time", clock)
    history = History()
    history.started()
    assert history.failing_since(delivers=False) is None
    history.failed("killed", "", -9, crashes=3, retry_in_s=1.0)
    since = history.failing_since(delivers=False)
    assert since is not None
    history.started()
    clock.now += PROVEN_S / 2
    assert history.failing_since(delivers=True) == since, "what comes before an obstacle is delivered at once"
    clock.now += PROVEN_S
    assert history.failing_since(delivers=True) is None
    assert (history.crashes, history.ends) == (0, 1)
    history.failed("killed", "", -9, crashes=1, retry_in_s=1.0)
    history.started()
    clock.now += SETTLED_S + 1.0
    assert history.failing_since(delivers=False) is None, "nothing came to deliver"


def test_a_report_that_cannot_be_counted_ends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """A worker of another version may count what is not known here."""
    log.configure("info", "json", role="supervisor")
    reported = Reported(Tallies(), "off")
    reported.add(link.Delivered({0: 5}, {"of tomorrow": 1, "delivered": 3}, 0, 0), [0], [0])
    reported.add(link.Delivered({0: 7}, {"delivered": 2}, 0, 0), [0], [0])
    assert reported.totals["delivered"] >= 2
    assert "a report could not be counted" in capsys.readouterr().err
