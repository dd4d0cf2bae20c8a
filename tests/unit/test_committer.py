"""Commits through a made-up client, which answers when the test says so, on a clock of the test's own."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import NamedTuple, cast

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.aio import AIOConsumer

from fanout.metrics.catalogue import COMMITS
from fanout.metrics.tallies import Tallies
from fanout.supervisor import committer as committer_module
from fanout.supervisor.commits import NO_COMMIT, Commits
from fanout.supervisor.committer import COMMIT_LOST_S, Committer
from tests.unit.fakes import settings

INTERVAL_S = 1.0


class Answer(NamedTuple):
    """A partition in the client's answer."""

    partition: int
    offset: int
    error: KafkaError | None = None


class FakeConsumer:
    """Notes commits; a synchronous one waits for the test if it wants so."""

    def __init__(self) -> None:
        self.begun: list[dict[int, int]] = []
        self.waited_for: list[dict[int, int]] = []
        self.refusal: Exception | None = None
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.errors: dict[int, int] = {}  # partition -> error code
        self.asked = asyncio.Event()  # for offsets
        self.tried_twice = asyncio.Event()
        self.joined = asyncio.Event()
        self.joined.set()

    async def commit(self, offsets: Sequence[TopicPartition], asynchronous: bool) -> list[Answer] | None:
        assert {tp.topic for tp in offsets} == {"cluster-events"}
        assert {tp.metadata for tp in offsets} == {"this-topic"}, "whose offsets they are"
        said = {tp.partition: tp.offset for tp in offsets}
        (self.begun if asynchronous else self.waited_for).append(said)
        if len(self.waited_for) > 1:
            self.tried_twice.set()
        if not asynchronous:
            await self.may_answer.wait()
        if self.refusal is not None:
            raise self.refusal
        return None if asynchronous else [Answer(p, offset, self._error(p)) for p, offset in said.items()]

    async def committed(self, partitions: Sequence[TopicPartition], **_timeout: float) -> list[TopicPartition]:
        self.asked.set()
        await self.joined.wait()
        return list(partitions)

    def _error(self, partition: int) -> KafkaError | None:
        return KafkaError(self.errors[partition]) if partition in self.errors else None


class Clock:
    """Stands for the module `time`."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


class Bench:
    """A committer, what it commits and what it told."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.commits = Commits()
        self.consumer = FakeConsumer()
        self.doubt = 0
        self.confirmed: list[int] = []
        self.tallies = Tallies()
        self.committer = Committer(
            cast("AIOConsumer", self.consumer), settings(commit_interval_ms=round(INTERVAL_S * 1000)), self.commits,
            lambda: self.doubt, self.confirmed.append, identity=lambda: "this-topic",
            tallies=self.tallies,
        )  # fmt: skip

    async def begin(self) -> None:
        """Between two polls, when the interval is over."""
        self.clock.now += INTERVAL_S
        await self.committer.begin_if_due()

    def answer(self, *answers: Answer, error: int | None = None) -> None:
        """What the poll brings."""
        self.committer.answered(
            KafkaError(error) if error is not None else None, cast("list[TopicPartition]", list(answers))
        )

    def deliver(self, offsets: dict[int, int]) -> None:
        assert self.commits.delivered(self.commits.ownership(offsets), offsets) == list(offsets)

    def due(self) -> dict[int, int]:
        ticket = self.commits.due()
        return ticket.offsets if ticket is not None else {}


Scenario = Callable[[Callable[[Bench], Coroutine[object, object, None]]], None]


@pytest.fixture
def scenario(monkeypatch: pytest.MonkeyPatch) -> Scenario:
    clock = Clock()
    monkeypatch.setattr(committer_module, "time", clock)

    def run(body: Callable[[Bench], Coroutine[object, object, None]]) -> None:
        async def whole() -> None:
            await body(Bench(clock))

        asyncio.run(asyncio.wait_for(whole(), 30))

    return run


