"""The member of the group on a made-up client, which answers when the test says so."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from fanout.supervisor import membership as membership_module
from fanout.supervisor.commits import NO_COMMIT, Commits
from fanout.supervisor.membership import Handlers, Membership, MembershipFatalError
from tests.unit.fakes import settings


class Answer:
    """A partition in the client's answer."""

    def __init__(self, partition: int, offset: int, error: int | None = None) -> None:
        self.topic = "cluster-events"
        self.partition = partition
        self.offset = offset
        self.error = KafkaError(error) if error is not None else None


class FakeAIOConsumer:
    """Notes calls in order; `committed` and synchronous commits wait for the test if it wants so."""

    def __init__(self, config: dict[str, Any], max_workers: int) -> None:
        assert max_workers >= 2, "a commit that hangs must not starve the poll"
        self.on_commit = config["on_commit"]
        self.callbacks: dict[str, Callable[..., Coroutine[Any, Any, None]]] = {}
        self.calls: list[tuple[str, object]] = []
        self.messages: list[object] = []
        self.offsets: dict[int, int] = {}
        self.committed_errors: list[Exception | int] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.sync_answer: Exception | dict[int, int] | None = None  # partition -> error code

    async def subscribe(self, topics: list[str], **callbacks: Callable[..., Coroutine[Any, Any, None]]) -> None:
        self.calls.append(("subscribe", topics))
        self.callbacks = callbacks

    async def poll(self, timeout_s: float) -> object:
        await asyncio.sleep(0)
        return self.messages.pop(0) if self.messages else None

    async def incremental_assign(self, partitions: Sequence[TopicPartition]) -> None:
        self.calls.append(("assign", {tp.partition for tp in partitions}))

    async def pause(self, partitions: Sequence[TopicPartition]) -> None:
        self.calls.append(("pause", {tp.partition for tp in partitions}))

    async def committed(self, partitions: Sequence[TopicPartition], **_time_out: float) -> list[Answer]:
        self.calls.append(("committed", {tp.partition for tp in partitions}))
        await self.may_answer.wait()
        error = self.committed_errors.pop(0) if self.committed_errors else None
        if isinstance(error, Exception):
            raise error
        return [Answer(tp.partition, self.offsets.get(tp.partition, -1001), error) for tp in partitions]

    async def commit(self, offsets: Sequence[TopicPartition], asynchronous: bool) -> list[Answer] | None:
        said = {tp.partition: tp.offset for tp in offsets}
        self.calls.append(("commit" if asynchronous else "commit now", said))
        if asynchronous:
            return None
        await self.may_answer.wait()
        if isinstance(self.sync_answer, Exception):
            raise self.sync_answer
        errors = self.sync_answer or {}
        return [Answer(partition, offset, errors.get(partition)) for partition, offset in said.items()]

    async def close(self) -> None:
        self.calls.append(("close", None))

    def named(self, name: str) -> list[object]:
        """The arguments of the calls of this name."""
        return [argument for call, argument in self.calls if call == name]


class Bench:
    """A membership and what it told."""

    def __init__(self) -> None:
        self.commits = Commits()
        self.assigned: list[dict[int, int]] = []
        self.revoked: list[set[int]] = []
        self.lost: list[set[int]] = []
        self.confirmed = 0
        self.revoking = asyncio.Event()
        self.revoking.set()
        self.membership = Membership(
            settings(), "classic", self.commits, Handlers(self._assigned, self._revoked, self._lost, self._confirmed)
        )
        consumer = self.membership._consumer
        assert isinstance(consumer, FakeAIOConsumer)
        self.consumer = consumer
        self.running = asyncio.create_task(self.membership.run())

    async def _assigned(self, offsets: dict[int, int]) -> None:
        self.assigned.append(offsets)
        self.commits.own(offsets)

    async def _revoked(self, partitions: set[int]) -> None:
        await self.revoking.wait()
        self.revoked.append(partitions)
        self.commits.disown(partitions)

    def _lost(self, partitions: set[int]) -> None:
        self.lost.append(partitions)
        self.commits.disown(partitions)

    def _confirmed(self) -> None:
        self.confirmed += 1

    async def tell(self, callback: str, *partitions: int) -> None:
        """What the client's poll does in a rebalance."""
        await until(lambda: self.consumer.callbacks)
        await self.consumer.callbacks[callback](
            self.consumer, [TopicPartition("cluster-events", p) for p in partitions]
        )

    async def assign(self, **offsets: int) -> None:
        """Be given partitions, with these committed offsets."""
        given = {int(name.removeprefix("p")): offset for name, offset in offsets.items()}
        self.consumer.offsets |= given
        before = len(self.assigned)
        await self.tell("on_assign", *given)
        await until(lambda: len(self.assigned) > before)

    def deliver(self, **offsets: int) -> None:
        given = {int(name.removeprefix("p")): offset for name, offset in offsets.items()}
        assert self.commits.delivered(self.commits.ownership(given), given) == list(given)

    def due(self) -> dict[int, int]:
        ticket = self.commits.due()
        return ticket.offsets if ticket is not None else {}


