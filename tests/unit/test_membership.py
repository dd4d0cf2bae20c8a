"""The member of the group on a made-up client, which answers when the test says so."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from fanout import client
from fanout.metrics.catalogue import REBALANCES
from fanout.metrics.tallies import Tallies
from fanout.supervisor import membership as membership_module
from fanout.supervisor.commits import NO_COMMIT, Commits
from fanout.supervisor.membership import Handlers, Membership, MembershipFatalError
from tests.unit.fakes import settings

NO_COMMITS_MS = 10**9  # nothing is committed during a test


class Answer:
    """A partition in the client's answer."""

    def __init__(self, partition: int, offset: int, error: int | None = None, metadata: str | None = None) -> None:
        self.metadata = metadata
        self.topic = "cluster-events"
        self.partition = partition
        self.offset = offset
        self.error = KafkaError(error) if error is not None else None


class FakeAIOConsumer:
    """Notes calls in order; `committed` waits for the test if it wants so.

    As in the real client, callbacks run within the poll, and calls from elsewhere wait until the poll is over.
    """

    def __init__(self, config: dict[str, Any], max_workers: int) -> None:
        assert max_workers >= 2, "a commit that hangs must not starve the poll"
        self.on_commit = config["on_commit"]
        self.callbacks: dict[str, Callable[..., Coroutine[Any, Any, None]]] = {}
        self.calls: list[tuple[str, object]] = []
        self.messages: list[object] = []
        self.rebalances: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self.polls = 0
        self.polling = False
        self.may_return = asyncio.Event()
        self.may_return.set()
        self._gate = asyncio.Lock()
        self.offsets: dict[int, int] = {}
        self.metadata: dict[int, str] = {}
        self.committed_errors: list[Exception | int] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def subscribe(self, topics: list[str], **callbacks: Callable[..., Coroutine[Any, Any, None]]) -> None:
        self.calls.append(("subscribe", topics))
        self.callbacks = callbacks

    async def poll(self, timeout_s: float) -> object:
        async with self._gate:
            self.polls, self.polling = self.polls + 1, True
            await asyncio.sleep(0)
            while self.rebalances or not self.may_return.is_set():
                await (self.rebalances.pop(0)() if self.rebalances else asyncio.sleep(0))
            self.polling = False
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
        asked = [tp.partition for tp in partitions]
        return [Answer(p, self.offsets.get(p, -1001), error, self.metadata.get(p)) for p in asked]

    async def commit(self, offsets: Sequence[TopicPartition], asynchronous: bool) -> list[Answer] | None:
        said = {tp.partition: tp.offset for tp in offsets}
        if not asynchronous:
            self.calls.append(("commit now", said))
            return [Answer(partition, offset) for partition, offset in said.items()]
        async with self._gate:
            self.calls.append(("commit", said))
        return None

    async def set_sasl_credentials(self, username: str, password: str) -> None:
        self.calls.append(("credentials", (username, password)))

    async def close(self) -> None:
        self.calls.append(("close", None))

    def named(self, name: str) -> list[object]:
        """The arguments of the calls of this name."""
        return [argument for call, argument in self.calls if call == name]


