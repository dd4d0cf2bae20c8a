"""The group: one member in this replica, which reads nothing, hands partitions to workers, and commits for them.

Revoked is drain, then commit, then give back. Lost is never commit. Whatever the member is told to forget, it has
forgotten before the callback returns.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.aio import AIOConsumer

from fanout import client, log
from fanout.metrics.catalogue import REBALANCES
from fanout.metrics.tallies import Tallies
from fanout.settings import Settings
from fanout.supervisor.commits import NO_COMMIT, Commits
from fanout.supervisor.committer import Committer

POLL_S = 0.1  # calls on the client come one after another: no other waits longer than this for the poll
COMMITTED_S = 5.0
# A member of the newer protocol learns what it is given when it asks, each 5 s as shipped; till then that stands still.
# One that is new asks every second, for as long as others may take to give back what is to be its.
NEW_S = 20.0
ASK_EVERY_S = 1.0
CLIENT_THREADS = 8  # a synchronous commit was seen to block one for over 31 s

_log = log.get("membership")
_repeats = log.Repeats(_log)


class MembershipFatalError(Exception):
    """The client of the group is broken and has to be made anew: all partitions are lost with it."""


class Handlers(NamedTuple):
    """What the member tells. Offsets are committed ones, NO_COMMIT where there is none."""

    assigned: Callable[[dict[int, int]], Awaitable[None]]
    revoked: Callable[[set[int]], Awaitable[None]]
    lost: Callable[[set[int]], None]
    in_doubt: Callable[[], int]  # which doubt it is in that this member still is one; 0 if none
    confirmed: Callable[[int], None]  # the group has taken a commit, or given partitions, since that doubt: it is
    identity: Callable[[], str]  # of the source topic as far as is known: it goes into each commit
    identified: Callable[[], Awaitable[str]]  # the same, asked for anew
    tallies: Tallies  # commits and rebalances are counted there


class Membership:
    """One membership, from `subscribe` to `close`. All partitions of the source topic that it is given are paused."""

    def __init__(self, settings: Settings, protocol: client.Protocol, commits: Commits, handlers: Handlers) -> None:
        self._topic = settings.topic
        self._group = settings.groupid
        self._protocol = protocol
        self._handlers = handlers
        self._tallies = handlers.tallies
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False
        self._leaving: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()
        self._ended.set()  # it has not begun
        # The partitions that are ours, each with a mark of this assignment of it.
        self._given: dict[int, object] = {}
        self._broken = ""
        self.joined = False
        self.problem = ""  # why the group does not serve us, as the client said last
        config = client.member(settings, protocol, log.client_logger("membership"))
        # The committer is made after the client, whose configuration names its callback.
        self._consumer = AIOConsumer(
            config | {"on_commit": self._on_commit, "error_cb": self._on_error}, max_workers=CLIENT_THREADS
        )
        self.committer = Committer(
            self._consumer, settings, commits, handlers.in_doubt, handlers.confirmed,
            identity=handlers.identity, tallies=handlers.tallies,
        )  # fmt: skip

    async def run(self) -> None:
        """Be a member until `halt` or `leave`. Raises MembershipFatalError."""
        self._ended.clear()
        try:
            asked_at = time.monotonic()
            new_until = asked_at + (NEW_S if self._protocol == "consumer" else 0.0)
            await self._subscribe()
            while not self._closing:
                if asked_at + ASK_EVERY_S <= (now := time.monotonic()) < new_until:
                    asked_at = now
                    await self._subscribe()
                await self.committer.begin_if_due()
                message = await self._consumer.poll(POLL_S)
                if message is not None and message.error() is not None:
                    self._tell(message.error())
                if self._broken:
                    raise MembershipFatalError(self._broken)
        finally:
            self._ended.set()

    async def _subscribe(self) -> None:
        """Ask to be a member; one that is asks, with the same, whether it is given anything."""
        await self._consumer.subscribe(
            [self._topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )

    def _tell(self, error: KafkaError) -> None:
        if error.fatal():
            self._broken = error.str()
            return
        advice = {
            KafkaError.UNKNOWN_TOPIC_OR_PART: "the source topic does not exist: create it, or look at TOPIC",
            KafkaError.TOPIC_AUTHORIZATION_FAILED: f"grant READ on the topic {self._topic}",
            KafkaError.GROUP_AUTHORIZATION_FAILED: f"grant READ on the group {self._group}",
        }.get(error.code(), "it is tried again; look at the broker if this goes on")
        self.problem = error.str()
        _repeats.warning("group not served", error.code(), error=error.str(), advice=advice)

    async def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._broken = error.str()
        else:
            _repeats.warning("client error", error.code(), error=error.str())

    def _has_joined(self) -> None:
        self.joined, self.problem = True, ""

    async def _on_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        self.committer.answered(error, partitions)

    async def _on_assign(self, consumer: AIOConsumer, partitions: list[TopicPartition]) -> None:
        # Before the first wait: this process may be stopped in any of them, and then it is another doubt.
        doubt = self._handlers.in_doubt()
        # In this order: before the assignment a pause is thrown away, and 126 MB were fetched.
        await consumer.incremental_assign(partitions)
        await consumer.pause(partitions)
        given = {tp.partition: object() for tp in partitions}
        self._given |= given
        self._has_joined()
        self._tallies.count(REBALANCES, 1, "assigned")
        self._handlers.confirmed(doubt)
        _log.info("partitions assigned", partitions=sorted(given))
        task = asyncio.create_task(self._hand_over(given))
        self._tasks.add(task)
        task.add_done_callback(self._handed_over)

    def _handed_over(self, task: asyncio.Task[None]) -> None:
        """A hand-over that broke leaves partitions without a worker: join anew rather than that."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._broken = f"partitions could not be handed over: {error!r}"

    async def _hand_over(self, given: Mapping[int, object]) -> None:
        """Learn where these partitions begin, for as long as it takes, and hand on what is still ours by then."""
        while offsets := {p: NO_COMMIT for p, mark in given.items() if self._given.get(p) is mark}:
            try:
                answers = await self._consumer.committed(
                    [TopicPartition(self._topic, p) for p in offsets], timeout=COMMITTED_S
                )
            except KafkaException as error:
                _repeats.warning("committed offsets not known, asking again", error=client.kafka_error(error).str())
                await asyncio.sleep(POLL_S)
                continue
            failed = [answer.error for answer in answers if answer.error is not None]
            if failed:
                _repeats.warning("committed offsets not known, asking again", error=failed[0].str())
                await asyncio.sleep(POLL_S)
                continue
            offsets = self._beginnings(answers, await self._handlers.identified())
            ours = {p: offset for p, offset in offsets.items() if self._given.get(p) is given[p]}
            await self._handlers.assigned(ours)
            return

    def _beginnings(self, answers: Iterable[TopicPartition], identity: str) -> dict[int, int]:
        """Where to begin: what is committed, unless it was committed of another topic of this name."""
        anew = {a.partition for a in answers if a.offset >= 0 and a.metadata and identity and a.metadata != identity}
        if anew:
            _log.error(
                "source topic was made anew since the last commit: reading it from the start",
                topic=self._topic, partitions=sorted(anew),
            )  # fmt: skip
        return {a.partition: a.offset if a.offset >= 0 and a.partition not in anew else NO_COMMIT for a in answers}

    async def _on_revoke(self, _consumer: AIOConsumer, partitions: list[TopicPartition]) -> None:
        revoked = {tp.partition for tp in partitions}
        _log.info("partitions revoked", partitions=sorted(revoked))
        self._forget(revoked)
        self._tallies.count(REBALANCES, 1, "revoked")
        await self._handlers.revoked(revoked)

    async def _on_lost(self, _consumer: AIOConsumer, partitions: list[TopicPartition]) -> None:
        lost = {tp.partition for tp in partitions}
        _log.warning("partitions lost: another replica has them", partitions=sorted(lost))
        self._forget(lost)
        self.joined, self.problem = False, ""  # what was said before is not why
        self._tallies.count(REBALANCES, 1, "lost")
        self._handlers.lost(lost)

    def _forget(self, partitions: Iterable[int]) -> None:
        for partition in partitions:
            self._given.pop(partition, None)

    async def reach(self) -> str:
        """Connect to the group's coordinator before `run`, as long as it takes; why not, or empty."""
        try:
            await self._consumer.committed([TopicPartition(self._topic, 0)], timeout=COMMITTED_S)
        except KafkaException as error:
            return client.kafka_error(error).str()
        return ""

    async def set_credentials(self, username: str, password: str) -> None:
        """Connect with these from now on; connections that are up stay. For the SASL mechanisms with a password."""
        await self._consumer.set_sasl_credentials(username, password)

    async def look_for_itself(self, admin: AdminClient) -> None:
        """Ask the group whether this member is in it: one that is given no partition may be told nothing.

        Waits for an answer, some seconds at most; raises KafkaException.
        """
        member_id = await asyncio.to_thread(self._consumer._consumer.memberid)  # noqa: SLF001 - it is not handed on
        asked = admin.describe_consumer_groups([self._group], request_timeout=COMMITTED_S)[self._group]
        group = await asyncio.wrap_future(asked)
        if not self._closing and member_id in [member.member_id for member in group.members]:
            self._has_joined()

    async def halt(self) -> None:
        """Poll no more: nothing is assigned or revoked from now on, and nothing handed over."""
        self._closing = True
        await self._ended.wait()
        for task in self._tasks:
            task.cancel()

    async def _close(self) -> None:
        await self._ended.wait()
        await self._consumer.close()

    async def leave(self, timeout_s: float) -> bool:
        """Leave the group; whether the broker was told in time. Partitions that are still held are revoked first."""
        self._closing = True
        for task in self._tasks:
            task.cancel()
        # Not cancelled at the time-out: the client's close would wait for its threads even so.
        self._leaving = closing = self._leaving or asyncio.create_task(self._close())
        await asyncio.wait({closing}, timeout=timeout_s)
        error = closing.exception() if closing.done() else TimeoutError("no answer in time")
        if error is not None:
            _log.warning("left the group without a goodbye", error=str(error))
            return False
        return True
