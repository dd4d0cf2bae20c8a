"""A made-up group for the model of a replica: what its coordinator knows, its client, and the workers' deliveries."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from fanout import link
from fanout.errors import ExitCode
from fanout.supervisor.certainty import HEARTBEAT_S
from tests.models.pool_parts import DEATH_S, DRAIN_S, ModelProcess
from tests.models.virtual import VirtualLoop

PARTITIONS = range(4)
OTHER = "another replica"
NO_OFFSET = -1001
# What a coordinator, or the client itself, was seen to answer to a commit; none of it was taken.
REFUSALS = (
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError._STATE,
)


class Answer:
    """A partition in the client's answer."""

    def __init__(self, partition: int, offset: int, code: int | None = None, metadata: str | None = None) -> None:
        self.topic = "cluster-events"
        self.partition = partition
        self.offset = offset
        self.metadata = metadata
        self.error = KafkaError(code) if code is not None else None


class Fatal:
    """What the poll of a broken client returns."""

    def error(self) -> KafkaError:
        return KafkaError(KafkaError._FATAL, "broken", fatal=True)


class Group:
    """The coordinator: it takes a commit of any member for any partition, as Kafka does, so what it is told is judged.

    Every partition has one owner, or none; whoever owns it, delivers from what is committed on.
    """

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.owner: dict[int, object] = dict.fromkeys(PARTITIONS)
        self.committed: dict[int, int] = {}
        self.committed_of: dict[int, str] = {}  # which topic a committed offset is of, where that was told
        self.delivered = dict.fromkeys(PARTITIONS, 0)  # by anyone, without a gap
        self.owed: dict[int, int] = {}  # reported to us while it is ours
        self.let_go: set[int] = set()  # revoked or lost, as far as our client is concerned
        self.death_s = DEATH_S
        self.topic_id = 1
        self.noticed_id = 1
        self.restarted: set[int] = set()
        self.member: GroupClient | None = None
        self.doubted_at: float | None = None  # when our replica ran again after a stop, if it has heard nothing since
        self.wrong: list[str] = []  # raised where it is found, it would be the supervisor's to see

    def check(self, right: bool, what: str) -> None:
        if not right:
            self.wrong.append(what)

    def restart_topic(self) -> None:
        """The source is made anew; the group keeps its offsets."""
        self.topic_id += 1
        self.delivered = dict.fromkeys(PARTITIONS, 0)
        self.restarted = set(PARTITIONS)
        self.owed.clear()

    def notice_restart(self) -> None:
        """The replicas have seen it."""
        self.noticed_id = self.topic_id

    def pass_to(self, owner: object, partitions: Iterable[int]) -> None:
        for partition in partitions:
            self.owner[partition] = owner
            self.owed.pop(partition, None)

    def ours(self) -> set[int]:
        return {p for p, owner in self.owner.items() if owner is not None and owner is self.member}

    def others(self) -> set[int]:
        return {p for p, owner in self.owner.items() if owner is OTHER}

    def doubt(self) -> None:
        """Our replica runs again, and cannot know what the group has done meanwhile."""
        self.doubted_at = self.loop.time()

    def confirm(self) -> None:
        """It has said to our replica that it is a member, by taking a commit or by assigning partitions."""
        self.doubted_at = None

    def check_start(self, partitions: Iterable[int], *, anything_to_commit: bool) -> None:
        """A worker of our replica is started: after a stop not before the group has confirmed that it is a member.

        Where nothing could be committed, a heartbeat's time without bad news has to do.
        """
        if self.doubted_at is not None:
            presumed = not anything_to_commit and self.loop.time() - self.doubted_at > HEARTBEAT_S
            others = sorted(set(partitions) & self.others())
            self.check(presumed, f"a zombie starts a worker of {sorted(partitions)}; {others} are another replica's")
            self.confirm()

    def deliver(self, partition: int, upto: int) -> None:
        self.delivered[partition] = max(self.delivered[partition], upto)

    def commit(self, who: object, offsets: dict[int, int], identities: dict[int, str]) -> None:
        """Takes it: that nothing is wrong with it, is for the one who commits to see to."""
        if who is self.member:
            self.confirm()
        for partition, offset in offsets.items():
            self.check(self.owner[partition] is who, f"a commit for {partition}, which is not the member's")
            if self.noticed_id == self.topic_id:
                self.check(offset <= self.delivered[partition], f"{partition}: {offset} is more than was delivered")
                if partition not in self.restarted:
                    self.check(offset >= self.committed.get(partition, 0), f"{partition} is moved back to {offset}")
                self.restarted.discard(partition)
            self.committed[partition] = offset
        self.committed_of |= identities