class Bench:
    """A membership and what it told."""

    def __init__(self, commit_interval_ms: int, protocol: client.Protocol = "classic") -> None:
        self.commits = Commits()
        self.assigned: list[dict[int, int]] = []
        self.revoked: list[set[int]] = []
        self.lost: list[set[int]] = []
        self.doubt = 0
        self.confirmed: list[int] = []
        self.identity = "this-topic"
        self.tallies = Tallies()
        self.revoking = asyncio.Event()
        self.revoking.set()
        self.membership = Membership(
            settings(commit_interval_ms=commit_interval_ms), protocol, self.commits,
            Handlers(
                self._assigned, self._revoked, self._lost, lambda: self.doubt, self._confirmed,
                lambda: self.identity, self._identified, self.tallies,
            ),
        )  # fmt: skip
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

    def _confirmed(self, doubt: int) -> None:
        if doubt:
            self.confirmed.append(doubt)

    async def _identified(self) -> str:
        return self.identity

    async def tell(self, callback: str, *partitions: int) -> None:
        """A rebalance, which runs within the client's poll; it is over when this returns."""
        await until(lambda: self.consumer.callbacks)
        over = asyncio.Event()

        async def rebalance() -> None:
            try:
                await self.consumer.callbacks[callback](
                    self.consumer, [TopicPartition("cluster-events", p) for p in partitions]
                )
            finally:
                over.set()

        self.consumer.rebalances.append(rebalance)
        await over.wait()

    async def hold_in_poll(self) -> None:
        """Be within a poll, which does not return before `let_poll_return`."""
        self.consumer.may_return.clear()
        await until(lambda: self.consumer.polling)

    async def let_poll_return(self) -> None:
        """And wait for some more polls."""
        self.consumer.may_return.set()
        await self.some_polls()

    async def some_polls(self) -> None:
        begun = self.consumer.polls
        await until(lambda: self.consumer.polls > begun + 5)

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


async def turns(count: int = 50) -> None:
    """Give everything else that could run the chance to."""
    for _ in range(count):
        await asyncio.sleep(0)


def scenario(
    body: Callable[[Bench], Coroutine[object, object, None]],
    *,
    commit_interval_ms: int = NO_COMMITS_MS,
    protocol: client.Protocol = "classic",
) -> None:
    async def whole() -> None:
        bench = Bench(commit_interval_ms, protocol)
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


def test_a_new_member_of_the_newer_protocol_asks_for_partitions_again_and_again_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(membership_module, "ASK_EVERY_S", 0.01)
    monkeypatch.setattr(membership_module, "NEW_S", 0.5)

    async def body(bench: Bench) -> None:
        await until(lambda: len(bench.consumer.named("subscribe")) > 5)
        await bench.assign(p0=7)
        await asyncio.sleep(0.5)
        asked = len(bench.consumer.named("subscribe"))
        await bench.some_polls()
        assert len(bench.consumer.named("subscribe")) == asked

    scenario(body, protocol="consumer")


def test_a_member_of_the_classic_protocol_asks_once_for_each_time_would_be_a_rebalance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(membership_module, "ASK_EVERY_S", 0.0)

    async def body(bench: Bench) -> None:
        await bench.assign(p0=7)
        await bench.some_polls()
        assert len(bench.consumer.named("subscribe")) == 1

    scenario(body)


def test_offsets_that_were_committed_of_another_topic_of_this_name_are_not_gone_on_from() -> None:
    async def body(bench: Bench) -> None:
        bench.consumer.offsets = {0: 7, 1: 8, 2: 9}
        bench.consumer.metadata = {0: "another-topic", 1: "this-topic"}
        await bench.tell("on_assign", 0, 1, 2)
        await until(lambda: bench.assigned)
        assert bench.assigned == [{0: NO_COMMIT, 1: 8, 2: 9}]

    scenario(body)


def test_where_the_topic_cannot_be_told_from_another_all_offsets_count() -> None:
    async def body(bench: Bench) -> None:
        bench.identity = ""
        bench.consumer.offsets = {0: 7}
        bench.consumer.metadata = {0: "another-topic"}
        await bench.tell("on_assign", 0)
        await until(lambda: bench.assigned)
        assert bench.assigned == [{0: 7}]

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
        await turns()
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
        await turns()
        assert len(bench.consumer.named("committed")) <= 2

    scenario(body)


def test_revoked_is_waited_for_before_the_client_gives_the_partitions_back() -> None:
    async def body(bench: Bench) -> None:
        await bench.assign(p0=7)
        bench.revoking.clear()
        giving_back = asyncio.create_task(bench.tell("on_revoke", 0))
        await turns()
        assert not giving_back.done()
        bench.revoking.set()
        await asyncio.wait_for(giving_back, 5)
        assert bench.revoked == [{0}]

    scenario(body)