def test_a_commit_is_begun_once_in_an_interval_and_only_if_something_is_due(scenario: Scenario) -> None:
    async def body(bench: Bench) -> None:
        bench.commits.own({0: 7})
        await bench.begin()
        assert bench.consumer.begun == []
        bench.deliver({0: 9})
        bench.clock.now += INTERVAL_S / 2
        await bench.committer.begin_if_due()
        assert bench.consumer.begun == []
        bench.clock.now += INTERVAL_S / 2
        await bench.committer.begin_if_due()
        assert bench.consumer.begun == [{0: 9}]
        bench.answer(Answer(0, 9))
        await bench.begin()
        assert bench.consumer.begun == [{0: 9}]

    scenario(body)


def test_what_was_lost_is_committed_neither_when_due_nor_in_doubt_nor_at_the_end(scenario: Scenario) -> None:
    async def body(bench: Bench) -> None:
        bench.commits.own({0: 7})
        bench.deliver({0: 9})
        bench.commits.disown({0})
        await bench.begin()
        bench.doubt = 1
        await bench.begin()
        assert await bench.committer.commit_now(None, 1.0)
        assert bench.consumer.begun == []
        assert bench.consumer.waited_for == []

    scenario(body)


def test_only_one_commit_is_under_way_and_what_came_meanwhile_is_in_the_next(scenario: Scenario) -> None:
    async def body(bench: Bench) -> None:
        bench.commits.own({0: 7})
        bench.deliver({0: 9})
        await bench.begin()
        bench.deliver({0: 12})
        await bench.begin()
        assert bench.consumer.begun == [{0: 9}]
        bench.answer(Answer(0, 9))
        assert bench.due() == {0: 12}
        await bench.begin()
        assert bench.consumer.begun == [{0: 9}, {0: 12}]

    scenario(body)


@pytest.mark.parametrize(
    "code",
    [
        KafkaError.ILLEGAL_GENERATION, KafkaError.REBALANCE_IN_PROGRESS, KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.STALE_MEMBER_EPOCH, KafkaError._NO_OFFSET, KafkaError.COORDINATOR_NOT_AVAILABLE,
    ],
)  # fmt: skip
@pytest.mark.parametrize("where", ["whole", "partition"])
def test_a_commit_that_failed_is_kept_and_made_again(scenario: Scenario, code: int, where: str) -> None:
    async def body(bench: Bench) -> None:
        bench.commits.own({0: 7, 1: 7})
        bench.deliver({0: 9, 1: 10})
        await bench.begin()
        if where == "whole":
            bench.answer(Answer(0, 9), Answer(1, 10), error=code)
            kept = {0: 9, 1: 10}
        else:
            bench.answer(Answer(0, 9, KafkaError(code)), Answer(1, 10))
            kept = {0: 9}
        assert bench.due() == kept
        await bench.begin()
        assert bench.consumer.begun == [{0: 9, 1: 10}, kept]

    scenario(body)


def test_a_commit_that_was_kept_is_dropped_when_its_partition_goes(scenario: Scenario) -> None:
    async def body(bench: Bench) -> None:
        bench.commits.own({0: 7})
        bench.deliver({0: 100})
        await bench.begin()
        bench.answer(Answer(0, 100), error=KafkaError.ILLEGAL_GENERATION)
        bench.commits.disown({0})
        bench.commits.own({0: 500})
        await bench.begin()
        assert bench.consumer.begun == [{0: 100}], "or an offset moves back"

    scenario(body)


def test_a_commit_whose_answer_comes_after_a_loss_says_nothing_of_the_next_ownership(scenario: Scenario) -> None:
    async def body(bench: Bench) -> None:
        bench.commits.own({0: 7})
        bench.deliver({0: 100})
        await bench.begin()
        bench.commits.disown({0})
        bench.commits.own({0: 50})
        bench.deliver({0: 100})
        bench.answer(Answer(0, 100))
        assert bench.due() == {0: 100}

    scenario(body)


