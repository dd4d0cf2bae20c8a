"""Commits through the client of the group: when one is begun, what its answer means."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.aio import AIOConsumer

from fanout import client, log
from fanout.metrics.catalogue import COMMITS
from fanout.metrics.tallies import Tallies
from fanout.settings import Settings
from fanout.supervisor.commits import Commits, Ticket

AGAIN_S = 0.1
COMMIT_LOST_S = 90.0  # an answer that is still not there was lost with its connection

# A commit that meets a rebalance is kept, and made again while the partition is still ours.
_REBALANCING = {
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.STALE_MEMBER_EPOCH,
    KafkaError.FENCED_MEMBER_EPOCH,
    KafkaError._STATE,
    KafkaError._NO_OFFSET,
    KafkaError._ASSIGNMENT_LOST,
}

# Those of them that pass by themselves, without a poll.
_PASSING = {KafkaError.REBALANCE_IN_PROGRESS, KafkaError._STATE}

_log = log.get("committer")
_repeats = log.Repeats(_log)


class Committer:
    """Commits what `commits` says is due, one at a time. `confirmed` is told of the doubt that one was begun in."""

    def __init__(
        self,
        consumer: AIOConsumer,
        settings: Settings,
        commits: Commits,
        in_doubt: Callable[[], int],
        confirmed: Callable[[int], None],
        *,
        identity: Callable[[], str],
        tallies: Tallies,
    ) -> None:
        self._consumer = consumer
        self._topic = settings.topic
        self._interval_s = settings.commit_interval_ms / 1000
        self._commits = commits
        self._in_doubt = in_doubt
        self._confirmed = confirmed
        self._identity = identity
        self._tallies = tallies
        self._under_way: Ticket | None = None
        self._confirming = 0
        self._begun_at = 0.0
        self._unserved_since: float | None = None

    def unserved_s(self) -> float:
        """For how long what is due has had no answer from a coordinator; 0 if nothing is due."""
        if self._unserved_since is None or self._commits.due() is None:
            return 0.0
        return time.monotonic() - self._unserved_since

    async def has_broker(self) -> bool:
        """Whether its client finds a broker to ask. One that has forgotten all of them never will: `client.strays`."""
        try:
            await self._consumer.list_topics(self._topic, timeout=client.CONNECTED_S)
        except KafkaException as error:
            return not client.strays(error)
        return True

    async def begin_if_due(self) -> None:
        """Begin to commit what is due. The answer comes through the poll.

        Called between polls and nowhere else: all calls on the client wait for each other, and a commit that had waited
        for a poll, and for the revoke in it, would speak for partitions that are another replica's by then.
        """
        now = time.monotonic()
        if now - self._begun_at < self._interval_s:
            return
        replaces_lost = False
        if self._under_way is not None:
            if now - self._begun_at <= COMMIT_LOST_S:
                return
            self._under_way, replaces_lost = None, True
        self._begun_at = now
        # While in doubt, everything is committed, due or not, to learn whether this member is still one. What comes
        # after a lost one cannot tell its own answer from that one's.
        doubt = 0 if replaces_lost else self._in_doubt()
        ticket = self._commits.everything() if doubt else self._commits.due()
        if ticket is None:
            self._unserved_since = None
            return
        if self._unserved_since is None:
            self._unserved_since = now
        self._under_way, self._confirming = ticket, doubt
        try:
            await self._consumer.commit(offsets=self._topic_partitions(ticket), asynchronous=True)
        except KafkaException as error:
            self._under_way = None
            self._not_committed(client.kafka_error(error))
            self._count(client.kafka_error(error))

    def answered(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        """What the broker said to the commit that is under way."""
        ticket, self._under_way = self._under_way, None
        if ticket is None:
            return
        if error is not None:
            self._not_committed(error)
        self._confirm(ticket, partitions, error)

    def _count(self, problem: KafkaError | None) -> None:
        """One commit, by what became of it."""
        result = "ok" if problem is None else "retried" if problem.code() in _REBALANCING else "failed"
        self._tallies.count(COMMITS, 1, result)

    def _confirm(self, ticket: Ticket, partitions: Collection[TopicPartition], error: KafkaError | None) -> None:
        taken = []
        for tp in partitions:
            if tp.error is not None:
                self._not_committed(tp.error)
            elif error is None and ticket.offsets.get(tp.partition) == tp.offset:
                taken.append(tp.partition)
        self._count(error or next((tp.error for tp in partitions if tp.error is not None), None))
        if taken:
            self._unserved_since = None
        self._commits.confirmed(ticket, taken)
        # An answer to a commit of before the doubt may have waited here for as long as this process was stopped.
        if taken and self._confirming:
            doubt, self._confirming = self._confirming, 0
            self._confirmed(doubt)

    def _not_committed(self, error: KafkaError) -> None:
        if error.code() in _REBALANCING or (error.code() > 0 and error.code() not in client.COORDINATOR_AWAY):
            self._unserved_since = None  # a coordinator has answered
        if error.code() in _REBALANCING:
            _log.debug("commit met a rebalance, kept for later", error=error.str())
        else:
            _repeats.warning("commit failed, kept for later", error.code(), error=error.str())

    async def commit_now(self, partitions: Collection[int] | None, timeout_s: float) -> bool:
        """Commit what is due of these partitions (or of all) and wait for the answer; whether it was taken.

        Only from within a revoke, or after `halt`. A group that is about to hand out its partitions takes no commit:
        it is asked again until it does.
        """
        now = asyncio.get_running_loop().time
        deadline = now() + timeout_s
        if self._commits.due(partitions) is not None:
            await self._outwait_join(timeout_s / 2)
        while (ticket := self._commits.due(partitions)) is not None:
            problem = await self._commit_once(ticket, max(0.0, deadline - now()))
            if problem is None:
                return True
            if problem.code() not in _PASSING or now() + AGAIN_S > deadline:
                _log.warning("commit not taken; what it said may be delivered again", error=problem.str())
                return False
            await asyncio.sleep(AGAIN_S)
        return True

    async def _outwait_join(self, timeout_s: float) -> None:
        """Wait for the answer to whatever the client has asked the coordinator.

        A broker does one request of a connection at a time. A commit behind a request to join, which it answers when
        all members have asked, comes under a generation that has passed by then: it is refused, and the client gives
        up its partitions. What asks for an offset first is answered after it, and the commit knows the new generation.
        """
        place = TopicPartition(self._topic, 0)
        with contextlib.suppress(KafkaException, TimeoutError):
            await asyncio.wait_for(self._consumer.committed([place], timeout=timeout_s), timeout_s)

    async def _commit_once(self, ticket: Ticket, timeout_s: float) -> KafkaError | None:
        """Commit and wait; why it was not taken, or None."""
        try:
            answers = await asyncio.wait_for(
                self._consumer.commit(offsets=self._topic_partitions(ticket), asynchronous=False), timeout_s
            )
        except TimeoutError:
            problem = KafkaError(KafkaError._TIMED_OUT, f"not answered within {timeout_s:.1f} s")
            self._count(problem)
            return problem
        except KafkaException as error:
            self._count(client.kafka_error(error))
            return client.kafka_error(error)
        self._confirm(ticket, answers, None)
        return next((tp.error for tp in answers if tp.error is not None), None)

    def _topic_partitions(self, ticket: Ticket) -> list[TopicPartition]:
        # Whose offsets they are: a topic that is deleted and made anew has the same name.
        identity = self._identity()
        return [TopicPartition(self._topic, p, offset, identity) for p, offset in ticket.offsets.items()]