@pytest.mark.parametrize("doubt", [False, True])
@pytest.mark.parametrize("callback", ["on_revoke", "on_lost"])
def test_a_commit_is_begun_between_polls_and_knows_what_was_taken_away_within_the_poll(
    callback: str, doubt: bool
) -> None:
    async def body(bench: Bench) -> None:
        await bench.assign(p0=7, p1=7)
        await bench.hold_in_poll()
        bench.doubt = doubt
        bench.deliver(p0=9, p1=10)
        await turns()
        await bench.tell(callback, 0)
        assert bench.consumer.named("commit") == []
        await bench.let_poll_return()
        assert bench.consumer.named("commit") == [{1: 10}], "or an offset that is another's moves back"

    scenario(body, commit_interval_ms=0)


def test_lost_is_never_committed() -> None:
    async def body(bench: Bench) -> None:
        await bench.assign(p0=7)
        await bench.hold_in_poll()
        bench.deliver(p0=9)
        await bench.tell("on_lost", 0)
        assert bench.lost == [{0}]
        await bench.let_poll_return()
        bench.doubt = True
        await bench.some_polls()
        await bench.membership.halt()
        assert await bench.membership.committer.commit_now(None, 1.0)
        assert not bench.consumer.named("commit")
        assert not bench.consumer.named("commit now")

    scenario(body, commit_interval_ms=0)


@pytest.mark.parametrize("callback", ["on_revoke", "on_lost"])
def test_a_commit_that_was_kept_is_dropped_when_its_partition_goes(callback: str) -> None:
    async def body(bench: Bench) -> None:
        await bench.assign(p0=7)
        bench.deliver(p0=100)
        await until(lambda: bench.consumer.named("commit"))
        await bench.hold_in_poll()
        await bench.consumer.on_commit(KafkaError(KafkaError.ILLEGAL_GENERATION), [Answer(0, 100)])
        await bench.tell(callback, 0)
        await bench.assign(p0=500)
        await bench.let_poll_return()
        assert bench.consumer.named("commit") == [{0: 100}], "or an offset moves back"

    scenario(body, commit_interval_ms=0)


def test_what_is_delivered_is_committed_again_and_again_as_the_client_answers() -> None:
    async def body(bench: Bench) -> None:
        await bench.assign(p0=7)
        bench.deliver(p0=9)
        await until(lambda: bench.consumer.named("commit"))
        bench.deliver(p0=12)
        await bench.some_polls()
        assert bench.consumer.named("commit") == [{0: 9}]
        await bench.consumer.on_commit(None, [Answer(0, 9)])
        await until(lambda: len(bench.consumer.named("commit")) == 2)
        await bench.consumer.on_commit(None, [Answer(0, 12)])
        await bench.some_polls()
        assert bench.consumer.named("commit") == [{0: 9}, {0: 12}]

    scenario(body, commit_interval_ms=0)


def test_a_member_in_doubt_hears_when_the_group_takes_a_commit_of_it() -> None:
    async def body(bench: Bench) -> None:
        await bench.assign(p0=7)
        await bench.some_polls()
        assert bench.consumer.named("commit") == []
        bench.doubt = 1
        await until(lambda: bench.consumer.named("commit") == [{0: 7}])
        assert bench.confirmed == []
        await bench.consumer.on_commit(None, [Answer(0, 7)])
        assert bench.confirmed == [1]

    scenario(body, commit_interval_ms=0)