def test_a_commit_of_the_old_source_says_nothing_of_the_start_of_the_new_one(scenario: Scenario) -> None:
    async def body(bench: Bench) -> None:
        bench.commits.own({0: 7})
        bench.deliver({0: 9})
        await bench.begin()
        bench.commits.restart({0})
        bench.answer(Answer(0, 9))
        assert bench.due() == {0: 0}
        await bench.begin()
        assert bench.consumer.begun == [{0: 9}, {0: 0}]
        bench.answer(Answer(0, 0))
        assert bench.due() == {}

    scenario(body)


def test_an_answer_that_was_lost_with_its_connection_does_not_stop_commits_for_ever(scenario: Scenario) -> None:
    async def body(bench: Bench) -> None:
        bench.commits.own({0: 7})
        bench.deliver({0: 9})
        await bench.begin()
        bench.clock.now += COMMIT_LOST_S
        await bench.committer.begin_if_due()
        assert bench.consumer.begun == [{0: 9}]
        bench.clock.now += 0.1
        await bench.committer.begin_if_due()
        assert bench.consumer.begun == [{0: 9}, {0: 9}]

    scenario(body)


def test_an_answer_nobody_waits_for_changes_nothing(scenario: Scenario) -> None:
    async def body(bench: Bench) -> None:
        bench.commits.own({0: 7})
        bench.deliver({0: 9})
        bench.answer(Answer(0, 9))
        assert bench.due() == {0: 9}

    scenario(body)


def test_a_commit_that_cannot_be_begun_is_made_again(scenario: Scenario) -> None:
    async def body(bench: Bench) -> None:
        bench.commits.own({0: 7})
        bench.deliver({0: 9})
        bench.consumer.refusal = KafkaException(KafkaError(KafkaError._STATE))
        await bench.begin()
        assert bench.due() == {0: 9}
        bench.consumer.refusal = None
        await bench.begin()
        assert bench.consumer.begun == [{0: 9}, {0: 9}]

    scenario(body)


def test_in_doubt_everything_is_committed_to_learn_whether_this_is_still_a_member(scenario: Scenario) -> None:
    async def body(bench: Bench) -> None:
        bench.commits.own({0: 7, 1: NO_COMMIT})
        bench.doubt = 1
        await bench.begin()
        assert bench.consumer.begun == [{0: 7}]
        assert bench.confirmed == []
        bench.answer(Answer(0, 7), error=KafkaError.UNKNOWN_MEMBER_ID)
        assert bench.confirmed == []
        await bench.begin()
        bench.answer(Answer(0, 7))
        assert bench.confirmed == [1]

    scenario(body)


def test_a_commit_of_which_the_group_takes_no_partition_confirms_nothing(scenario: Scenario) -> None:
    async def body(bench: Bench) -> None:
        bench.commits.own({0: 7})
        bench.doubt = 1
        await bench.begin()
        bench.answer(Answer(0, 7, KafkaError(KafkaError.UNKNOWN_MEMBER_ID)))
        assert bench.confirmed == []

    scenario(body)


def test_the_answer_to_a_commit_of_before_the_doubt_confirms_nothing(scenario: Scenario) -> None:
    """It may have waited in this process for as long as the process was stopped."""

    async def body(bench: Bench) -> None:
        bench.commits.own({0: 7})
        bench.deliver({0: 9})
        await bench.begin()
        bench.doubt = 1
        await bench.begin()
        bench.answer(Answer(0, 9))
        assert bench.confirmed == []
        await bench.begin()
        bench.answer(Answer(0, 9))
        assert bench.confirmed == [1]

    scenario(body)