async def until(condition: Callable[[], object], within_s: float = 5.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        await asyncio.sleep(0)


def scenario(body: Callable[[Bench], Coroutine[object, object, None]]) -> None:
    async def whole() -> None:
        bench = Bench()
        await body(bench)
        await bench.membership.leave(1.0)
        await asyncio.gather(bench.running, return_exceptions=True)

    asyncio.run(asyncio.wait_for(whole(), 30))


@pytest.fixture(autouse=True)
def made_up_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(membership_module, "AIOConsumer", FakeAIOConsumer)


def test_partitions_are_assigned_then_paused_and_handed_on_with_their_committed_offsets() -> None:
    async def body(bench: Bench) -> None:
        await bench.assign(p0=7, p3=-1001)
        names = [name for name, _ in bench.consumer.calls]
        assert names == ["subscribe", "assign", "pause", "committed"]
        assert bench.assigned == [{0: 7, 3: NO_COMMIT}]

    scenario(body)


def test_the_rebalance_does_not_wait_for_the_committed_offsets() -> None:
    async def body(bench: Bench) -> None:
        bench.consumer.may_answer.clear()
        await bench.tell("on_assign", 0)
        await until(lambda: bench.consumer.named("committed"))
        assert bench.assigned == []
        bench.consumer.may_answer.set()
        await until(lambda: bench.assigned)

    scenario(body)


@pytest.mark.parametrize("callback", ["on_revoke", "on_lost"])
def test_what_was_taken_away_before_its_offset_was_known_is_not_handed_on(callback: str) -> None:
    async def body(bench: Bench) -> None:
        bench.consumer.may_answer.clear()
        bench.consumer.offsets = {0: 5, 1: 6}
        await bench.tell("on_assign", 0, 1)
        await until(lambda: bench.consumer.named("committed"))
        await bench.tell(callback, 0)
        bench.consumer.may_answer.set()
        await until(lambda: bench.assigned)
        assert bench.assigned == [{1: 6}]

    scenario(body)


def test_an_old_answer_is_not_taken_for_a_partition_that_was_away_meanwhile() -> None:
    async def body(bench: Bench) -> None:
        bench.consumer.may_answer.clear()
        bench.consumer.offsets = {0: 5}
        await bench.tell("on_assign", 0)
        await until(lambda: bench.consumer.named("committed"))
        await bench.tell("on_revoke", 0)
        await bench.tell("on_assign", 0)
        await until(lambda: len(bench.consumer.named("committed")) == 2)
        bench.consumer.may_answer.set()
        await until(lambda: {0: 5} in bench.assigned)
        for _ in range(20):
            await asyncio.sleep(0)
        assert [offsets for offsets in bench.assigned if offsets] == [{0: 5}]

    scenario(body)


def test_offsets_that_are_not_known_are_asked_again_and_never_guessed() -> None:
    async def body(bench: Bench) -> None:
        bench.consumer.committed_errors = [
            KafkaException(KafkaError(KafkaError._TIMED_OUT)), KafkaError.UNSTABLE_OFFSET_COMMIT,
        ]  # fmt: skip
        await bench.assign(p0=7)
        assert len(bench.consumer.named("committed")) == 3
        assert bench.assigned == [{0: 7}]

    scenario(body)


def test_offsets_are_not_asked_again_without_a_pause() -> None:
    async def body(bench: Bench) -> None:
        refused = KafkaException(KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED))
        bench.consumer.committed_errors = [refused] * 1_000
        await bench.tell("on_assign", 0)
        await until(lambda: bench.consumer.named("committed"))
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(bench.consumer.named("committed")) <= 2

    scenario(body)


def test_revoked_is_waited_for_before_the_client_gives_the_partitions_back() -> None:
    async def body(bench: Bench) -> None:
        await bench.assign(p0=7)
        bench.revoking.clear()
        giving_back = asyncio.create_task(bench.tell("on_revoke", 0))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not giving_back.done()
        bench.revoking.set()
        await asyncio.wait_for(giving_back, 5)
        assert bench.revoked == [{0}]

    scenario(body)