def test_an_assignment_ends_the_doubt_that_it_finds_and_none_that_comes_before_it_is_handed_over() -> None:
    async def body(bench: Bench) -> None:
        await until(lambda: "on_assign" in bench.consumer.callbacks)
        bench.doubt = 1
        bench.consumer.may_answer.clear()
        bench.consumer.offsets |= {0: 7}
        await bench.consumer.callbacks["on_assign"](bench.consumer, [TopicPartition("cluster-events", 0)])
        assert bench.confirmed == [1]
        bench.doubt = 2
        bench.consumer.may_answer.set()
        await until(lambda: bench.assigned == [{0: 7}])
        assert bench.confirmed == [1]

    scenario(body)


def test_halt_waits_for_the_poll_and_what_is_left_can_be_committed_after_it() -> None:
    async def body(bench: Bench) -> None:
        await bench.assign(p0=7, p1=7)
        bench.deliver(p0=9)
        await until(lambda: bench.consumer.named("commit"))
        await bench.hold_in_poll()
        halting = asyncio.create_task(bench.membership.halt())
        await turns()
        assert not halting.done()
        bench.deliver(p1=10)
        await bench.tell("on_revoke", 1)
        bench.consumer.may_return.set()
        await asyncio.wait_for(halting, 5)
        polls = bench.consumer.polls
        bench.deliver(p0=12)
        assert await bench.membership.committer.commit_now(None, 1.0)
        await turns()
        assert bench.consumer.polls == polls
        assert not bench.consumer.named("close"), "the goodbye comes after the last commit"
        # The answer to the first commit would have come through a poll; the last one does not wait for it.
        assert bench.consumer.named("commit") == [{0: 9}]
        assert bench.consumer.named("commit now") == [{0: 12}]
        assert bench.due() == {}

    scenario(body, commit_interval_ms=0)


def test_halting_a_membership_that_has_ended_by_itself_does_not_wait() -> None:
    async def body(bench: Bench) -> None:
        bench.consumer.committed_errors = [RuntimeError("a bug")]
        await bench.tell("on_assign", 0)
        await until(bench.running.done)
        await asyncio.wait_for(bench.membership.halt(), 5)

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
        async def identified() -> str:
            return ""

        async def revoked(_partitions: set[int]) -> None: ...

        member = Membership(
            settings(), "classic", Commits(),
            Handlers(
                assigned, revoked, lambda _partitions: None, lambda: False, lambda _: None, lambda: "", identified,
                Tallies(),
            ),
        )  # fmt: skip
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


@pytest.mark.parametrize(("members", "joined"), [([], False), (["another"], False), (["another", "mine"], True)])
def test_a_member_that_is_given_nothing_asks_the_group_whether_it_has_joined(members: list[str], joined: bool) -> None:
    class Admin:
        def describe_consumer_groups(self, groups: list[str], **_timeout: float) -> dict[str, Future[Any]]:
            future: Future[Any] = Future()
            future.set_result(SimpleNamespace(members=[SimpleNamespace(member_id=name) for name in members]))
            return {groups[0]: future}

    async def body(bench: Bench) -> None:
        bench.consumer._consumer = cast("Consumer", SimpleNamespace(memberid=lambda: "mine"))
        await bench.membership.look_for_itself(cast("AdminClient", Admin()))
        assert bench.membership.joined is joined

    scenario(body)


def test_a_member_has_joined_once_it_is_given_anything_and_until_all_is_lost() -> None:
    async def body(bench: Bench) -> None:
        assert not bench.membership.joined
        await bench.assign(p0=5)
        assert bench.membership.joined
        await bench.tell("on_revoke", 0)
        assert bench.membership.joined, "it is a spare now"
        await bench.assign(p0=5)
        bench.membership._tell(KafkaError(KafkaError.COORDINATOR_NOT_AVAILABLE))
        await bench.tell("on_lost", 0)
        assert not bench.membership.joined
        assert not bench.membership.problem, "what was wrong once is not why all was lost"
        counted = bench.tallies.counts(REBALANCES)
        assert counted == {("assigned",): 2, ("revoked",): 1, ("lost",): 1}

    scenario(body)