def test_the_last_commit_is_waited_for_and_says_whether_it_was_taken(scenario: Scenario) -> None:
    async def body(bench: Bench) -> None:
        bench.commits.own({0: 7, 1: 7})
        assert await bench.committer.commit_now(None, 1.0), "there is nothing to commit"
        bench.deliver({0: 9, 1: 10})
        bench.consumer.errors = {1: KafkaError.ILLEGAL_GENERATION}
        assert not await bench.committer.commit_now(None, 1.0)
        assert bench.due() == {1: 10}
        bench.consumer.refusal = KafkaException(KafkaError(KafkaError.UNKNOWN_MEMBER_ID))
        assert not await bench.committer.commit_now(None, 1.0)
        assert bench.due() == {1: 10}
        bench.consumer.errors, bench.consumer.refusal = {}, None
        assert await bench.committer.commit_now([1], 1.0)
        assert bench.due() == {}
        assert bench.consumer.waited_for == [{0: 9, 1: 10}, {1: 10}, {1: 10}]

    scenario(body)


@pytest.mark.parametrize("told_of", ["the commit", "a partition"])
def test_the_last_commit_is_made_again_until_the_group_has_handed_out_its_partitions(
    scenario: Scenario, told_of: str
) -> None:
    async def body(bench: Bench) -> None:
        bench.commits.own({0: 7})
        bench.deliver({0: 9})
        if told_of == "the commit":
            bench.consumer.refusal = KafkaException(KafkaError(KafkaError.REBALANCE_IN_PROGRESS))
        else:
            bench.consumer.errors = {0: KafkaError.REBALANCE_IN_PROGRESS}
        committing = asyncio.create_task(bench.committer.commit_now(None, 5.0))
        await asyncio.wait_for(bench.consumer.tried_twice.wait(), 5.0)
        bench.consumer.refusal, bench.consumer.errors = None, {}
        assert await committing
        assert bench.due() == {}

    scenario(body)


def test_the_last_commit_is_not_sent_behind_a_request_to_join(scenario: Scenario) -> None:
    async def body(bench: Bench) -> None:
        bench.commits.own({0: 7})
        bench.deliver({0: 9})
        bench.consumer.joined.clear()
        committing = asyncio.create_task(bench.committer.commit_now(None, 5.0))
        await asyncio.wait_for(bench.consumer.asked.wait(), 5.0)
        assert bench.consumer.waited_for == []
        bench.consumer.joined.set()
        assert await committing
        assert bench.consumer.waited_for == [{0: 9}]

    scenario(body)


def test_a_coordinator_that_is_silent_does_not_keep_the_last_commit_from_being_tried(scenario: Scenario) -> None:
    async def body(bench: Bench) -> None:
        bench.commits.own({0: 7})
        bench.deliver({0: 9})
        bench.consumer.joined.clear()
        assert await bench.committer.commit_now(None, 0.2)
        assert bench.consumer.waited_for == [{0: 9}]

    scenario(body)


def test_a_group_that_never_takes_the_last_commit_is_given_up_in_time(scenario: Scenario) -> None:
    async def body(bench: Bench) -> None:
        bench.commits.own({0: 7})
        bench.deliver({0: 9})
        bench.consumer.refusal = KafkaException(KafkaError(KafkaError.REBALANCE_IN_PROGRESS))
        assert not await bench.committer.commit_now(None, 0.3)
        assert len(bench.consumer.waited_for) > 1
        assert bench.due() == {0: 9}

    scenario(body)


def test_the_last_commit_of_some_partitions_leaves_the_others_due(scenario: Scenario) -> None:
    async def body(bench: Bench) -> None:
        bench.commits.own({0: 7, 1: 7})
        bench.deliver({0: 9, 1: 10})
        assert await bench.committer.commit_now([0], 1.0)
        assert bench.consumer.waited_for == [{0: 9}]
        assert bench.due() == {1: 10}

    scenario(body)


def test_a_last_commit_does_not_wait_for_the_answer_to_the_one_before(scenario: Scenario) -> None:
    async def body(bench: Bench) -> None:
        bench.commits.own({0: 7})
        bench.deliver({0: 9})
        await bench.begin()
        bench.deliver({0: 12})
        assert await bench.committer.commit_now(None, 1.0)
        assert bench.consumer.waited_for == [{0: 12}]
        bench.answer(Answer(0, 9))
        assert bench.due() == {}, "the answer that comes late takes nothing back"

    scenario(body)


