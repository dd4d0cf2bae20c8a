"""The watch over the lag, on a client that is made up: what is asked, and what becomes of what is not answered."""

import asyncio
from collections.abc import Coroutine, Mapping
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from fanout.supervisor import lag as lag_module
from fanout.supervisor import peek as peek_module
from fanout.supervisor.lag import Figures, LagWatch
from fanout.supervisor.peek import Peek, Seen
from tests.unit.fakes import settings
from tests.unit.pooling import until

NOW = 1_700_000_000.0


class Broker:
    """The admin client, and the source behind it."""

    def __init__(self) -> None:
        self.low = {0: 0, 1: 0}
        self.end = {0: 100, 1: 50}
        self.errors: dict[int, int] = {}  # by partition
        self.asked: list[int] = []

    def as_admin(self) -> AdminClient:
        return cast("AdminClient", self)

    def list_offsets(
        self, wanted: Mapping[TopicPartition, object], isolation_level: object, request_timeout: float
    ) -> dict[TopicPartition, Future[Any]]:
        self.asked.append(len(wanted))
        return {place: self._answer(place.partition, spec) for place, spec in wanted.items()}

    def _answer(self, number: int, spec: object) -> "Future[Any]":
        future: Future[Any] = Future()
        if number in self.errors:
            future.set_exception(KafkaException(KafkaError(self.errors[number])))
        else:
            ends = self.low if spec is lag_module._EARLIEST else self.end
            future.set_result(SimpleNamespace(offset=ends[number]))
        return future


class Records:
    """Where timestamps come from: an offset is written so many seconds after `NOW - 1000`."""

    def __init__(self) -> None:
        self.asked: list[dict[int, int]] = []
        self.error: int | None = None
        self.missing: set[int] = set()
        self.ended: set[int] = set()
        self.forgotten = 0

    def timestamps(self, offsets: Mapping[int, int]) -> Seen:
        self.asked.append(dict(offsets))
        if self.error is not None:
            raise KafkaException(KafkaError(self.error))
        without = self.missing | self.ended
        found = {n: int((NOW - 1000 + offset) * 1000) for n, offset in offsets.items() if n not in without}
        return Seen(found, "denied" if self.missing else "", frozenset(self.ended))

    def forget(self) -> None:
        self.forgotten += 1


class Bench:
    def __init__(self) -> None:
        self.broker = Broker()
        self.records = Records()
        self.positions = {0: 40, 1: 50}
        self.watch = LagWatch("events", lambda: dict(self.positions), self.broker.as_admin, self.records)

    @property
    def figures(self) -> dict[int, Figures]:
        return self.watch.figures


@pytest.fixture(autouse=True)
def wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lag_module, "wall_s", lambda: NOW)


def scenario(body: Coroutine[object, object, None]) -> None:
    asyncio.run(asyncio.wait_for(body, 20))


def test_what_is_not_delivered_is_counted_and_has_an_age() -> None:
    async def body() -> None:
        bench = Bench()
        await bench.watch.look()
        assert bench.figures[0].records == 60
        assert bench.figures[0].age_s(40, NOW) == 960.0
        assert (bench.figures[1].records, bench.figures[1].age_s(50, NOW)) == (0, 0.0)
        assert bench.records.asked == [{0: 40}], "nothing is read where there is nothing left"

    scenario(body())


def test_the_age_of_a_partition_that_stands_still_grows_and_nothing_is_read_again() -> None:
    async def body() -> None:
        bench = Bench()
        await bench.watch.look()
        bench.broker.end[0] = 130
        await bench.watch.look()
        assert bench.figures[0].records == 90
        assert bench.figures[0].age_s(40, NOW + 60.0) == 1020.0
        assert bench.figures[0].age_s(41, NOW + 60.0) == 960.0, "it has moved since: as of the look"
        assert len(bench.records.asked) == 1
        bench.positions[0] = 45
        await bench.watch.look()
        assert bench.records.asked == [{0: 40}, {0: 45}]
        assert bench.figures[0].age_s(45, NOW) == 955.0

    scenario(body())


def test_what_was_never_delivered_or_has_expired_begins_with_the_earliest_record() -> None:
    async def body() -> None:
        bench = Bench()
        bench.positions = {0: -2, 1: 10}
        bench.broker.low = {0: 7, 1: 20}
        await bench.watch.look()
        assert bench.records.asked == [{0: 7, 1: 20}]
        assert {number: seen.records for number, seen in bench.figures.items()} == {0: 93, 1: 30}

    scenario(body())


def test_a_broker_that_is_away_leaves_the_figures_of_before() -> None:
    async def body() -> None:
        bench = Bench()
        await bench.watch.look()
        before = dict(bench.figures)
        bench.broker.errors = {0: KafkaError._TIMED_OUT, 1: KafkaError._TRANSPORT}
        await bench.watch.look()
        assert bench.figures == before
        assert bench.watch.problem != ""
        bench.broker.errors = {}
        await bench.watch.look()
        assert bench.watch.problem == ""

    scenario(body())


def test_one_partition_without_a_leader_does_not_hide_the_others() -> None:
    async def body() -> None:
        bench = Bench()
        bench.broker.errors = {0: KafkaError.LEADER_NOT_AVAILABLE}
        await bench.watch.look()
        assert set(bench.figures) == {1}

    scenario(body())


