"""The loop on a made-up source, link and producers: what is read, reported, and when it ends."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import cast

import pytest
from confluent_kafka import KafkaError

from fanout import link
from fanout.errors import FailureKind, WorkerFailureError
from fanout.worker import loop as loop_module
from fanout.worker import shard as shard_module
from fanout.worker.destination import Destination
from fanout.worker.envelope import key_function
from fanout.worker.link import Load, WorkerLink
from fanout.worker.loop import Inflight, Loop
from fanout.worker.offsets import Tracker
from fanout.worker.records import SourceRecord
from fanout.worker.router import Router
from fanout.worker.routes import Refusal
from fanout.worker.source import Expired, Source, by_partition
from fanout.worker.tally import Tally
from tests.unit.fakes import NOW_MS, FakeRecord, event
from tests.unit.rig import Rig


class FakeLink:
    """Notes reports; says Stop when told to."""

    def __init__(self) -> None:
        self.stop: link.Stop | None = None
        self.may_read = True
        self.offsets: dict[int, int] = {}
        self.counts: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.tally = Tally()
        self.heard: list[link.Delivered] = []
        self.finals = 0

    def turn(self, now: float) -> None:
        pass

    def report(self, offsets: Mapping[int, int], load: Load, now: float, *, final: bool = False) -> None:
        self.offsets |= offsets
        self.heard.append(report := self.tally.take(dict(offsets), *load, now, final=final))
        self.counts.update(report.counters)
        self.refused.update(report.refused)
        self.finals += final


class FakeSource:
    def __init__(self) -> None:
        self.rounds: list[Sequence[FakeRecord]] = []
        self.expired: list[Expired] = []
        self.limits: list[int] = []

    def read(self, limit: int, timeout_s: float) -> dict[int, Sequence[SourceRecord]]:
        self.limits.append(limit)
        return by_partition(self.rounds.pop(0) if self.rounds else [])

    def take_expired(self) -> list[Expired]:
        expired, self.expired = self.expired, []
        return expired


class EndedError(Exception):
    """The script has come to its end."""


class Bench:
    """A loop on a rig; time passes only where the loop sleeps."""

    def __init__(self, rig: Rig, monkeypatch: pytest.MonkeyPatch, partitions: Sequence[int] = (0,)) -> None:
        self.rig = rig
        self.link = FakeLink()
        self.source = FakeSource()
        self.now = rig.now
        monkeypatch.setattr(loop_module, "time", self)
        monkeypatch.setattr(shard_module, "time", self)
        self.inflight = Inflight(rig.settings, {p: Tracker() for p in partitions})
        self.router = Router(rig.settings, key_function(rig.settings), self._open)
        self.loop = Loop(
            rig.settings,
            link=cast("WorkerLink", self.link),
            source=cast("Source", self.source),
            router=self.router,
            rewrite=None,
            sink=rig.sink,
            redelivery=rig.redelivery,
            topics=rig.topics,
            inflight=self.inflight,
            dead_letters=rig.dead_letters,
            check_health=lambda _now, _delivered: None,
        )

    def _open(self, name: str) -> Destination | Refusal:
        return self.rig.destination(name)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def acknowledge(self) -> None:
        for producer in (*self.rig.producers, self.rig.careful):
            producer.deliver()

    def turns(self, count: int) -> None:
        """So many turns, then the loop is left standing."""
        left = count

        def turn(now: float) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise EndedError

        self.link.turn = turn  # type: ignore[method-assign]
        with pytest.raises(EndedError):
            self.loop.run()

    def run(self, *, acknowledging: bool = True) -> bool:
        """To its end, with everything acknowledged at each turn, or nothing."""
        left = 10_000

        def turn(now: float) -> None:
            nonlocal left
            left -= 1
            assert left > 0, "the loop does not end"
            if acknowledging:
                self.acknowledge()

        self.link.turn = turn  # type: ignore[method-assign]
        return self.loop.run()


@pytest.fixture(autouse=True)
def wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_module, "wall_ms", lambda: NOW_MS)


def events(first: int, count: int, namespace: str = "a", partition: int = 0) -> list[FakeRecord]:
    return [FakeRecord(first + n, event(namespace, n=first + n), partition=partition) for n in range(count)]


def test_what_is_delivered_is_reported_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(Rig("a", "b", "cluster-events-dlq"), monkeypatch)
    records = [*events(0, 3), FakeRecord(3, b"poison"), *events(4, 2, "b")]
    bench.source.rounds = [records]
    bench.turns(2)
    assert bench.link.offsets == {}
    bench.acknowledge()
    bench.turns(2)
    assert bench.link.offsets == {0: 6}
    counts = {"records_in": 6, "bytes_in": sum(map(len, records)), "delivered": 5, "dead_letters": 1}
    assert bench.link.counts == counts


def test_each_partition_is_reported_on_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(Rig("a", "b", producer_topics=1), monkeypatch, partitions=(0, 1))
    bench.source.rounds = [[*events(10, 2, "a", 0), *events(70, 2, "b", 1)]]
    bench.turns(2)
    bench.rig.producers[1].deliver()
    bench.turns(2)
    assert bench.link.offsets == {1: 72}
    bench.acknowledge()
    bench.turns(2)
    assert bench.link.offsets == {0: 12, 1: 72}


def test_skipped_records_are_done_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(Rig(namespaces_deny=("a",)), monkeypatch)
    bench.source.rounds = [events(0, 5)]
    bench.turns(2)
    assert bench.link.offsets == {0: 5}
    assert bench.link.counts["skipped"] == 5


def test_no_more_is_read_than_the_bound_on_records_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(Rig("a", inflight_records=10), monkeypatch)
    bench.source.rounds = [events(0, 7), events(7, 3), events(10, 1)]
    bench.turns(20)
    assert bench.source.limits == [10, 3]
    assert len(bench.source.rounds) == 1
    bench.acknowledge()
    bench.turns(2)
    assert bench.source.limits[2] == 10


def test_no_more_is_read_than_the_bound_on_bytes_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(Rig("a", inflight_bytes=65_536), monkeypatch)
    large = [FakeRecord(n, event("a", pad="x" * 8_000)) for n in range(200)]
    read = 0

    def read_within(limit: int, timeout_s: float) -> dict[int, Sequence[SourceRecord]]:
        nonlocal read
        taken = large[read : read + limit]
        read += len(taken)
        return by_partition(taken)

    bench.source.read = read_within  # type: ignore[method-assign]
    bench.turns(200)
    assert bench.inflight.nbytes >= 65_536
    assert read <= 100, "the first round is guessed, from then on the size of late records counts"


def test_nothing_new_is_read_while_the_group_does_not_answer_and_what_is_in_flight_is_delivered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench(Rig("a"), monkeypatch)
    bench.source.rounds = [events(0, 5), events(5, 5)]
    bench.turns(1)
    bench.link.may_read = False
    bench.turns(3)
    assert len(bench.source.rounds) == 1
    bench.acknowledge()
    bench.turns(1)
    assert bench.link.offsets == {0: 5}
    bench.link.may_read = True
    bench.turns(1)
    assert bench.source.rounds == []


def test_stop_reads_no_more_and_ends_when_all_is_delivered(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(Rig("a"), monkeypatch)
    bench.source.rounds = [events(0, 5)]
    bench.turns(1)
    bench.source.rounds = [events(5, 5)]
    bench.link.stop = link.Stop(deadline=bench.now + 10)
    assert bench.run()
    assert bench.link.offsets == {0: 5}
    assert bench.link.finals == 1
    assert bench.link.counts["records_in"] == 5


def test_stop_gives_up_at_its_deadline_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(Rig("a", "b", producer_topics=1), monkeypatch)
    bench.source.rounds = [events(0, 5), events(5, 5, "b")]
    bench.turns(2)
    bench.rig.producers[0].deliver()
    bench.link.stop = link.Stop(deadline=bench.now + 1)
    begun = bench.now
    assert not bench.run(acknowledging=False)
    assert 1 <= bench.now - begun < 1.1
    assert bench.link.offsets == {0: 5}, "what was delivered until then is told"


def test_a_gap_is_marked_by_a_dead_letter_before_the_offset_moves_over_it(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(Rig("a"), monkeypatch)
    bench.source.expired = [Expired(0, 10, 25)]
    bench.source.rounds = [[], events(25, 1)]
    bench.turns(3)
    assert bench.link.offsets == {}
    bench.acknowledge()
    bench.turns(2)
    assert bench.link.offsets == {0: 26}
    (letter,) = bench.rig.letters()
    assert letter.header("fanout.reason") == "expired"
    assert letter.header("fanout.offset") == "10"
    assert "offsets 10 to 24" in letter.header("fanout.detail")
    assert bench.link.counts["expired"] == 15


def test_stop_waits_for_the_dead_letter_of_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(Rig("a"), monkeypatch)
    bench.source.expired = [Expired(0, 10, 25)]
    bench.turns(1)
    bench.link.stop = link.Stop(deadline=bench.now + 10)
    assert bench.run()
    assert bench.link.offsets == {0: 25}, "or the gap is found and told a second time"


def test_too_much_that_cannot_be_decoded_stops_the_worker_and_nothing_of_it_is_committable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench(Rig(dlq_max_run=10), monkeypatch)
    bench.source.rounds = [[FakeRecord(n, b"rubbish") for n in range(11)]]
    with pytest.raises(WorkerFailureError) as caught:
        bench.run()
    assert caught.value.kind is FailureKind.DEAD_LETTER_LIMIT
    assert bench.rig.letters() == []
    assert bench.inflight.committable() == {}


def test_one_tenants_odd_namespace_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(Rig("a", dlq_max_run=10, dlq_window=10), monkeypatch)
    bench.source.rounds = [events(0, 200, ".."), events(200, 1)]
    bench.turns(3)
    assert len(bench.rig.letters()) == 200
    assert [len(producer.values("a")) for producer in bench.rig.producers] == [0, 1]


def test_idle_producers_are_closed_and_their_destinations_opened_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(Rig("a", producer_idle_ms=1_000), monkeypatch)
    bench.source.rounds = [events(0, 1)]
    bench.turns(2)
    bench.acknowledge()
    bench.turns(2)
    first = bench.rig.destinations.pop("a")
    bench.now += 120
    bench.turns(2)
    bench.source.rounds = [events(1, 1)]
    bench.turns(2)
    assert len(bench.rig.producers) == 2
    assert bench.rig.destinations["a"] is not first


def test_a_dead_letter_is_told_of_once_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(Rig("a", "cluster-events-dlq"), monkeypatch)
    bench.source.rounds = [[*events(0, 3), FakeRecord(3, b"poison"), FakeRecord(4, event("_"))]]
    bench.turns(3)
    assert bench.link.refused == {}
    bench.acknowledge()
    bench.turns(2)
    assert bench.link.refused == {"not-json": 1, "reserved-topic": 1}
    letters = [letter for report in bench.link.heard for letter in report.letters]
    assert letters == [link.Letter("not-json", 0, 3), link.Letter("reserved-topic", 0, 4)]


def test_a_dead_letter_that_is_refused_is_not_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(Rig("a", "cluster-events-dlq"), monkeypatch)
    bench.source.rounds = [[FakeRecord(0, b"poison")]]
    bench.turns(2)
    for producer in bench.rig.producers:
        producer.fail(KafkaError.NOT_LEADER_FOR_PARTITION)
    bench.turns(3)
    assert bench.link.refused == {}
    bench.acknowledge()
    bench.turns(4)
    bench.acknowledge()
    bench.turns(4)
    assert bench.link.refused == {"not-json": 1}


def test_how_long_a_round_took_is_told_once_when_it_is_acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(Rig("a", "b"), monkeypatch)
    bench.source.rounds = [events(0, 3), events(3, 2, "b")]
    bench.turns(3)
    assert all(report.delivery is None for report in bench.link.heard)
    bench.now += 3.0
    bench.acknowledge()
    bench.turns(3)
    (told,) = [report for report in bench.link.heard if report.delivery is not None]
    assert told.delivery is not None
    assert sum(told.delivery.counts) == 2
    assert told.delivery.total_s == pytest.approx(6.0, abs=0.1)
    assert told.end_to_end is not None
    assert sum(told.end_to_end.counts) == 2
    assert told.end_to_end.total_s >= 0


def test_records_are_told_of_by_destination(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(Rig("a", "b"), monkeypatch)
    bench.source.rounds = [[*events(0, 3), *events(3, 2, "b"), *events(5, 1)]]
    bench.turns(3)
    assert [report.topics for report in bench.link.heard if report.topics] == [{"a": 4, "b": 2}]