def test_a_last_commit_that_hangs_is_given_up_in_time(scenario: Scenario) -> None:
    async def body(bench: Bench) -> None:
        bench.commits.own({0: 7})
        bench.deliver({0: 9})
        bench.consumer.may_answer.clear()
        begun = time.monotonic()
        assert not await bench.committer.commit_now(None, 0.05)
        assert time.monotonic() - begun < 2
        assert bench.due() == {0: 9}

    scenario(body)


def test_the_answer_to_a_commit_of_an_older_doubt_confirms_that_one(scenario: Scenario) -> None:
    """This process was stopped twice: the answer had waited in it while it was stopped for the second time."""

    async def body(bench: Bench) -> None:
        bench.commits.own({0: 7})
        bench.doubt = 1
        await bench.begin()
        bench.doubt = 2
        bench.answer(Answer(0, 7))
        assert bench.confirmed == [1]
        await bench.begin()
        bench.answer(Answer(0, 7))
        assert bench.confirmed == [1, 2]

    scenario(body)


def test_what_is_due_and_gets_no_answer_is_told_for_how_long(scenario: Scenario) -> None:
    async def body(bench: Bench) -> None:
        bench.commits.own({0: 7})
        await bench.begin()
        assert bench.committer.unserved_s() == 0.0, "nothing is due"
        bench.deliver({0: 9})
        await bench.begin()
        bench.clock.now += 20.0
        assert bench.committer.unserved_s() == 20.0
        bench.answer(Answer(0, 9))
        bench.deliver({0: 12})
        assert bench.committer.unserved_s() == 0.0

    scenario(body)


@pytest.mark.parametrize(
    ("code", "answered"),
    [
        (KafkaError._WAIT_COORD, False), (KafkaError._TIMED_OUT, False), (KafkaError._TRANSPORT, False),
        (KafkaError.NOT_COORDINATOR, False), (KafkaError.COORDINATOR_LOAD_IN_PROGRESS, False),
        (KafkaError.REBALANCE_IN_PROGRESS, True), (KafkaError.UNKNOWN_MEMBER_ID, True),
        (KafkaError.GROUP_AUTHORIZATION_FAILED, True),
    ],
)  # fmt: skip
def test_a_refusal_is_an_answer_and_no_coordinator_is_none(scenario: Scenario, code: int, answered: bool) -> None:
    async def body(bench: Bench) -> None:
        bench.commits.own({0: 7})
        bench.deliver({0: 9})
        for _ in range(3):
            await bench.begin()
            bench.answer(Answer(0, 9), error=code)
        assert bench.committer.unserved_s() == (0.0 if answered else 2 * INTERVAL_S)

    scenario(body)


def test_partitions_that_went_leave_nothing_unanswered(scenario: Scenario) -> None:
    async def body(bench: Bench) -> None:
        bench.commits.own({0: 7})
        bench.deliver({0: 9})
        await bench.begin()
        bench.commits.disown({0})
        bench.clock.now += 20.0
        assert bench.committer.unserved_s() == 0.0

    scenario(body)


def test_commits_are_counted_by_what_became_of_them(scenario: Scenario) -> None:
    async def body(bench: Bench) -> None:
        bench.commits.own({0: 7, 1: 7})
        bench.deliver({0: 9, 1: 9})
        await bench.begin()
        bench.answer(Answer(0, 9, KafkaError(KafkaError.REBALANCE_IN_PROGRESS)), Answer(1, 9))
        await bench.begin()
        bench.answer(Answer(0, 9), error=KafkaError.REQUEST_TIMED_OUT)
        await bench.begin()
        bench.answer(Answer(0, 9))
        bench.deliver({0: 10})
        bench.consumer.refusal = KafkaException(KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED))
        assert not await bench.committer.commit_now(None, 1.0)
        bench.consumer.refusal = None
        assert await bench.committer.commit_now(None, 1.0)
        assert bench.tallies.counts(COMMITS) == {("retried",): 1, ("failed",): 2, ("ok",): 2}

    scenario(body)
