"""The replica's way into the group: the protocol that it chooses, and one member in place of another."""

import asyncio
import io
import logging
from collections.abc import Callable, Coroutine

import msgspec
import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from fanout import client, log
from fanout.metrics.tallies import Tallies
from fanout.settings import Settings
from fanout.supervisor import membership as membership_module
from fanout.supervisor import protocol as protocol_module
from fanout.supervisor.commits import Commits
from fanout.supervisor.membership import Handlers, Membership
from fanout.supervisor.protocol import choose_protocol
from fanout.supervisor.seat import Seat
from tests.unit.fakes import settings
from tests.unit.test_membership import FakeAIOConsumer, turns, until

AWAY = KafkaException(KafkaError(KafkaError._TRANSPORT, "no broker"))


@pytest.fixture(autouse=True)
def made_up_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(membership_module, "AIOConsumer", FakeAIOConsumer)


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What is logged, as JSON lines."""
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setattr(protocol_module, "_repeats", log.Repeats(protocol_module._log))
    log.configure("debug", "json")
    return stream


def lines(logged: io.StringIO) -> list[dict[str, object]]:
    return [msgspec.json.decode(line, type=dict[str, object]) for line in logged.getvalue().splitlines()]


def scenario(body: Callable[[], Coroutine[object, object, None]]) -> None:
    asyncio.run(asyncio.wait_for(body(), 20))


class Members:
    """Those that were made, oldest first."""

    def __init__(self) -> None:
        self.made: list[Membership] = []
        self.broken: KafkaException | None = None  # what the client says instead of being made
        self.unreachable: list[Exception | int] = []  # what the next one says when it is to connect
        self.silent = False  # whether the next one waits for an answer
        self.assigned: list[dict[int, int]] = []

    def make(self) -> Membership:
        if self.broken is not None:
            raise self.broken
        handlers = Handlers(
            self._assigned,
            self._revoked,
            lambda _: None,
            lambda: 0,
            lambda _: None,
            lambda: "",
            self._identified,
            Tallies(),
        )
        self.made.append(Membership(settings(), "classic", Commits(), handlers))
        self.consumer(-1).committed_errors, self.unreachable = self.unreachable, []
        if self.silent:
            self.consumer(-1).may_answer.clear()
        return self.made[-1]

    async def _identified(self) -> str:
        return ""

    def consumer(self, number: int) -> FakeAIOConsumer:
        consumer = self.made[number]._consumer
        assert isinstance(consumer, FakeAIOConsumer)
        return consumer

    async def _assigned(self, offsets: dict[int, int]) -> None:
        self.assigned.append(offsets)

    async def _revoked(self, _: set[int]) -> None: ...


def test_the_next_member_is_connected_before_the_one_at_work_is_told_to_end() -> None:
    async def body() -> None:
        members = Members()
        seat = Seat(members.make)
        running = asyncio.create_task(seat.take().run())
        await until(lambda: members.consumer(0).polls > 1)
        members.silent = True
        exchanging = asyncio.create_task(seat.exchange())
        await until(lambda: len(members.made) == 2)
        polls = members.consumer(0).polls
        await until(lambda: members.consumer(0).polls > polls + 5)
        assert not running.done(), "it works on while the next one connects"
        members.consumer(1).may_answer.set()
        assert await exchanging == ""
        await asyncio.wait_for(running, 5)
        assert seat.is_handed_over
        assert members.consumer(1).named("subscribe") == [], "it has not joined beside the other"
        assert seat.take() is members.made[1]
        assert not seat.is_handed_over

    scenario(body)


@pytest.mark.parametrize("what", ["made", "connected"])
def test_a_next_member_that_cannot_be_made_or_connected_leaves_all_as_it_is(what: str) -> None:
    async def body() -> None:
        members = Members()
        seat = Seat(members.make)
        running = asyncio.create_task(seat.take().run())
        await until(lambda: members.consumer(0).polls > 1)
        if what == "made":
            members.broken = AWAY
        else:
            members.unreachable = [AWAY]
        assert "no broker" in await seat.exchange()
        polls = members.consumer(0).polls
        await until(lambda: members.consumer(0).polls > polls + 5)
        assert seat.holder is members.made[0]
        assert not seat.is_handed_over
        if what == "connected":
            assert members.consumer(1).named("close"), "it is not left behind"
        await members.made[0].halt()
        await running

    scenario(body)


def test_before_the_first_member_there_is_none_to_exchange() -> None:
    async def body() -> None:
        members = Members()
        assert await Seat(members.make).exchange() == ""
        assert members.made == []

    scenario(body)


def test_a_password_reaches_the_member_that_there_is() -> None:
    async def body() -> None:
        members = Members()
        seat = Seat(members.make)
        await seat.sign_in("fanout", "early")
        seat.take()
        await seat.sign_in("fanout", "secret")
        assert members.consumer(0).named("credentials") == [("fanout", "secret")]

    scenario(body)


def test_a_member_that_was_told_to_end_hands_nothing_over_any_more() -> None:
    async def body() -> None:
        members = Members()
        member = members.make()
        running = asyncio.create_task(member.run())
        consumer = members.consumer(0)
        await until(lambda: consumer.callbacks)
        consumer.may_answer.clear()
        given = TopicPartition("cluster-events", 0)
        consumer.rebalances.append(lambda: consumer.callbacks["on_assign"](consumer, [given]))
        await until(lambda: consumer.named("committed"))
        await member.halt()
        consumer.may_answer.set()
        await running
        await turns()
        assert members.assigned == []

    scenario(body)


class Broker:
    """Answers as the test wants, in place of a real one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.silent: list[str] = []  # why there is no answer, one after the other
        self.choices: list[client.Protocol | KafkaException] = []
        self.asked = 0
        monkeypatch.setattr(protocol_module, "silence", self._silence)
        monkeypatch.setattr(client, "choose_protocol", self._choose)

    async def _silence(self, _: Settings) -> str:
        self.asked += 1
        return self.silent.pop(0) if self.silent else ""

    def _choose(self, _: Settings, logger: logging.Logger) -> client.Protocol:
        assert logger.handlers, "what the client says belongs into the log"
        choice = self.choices.pop(0)
        if isinstance(choice, KafkaException):
            raise choice
        return choice