@pytest.mark.parametrize("error", [KafkaError._TRANSPORT, None])
def test_a_record_that_cannot_be_read_leaves_its_age_unknown_and_another_client_is_made(error: int | None) -> None:
    async def body() -> None:
        bench = Bench()
        bench.records.error = error
        bench.records.missing = {0}
        await bench.watch.look()
        assert bench.figures[0].records == 60
        assert bench.figures[0].age_s(40, NOW) is None
        assert bench.records.forgotten == 1
        assert bench.watch.problem != ""

    scenario(body())


def test_partitions_that_went_are_forgotten_and_without_any_nothing_is_asked() -> None:
    async def body() -> None:
        bench = Bench()
        await bench.watch.look()
        bench.positions = {}
        asked = len(bench.broker.asked)
        await bench.watch.look()
        assert bench.figures == {}
        assert len(bench.broker.asked) == asked

    scenario(body())


def test_what_breaks_the_watch_does_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Least of all the program around it."""
    monkeypatch.setattr(lag_module, "LOOK_EVERY_S", 0.001)

    async def body() -> None:
        bench = Bench()
        looks = 0

        def broken() -> dict[int, int]:
            nonlocal looks
            looks += 1
            if looks == 1:
                raise ValueError("broken")
            return dict(bench.positions)

        watch = LagWatch("events", broken, bench.broker.as_admin, bench.records)
        running = asyncio.create_task(watch.run())
        await until(lambda: watch.figures)
        running.cancel()

    scenario(body())


class Message:
    def __init__(self, number: int, timestamp: tuple[int, int] = (1, 5), error: KafkaError | None = None) -> None:
        self._number = number
        self._timestamp = timestamp
        self._error = error

    def error(self) -> KafkaError | None:
        return self._error

    def partition(self) -> int:
        return self._number

    def timestamp(self) -> tuple[int, int]:
        return self._timestamp


class Consumer:
    """Hands out these messages."""

    made = 0

    def __init__(self, messages: list[Message]) -> None:
        Consumer.made += 1
        self.messages = messages
        self.assigned: list[tuple[int, int]] = []
        self.paused: list[int] = []
        self.unassigned = self.closed = 0

    def assign(self, places: list[TopicPartition]) -> None:
        self.assigned = [(place.partition, place.offset) for place in places]

    def consume(self, count: int, timeout_s: float) -> list[Message]:
        messages, self.messages = self.messages[:count], self.messages[count:]
        return messages

    def pause(self, places: list[TopicPartition]) -> None:
        self.paused += [place.partition for place in places]

    def resume(self, places: list[TopicPartition]) -> None:
        for place in places:
            while place.partition in self.paused:
                self.paused.remove(place.partition)

    def unassign(self) -> None:
        self.unassigned += 1

    def close(self) -> None:
        self.closed += 1


def peek_at(messages: list[Message], monkeypatch: pytest.MonkeyPatch) -> tuple[Peek, list[Consumer]]:
    monkeypatch.setattr(peek_module, "WITHIN_S", 0.05)
    made: list[Consumer] = []

    def make(_config: object) -> Any:  # noqa: ANN401 - stands for the client's own
        made.append(Consumer(messages))
        return made[-1]

    given = settings()
    return Peek(lambda: given, make), made


def test_one_record_of_each_partition_is_read_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    peek, made = peek_at([Message(0, (1, 5)), Message(0, (1, 6)), Message(1, (2, 7))], monkeypatch)
    assert peek.timestamps({0: 4, 1: 9}) == Seen({0: 5, 1: 7}, "")
    (consumer,) = made
    assert consumer.assigned == [(0, 4), (1, 9)]
    assert consumer.paused == [], "a pause would outlive the assignment"
    assert consumer.unassigned == 1


def test_a_record_without_a_timestamp_has_no_age_and_one_that_does_not_come_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    denied = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    peek, made = peek_at([Message(0, (0, 0)), Message(1, error=denied)], monkeypatch)
    assert peek.timestamps({0: 4, 1: 9}) == Seen({}, denied.str())
    assert made[0].unassigned == 1


def test_the_client_is_kept_until_it_is_to_be_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    peek, made = peek_at([Message(0)] * 3, monkeypatch)
    peek.timestamps({0: 1})
    peek.timestamps({0: 2})
    assert len(made) == 1
    peek.forget()
    assert made[0].closed == 1
    peek.timestamps({0: 3})
    assert len(made) == 2


def test_a_partition_that_ends_without_a_record_is_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    peek, _ = peek_at([Message(0, (1, 5)), Message(1, error=KafkaError(KafkaError._PARTITION_EOF))], monkeypatch)
    assert peek.timestamps({0: 4, 1: 9}) == Seen({0: 5}, "", frozenset({1}))


def test_behind_a_transaction_there_is_its_mark_and_nothing_to_deliver() -> None:
    bench = Bench()
    bench.records.ended = {0}
    asyncio.run(bench.watch.look())
    assert (bench.figures[0].records, bench.figures[0].age_s(40, NOW)) == (0, 0.0)
    assert bench.watch.problem == ""
    assert bench.records.forgotten == 0


def test_a_client_that_is_renewed_while_it_is_asked_lives_until_it_has_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The client's own: once it is gone, what it was asked is never answered, and the watch would wait for ever."""
    monkeypatch.setattr(lag_module, "REQUEST_S", 1.0)
    client: list[Any] = [AdminClient({"bootstrap.servers": "127.0.0.1:1", "log_level": 0})]
    watch = LagWatch("events", lambda: {0: 40}, lambda: client[0], Records())

    async def body() -> None:
        looking = asyncio.create_task(watch.look())
        await asyncio.sleep(0)
        client[0] = None  # as `SourceTopic.renew` does where no broker answers
        await asyncio.wait_for(looking, 20)

    asyncio.run(body())
    assert watch.problem