def test_lost_is_never_committed() -> None:
    async def body(bench: Bench) -> None:
        await bench.assign(p0=7)
        bench.deliver(p0=9)
        await bench.tell("on_lost", 0)
        assert bench.lost == [{0}]
        await bench.membership.commit(confirm=False)
        await bench.membership.commit(confirm=True)
        assert await bench.membership.commit_now(None, 1.0)
        assert not bench.consumer.named("commit")
        assert not bench.consumer.named("commit now")

    scenario(body)


def test_only_one_commit_is_under_way_and_what_came_meanwhile_is_in_the_next() -> None:
    async def body(bench: Bench) -> None:
        await bench.assign(p0=7)
        bench.deliver(p0=9)
        await bench.membership.commit(confirm=False)
        bench.deliver(p0=12)
        await bench.membership.commit(confirm=False)
        assert bench.consumer.named("commit") == [{0: 9}]
        await bench.consumer.on_commit(None, [Answer(0, 9)])
        assert bench.due() == {0: 12}
        await bench.membership.commit(confirm=False)
        assert bench.consumer.named("commit") == [{0: 9}, {0: 12}]

    scenario(body)


@pytest.mark.parametrize(
    "code",
    [
        KafkaError.ILLEGAL_GENERATION, KafkaError.REBALANCE_IN_PROGRESS, KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.STALE_MEMBER_EPOCH, KafkaError._NO_OFFSET, KafkaError.COORDINATOR_NOT_AVAILABLE,
    ],
)  # fmt: skip
@pytest.mark.parametrize("where", ["whole", "partition"])
def test_a_commit_that_failed_is_kept_and_made_again(code: int, where: str) -> None:
    async def body(bench: Bench) -> None:
        await bench.assign(p0=7, p1=7)
        bench.deliver(p0=9, p1=10)
        await bench.membership.commit(confirm=False)
        if where == "whole":
            await bench.consumer.on_commit(KafkaError(code), [Answer(0, 9), Answer(1, 10)])
            assert bench.due() == {0: 9, 1: 10}
        else:
            await bench.consumer.on_commit(None, [Answer(0, 9, code), Answer(1, 10)])
            assert bench.due() == {0: 9}
        await bench.membership.commit(confirm=False)
        assert len(bench.consumer.named("commit")) == 2

    scenario(body)


@pytest.mark.parametrize("callback", ["on_revoke", "on_lost"])
def test_a_commit_that_was_kept_is_dropped_when_its_partition_goes(callback: str) -> None:
    async def body(bench: Bench) -> None:
        await bench.assign(p0=7)
        bench.deliver(p0=100)
        await bench.membership.commit(confirm=False)
        await bench.consumer.on_commit(KafkaError(KafkaError.ILLEGAL_GENERATION), [Answer(0, 100)])
        await bench.tell(callback, 0)
        await bench.assign(p0=500)
        await bench.membership.commit(confirm=False)
        assert bench.consumer.named("commit") == [{0: 100}], "or an offset moves back"

    scenario(body)


def test_a_commit_whose_answer_comes_after_a_loss_says_nothing_of_the_next_ownership() -> None:
    async def body(bench: Bench) -> None:
        await bench.assign(p0=7)
        bench.deliver(p0=100)
        await bench.membership.commit(confirm=False)
        await bench.tell("on_lost", 0)
        await bench.assign(p0=50)
        bench.deliver(p0=100)
        await bench.consumer.on_commit(None, [Answer(0, 100)])
        assert bench.due() == {0: 100}

    scenario(body)


def test_an_answer_that_was_lost_with_its_connection_does_not_stop_commits_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def body(bench: Bench) -> None:
        await bench.assign(p0=7)
        bench.deliver(p0=9)
        await bench.membership.commit(confirm=False)
        monkeypatch.setattr(membership_module, "COMMIT_LOST_S", 0.0)
        await bench.membership.commit(confirm=False)
        assert bench.consumer.named("commit") == [{0: 9}, {0: 9}]

    scenario(body)


def test_a_commit_that_cannot_be_begun_is_made_again() -> None:
    async def body(bench: Bench) -> None:
        await bench.assign(p0=7)
        bench.deliver(p0=9)
        begin = bench.consumer.commit

        async def refused(**_arguments: object) -> None:
            raise KafkaException(KafkaError(KafkaError._STATE))

        bench.consumer.commit = refused  # type: ignore[method-assign]
        await bench.membership.commit(confirm=False)
        bench.consumer.commit = begin  # type: ignore[method-assign]
        await bench.membership.commit(confirm=False)
        assert bench.consumer.named("commit") == [{0: 9}]

    scenario(body)