class GroupClient:
    """Stands for `AIOConsumer`: callbacks run within the poll, and an asynchronous commit waits until it is over."""

    def __init__(self, group: Group, config: dict[str, Any]) -> None:
        self.group = group
        self._on_commit = config["on_commit"]
        self._callbacks: dict[str, Callable[..., Coroutine[Any, Any, None]]] = {}
        self._gate = asyncio.Lock()
        self._answers: list[tuple[KafkaError | None, list[Answer]]] = []
        self.events: list[tuple[str, set[int]]] = []
        self.owned: set[int] = set()
        self.subscribed = self.closed = self.fenced = self.broken = False
        self.learns_at = 0.0  # a member that was expelled is told so with its next heartbeat
        self.refusals: list[int] = []
        self.slow_s = 0.0
        self.silent = False

    async def subscribe(self, _topics: list[str], **callbacks: Callable[..., Coroutine[Any, Any, None]]) -> None:
        self._callbacks = callbacks
        self.subscribed, self.group.member = True, self

    async def poll(self, timeout_s: float) -> object:
        async with self._gate:
            while self._answers and not self.silent:
                await self._on_commit(*self._answers.pop(0))
            if self.fenced:
                if self.group.loop.time() >= self.learns_at:
                    await self._lose()
            elif self.events:
                await self._rebalance(*self.events[0])
                self.events.pop(0)  # not before: what is being given back is not asked for a second time
            await asyncio.sleep(timeout_s)
        return Fatal() if self.broken else None

    async def _rebalance(self, what: str, partitions: set[int]) -> None:
        named = [TopicPartition("cluster-events", partition) for partition in sorted(partitions)]
        if what == "assign":
            self.owned |= partitions
            self.group.let_go -= partitions
            self.group.confirm()
        await self._callbacks[f"on_{what}"](self, named)
        if what != "assign":
            self.group.let_go |= partitions
        if what == "revoke" and not self.fenced:
            self.owned -= partitions
            self.group.pass_to(None, partitions)

    async def _lose(self) -> None:
        self.events.clear()
        lost, self.owned = self.owned, set()
        if lost:
            await self._rebalance("lost", lost)
        self.fenced = False

    async def incremental_assign(self, partitions: Sequence[TopicPartition]) -> None:
        await asyncio.sleep(0)

    async def pause(self, partitions: Sequence[TopicPartition]) -> None:
        await asyncio.sleep(0)

    async def committed(self, partitions: Sequence[TopicPartition], **_time_out: float) -> list[Answer]:
        await asyncio.sleep(self.slow_s)
        if self.refusals:
            raise KafkaException(KafkaError(self.refusals.pop()))
        found, of = self.group.committed, self.group.committed_of
        return [
            Answer(tp.partition, found.get(tp.partition, NO_OFFSET), metadata=of.get(tp.partition)) for tp in partitions
        ]

    async def list_topics(self, _topic: str, **_time_out: float) -> None:
        """It always knows a broker; one that does not has tests of its own."""
        await asyncio.sleep(self.slow_s)

    async def commit(self, offsets: Sequence[TopicPartition], asynchronous: bool) -> list[Answer] | None:
        if not asynchronous:
            answers = self._commit(offsets)
            await asyncio.sleep(self.slow_s)
            codes = [answer.error for answer in answers if answer.error is not None]
            if codes:
                raise KafkaException(codes[0])
            return answers
        async with self._gate:
            answers = self._commit(offsets)
            self._answers.append((answers[0].error, answers))
        return None

    def _commit(self, offsets: Sequence[TopicPartition]) -> list[Answer]:
        code = KafkaError.UNKNOWN_MEMBER_ID if self.fenced or self.closed else None
        if code is None and self.refusals:
            code = self.refusals.pop()
        if code is None:
            identities = {tp.partition: tp.metadata or "" for tp in offsets}
            self.group.commit(self, {tp.partition: tp.offset for tp in offsets}, identities)
        return [Answer(tp.partition, tp.offset, code) for tp in offsets]

    async def close(self) -> None:
        await asyncio.sleep(0)
        if self.fenced:
            await self._lose()
        elif self.owned:
            await self._rebalance("revoke", set(self.owned))
        if not self.closed:
            self.closed = True
            self.group.pass_to(None, [p for p, owner in self.group.owner.items() if owner is self])


class GroupProcess(ModelProcess):
    """A worker that delivers and reports when the model says so, and once more before it ends as it is told."""

    def __init__(self, group: Group, start: link.Start, delivered: Callable[[link.Delivered], None]) -> None:
        super().__init__(id(self), frozenset(start.offsets), group.loop, obedient=False)
        self.group = group
        self.topic_id = group.topic_id
        self.lease_until = start.lease_until
        self.positions = {p: max(0, offset) for p, offset in start.offsets.items()}
        self._delivered = delivered

    def deliver(self, partition: int, count: int) -> None:
        first = self.positions[partition]
        self.positions[partition] += count
        if self.topic_id == self.group.topic_id == self.group.noticed_id:
            self.group.check(first <= self.group.delivered[partition], f"{partition} goes on at {first}: a gap")
            self.group.deliver(partition, self.positions[partition])

    def report(self) -> None:
        """Also of one that was killed, until it is gone: what it said is on the link."""
        for partition, offset in self.positions.items():
            current = self.topic_id == self.group.topic_id == self.group.noticed_id
            if current and partition in self.group.ours() and not self.gone and not self.killed:
                self.group.owed[partition] = max(offset, self.group.owed.get(partition, 0))
        self._delivered(link.Delivered(dict(self.positions), {}, 0, 0))

    def renew(self, until: float, *, reading: bool) -> None:
        self.lease_until = until

    def stop(self, deadline: float) -> None:
        if self.stop_at is None and not self.silent:
            self._loop.call_later(DRAIN_S, self._drained)
        self.stop_at = deadline

    def _drained(self) -> None:
        if self.live:
            self.report()
            self.end(ExitCode.OK)

    def kill(self) -> None:
        self.killed = True
        self._loop.call_later(self.group.death_s, self.end, -9)