def test_the_protocol_is_waited_for_and_the_reason_is_told(
    monkeypatch: pytest.MonkeyPatch, logged: io.StringIO
) -> None:
    async def body() -> None:
        broker = Broker(monkeypatch)
        broker.silent = ["Authentication failed"]
        broker.choices = [AWAY, "consumer"]
        assert await choose_protocol(settings) == "consumer"

    scenario(body)
    waiting, joining = lines(logged)
    assert waiting["message"] == "broker not reachable, waiting for it"
    assert waiting["error.message"] == "Authentication failed"
    assert "KAFKA_SASL_*" in str(waiting["fanout.advice"])
    assert (joining["message"], joining["fanout.protocol"]) == ("joining", "consumer")
    assert "fanout.advice" not in joining


def test_credentials_that_change_while_it_waits_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async def body() -> None:
        broker = Broker(monkeypatch)
        broker.silent = ["Authentication failed"]
        broker.choices = ["consumer"]
        given = [settings(groupid="before"), settings(groupid="before"), settings(groupid="after")]
        seen: list[str] = []

        async def silence(now: Settings) -> str:
            seen.append(now.groupid)
            return "" if now.groupid == "after" else "Authentication failed"

        monkeypatch.setattr(protocol_module, "silence", silence)
        await choose_protocol(lambda: given.pop(0) if len(given) > 1 else given[0])
        assert seen[-1] == "after"

    scenario(body)


def test_a_broker_that_gives_only_the_classic_protocol_may_only_lack_a_right(
    monkeypatch: pytest.MonkeyPatch, logged: io.StringIO
) -> None:
    async def body() -> None:
        Broker(monkeypatch).choices = ["classic"]
        assert await choose_protocol(settings) == "classic"

    scenario(body)
    assert "grant DESCRIBE_CONFIGS on the cluster" in str(lines(logged)[0]["fanout.advice"])


def test_who_says_which_protocol_is_not_made_to_wait_for_a_broker(
    monkeypatch: pytest.MonkeyPatch, logged: io.StringIO
) -> None:
    async def body() -> None:
        broker = Broker(monkeypatch)
        broker.choices = ["classic"]
        assert await choose_protocol(lambda: settings(group_protocol="classic")) == "classic"
        assert broker.asked == 0

    scenario(body)
    assert "fanout.advice" not in lines(logged)[0]