def test_in_doubt_everything_is_committed_to_learn_whether_this_is_still_a_member() -> None:
    async def body(bench: Bench) -> None:
        await bench.assign(p0=7, p1=-1001)
        await bench.membership.commit(confirm=True)
        assert bench.consumer.named("commit") == [{0: 7}]
        assert bench.confirmed == 0
        await bench.consumer.on_commit(KafkaError(KafkaError.UNKNOWN_MEMBER_ID), [Answer(0, 7)])
        assert bench.confirmed == 0
        await bench.membership.commit(confirm=True)
        await bench.consumer.on_commit(None, [Answer(0, 7)])
        assert bench.confirmed == 1

    scenario(body)


def test_the_answer_to_a_commit_of_before_the_doubt_confirms_nothing() -> None:
    """It may have waited in this process for as long as the process was stopped."""

    async def body(bench: Bench) -> None:
        await bench.assign(p0=7)
        bench.deliver(p0=9)
        await bench.membership.commit(confirm=False)
        await bench.membership.commit(confirm=True)
        await bench.consumer.on_commit(None, [Answer(0, 9)])
        assert bench.confirmed == 0
        await bench.membership.commit(confirm=True)
        await bench.consumer.on_commit(None, [Answer(0, 9)])
        assert bench.confirmed == 1

    scenario(body)


def test_the_last_commit_is_waited_for_and_says_whether_it_was_taken() -> None:
    async def body(bench: Bench) -> None:
        await bench.assign(p0=7, p1=7)
        assert await bench.membership.commit_now(None, 1.0), "there is nothing to commit"
        bench.deliver(p0=9, p1=10)
        bench.consumer.sync_answer = {1: KafkaError.ILLEGAL_GENERATION}
        assert not await bench.membership.commit_now(None, 1.0)
        assert bench.due() == {1: 10}
        bench.consumer.sync_answer = KafkaException(KafkaError(KafkaError.REBALANCE_IN_PROGRESS))
        assert not await bench.membership.commit_now(None, 1.0)
        bench.consumer.sync_answer = None
        assert await bench.membership.commit_now([1], 1.0)
        assert bench.due() == {}

    scenario(body)


def test_a_last_commit_that_hangs_is_given_up_in_time() -> None:
    async def body(bench: Bench) -> None:
        await bench.assign(p0=7)
        bench.deliver(p0=9)
        bench.consumer.may_answer.clear()
        begun = time.monotonic()
        assert not await bench.membership.commit_now(None, 0.05)
        assert time.monotonic() - begun < 2
        assert bench.due() == {0: 9}

    scenario(body)


def test_a_client_that_is_broken_for_good_ends_the_membership() -> None:
    async def body(bench: Bench) -> None:
        class Message:
            def error(self) -> KafkaError:
                return KafkaError(KafkaError._FATAL, "fenced", True)

        bench.consumer.messages.append(Message())
        with pytest.raises(MembershipFatalError, match="fenced"):
            await bench.running

    scenario(body)


def test_an_error_that_passes_does_not_end_the_membership() -> None:
    async def body(bench: Bench) -> None:
        class Message:
            def error(self) -> KafkaError:
                return KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)

        bench.consumer.messages.append(Message())
        await until(lambda: not bench.consumer.messages)
        await asyncio.sleep(0)
        assert not bench.running.done()

    scenario(body)


def test_a_hand_over_that_breaks_ends_the_membership_instead_of_leaving_a_partition_without_a_worker() -> None:
    async def body(bench: Bench) -> None:
        bench.consumer.committed_errors = [RuntimeError("a bug")]
        await bench.tell("on_assign", 0)
        await until(bench.running.done)
        assert bench.running.exception() is not None

    scenario(body)


@pytest.mark.usefixtures("made_up_client")
def test_a_goodbye_that_hangs_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the real asynchronous client: its close waits for its threads, also when it is cancelled."""
    from confluent_kafka.aio import AIOConsumer

    monkeypatch.setattr(membership_module, "AIOConsumer", AIOConsumer)
    answered = threading.Event()

    class Hanging:
        def subscribe(self, *_arguments: object, **_callbacks: object) -> None:
            pass

        def poll(self, timeout: float) -> None:
            time.sleep(0.001)

        def close(self) -> None:
            answered.wait(20)

    async def body() -> float:
        async def assigned(_offsets: dict[int, int]) -> None: ...
        async def revoked(_partitions: set[int]) -> None: ...

        member = Membership(
            settings(), "classic", Commits(), Handlers(assigned, revoked, lambda _partitions: None, lambda: None)
        )
        member._consumer._consumer = Hanging()  # type: ignore[assignment]
        running = asyncio.create_task(member.run())
        await asyncio.sleep(0)
        begun = time.monotonic()
        threading.Timer(4.0, answered.set).start()
        assert not await member.leave(0.1)
        took_s = time.monotonic() - begun
        answered.set()
        await asyncio.gather(running, return_exceptions=True)
        return took_s

    assert asyncio.run(body()) < 2.0
