"""How far behind each partition is, in records and in time: asked of the broker by the supervisor itself.

So it is known also of a partition whose worker is dead. What is asked costs a broker little: two requests for all
offsets every few seconds, and one record of each partition that has anything to deliver and has moved since.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from fanout import client, log
from fanout.supervisor.peek import Seen
from fanout.supervisor.wall import wall_s

LOOK_EVERY_S = 5.0
REQUEST_S = 5.0

_EARLIEST: OffsetSpec = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
_LATEST: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]

_log = log.get("lag")
_repeats = log.Repeats(_log, every_s=600.0)


class Figures(NamedTuple):
    """One partition at one look. Times are seconds since the epoch."""

    looked_at: float
    position: int  # everything below was delivered then
    low: int
    end: int
    first_at: float | None  # timestamp of the first record that was not delivered then; None: none, or not known

    @property
    def first(self) -> int:
        """Offset of the first record that was there and not delivered."""
        return max(self.position, self.low)

    @property
    def records(self) -> int:
        """How many there were that were not delivered."""
        return max(0, self.end - self.first)

    def age_s(self, position: int, now: float) -> float | None:
        """Age of the first record that is not delivered: it grows for as long as the position does not move."""
        if not self.records:
            return 0.0
        if self.first_at is None:
            return None
        return max(0.0, (now if position <= self.first else self.looked_at) - self.first_at)


class Peeking(Protocol):
    """Where timestamps come from. Both block, and are called in a thread."""

    def timestamps(self, offsets: Mapping[int, int]) -> Seen:
        """Of the first record at or after each offset. Raises KafkaException."""

    def forget(self) -> None:
        """Begin anew with the next call."""


class LagWatch:
    """Looks every few seconds at the partitions that `positions` tells, each with the next offset to deliver.

    A negative position is one of a partition of which nothing was ever delivered. `admin` is the client to ask with.
    """

    def __init__(
        self, topic: str, positions: Callable[[], dict[int, int]], admin: Callable[[], AdminClient], peek: Peeking
    ) -> None:
        self._topic = topic
        self._positions = positions
        self._admin = admin
        self._peek = peek
        self._thread = ThreadPoolExecutor(1, "lag")
        self._wake = asyncio.Event()
        self.figures: dict[int, Figures] = {}  # of the partitions that are ours, as far as they are known
        self.problem = ""  # why the last look did not bring all of them
        self._problem = ""  # the same of the look that is under way

    async def run(self) -> None:
        """Look until cancelled. What a broker does not answer leaves the figures of before."""
        while True:
            self._wake.clear()
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not end what delivers
                _log.error("the lag could not be looked at", exc_info=error)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), LOOK_EVERY_S)

    def look_soon(self) -> None:
        """There are other partitions now."""
        self._wake.set()

    async def look(self) -> None:
        """Ask for all partitions once. Waits for the broker, some seconds at most."""
        positions = self._positions()
        self.figures = {number: seen for number, seen in self.figures.items() if number in positions}
        self._problem = ""
        if positions:
            await self._look_at(positions)
        self.problem = self._problem

    async def _look_at(self, positions: dict[int, int]) -> None:
        low, end = await self._offsets(positions, _EARLIEST), {}
        if low:
            end = await self._offsets(low, _LATEST)
        seen = {
            number: Figures(wall_s(), positions[number], low[number], offset, None) for number, offset in end.items()
        }
        first_at, ended = await self._first_at({number: now for number, now in seen.items() if now.records})
        seen |= {number: seen[number]._replace(end=seen[number].first) for number in ended}
        ours = self._positions()
        self.figures |= {
            number: now._replace(first_at=first_at.get(number)) for number, now in seen.items() if number in ours
        }

    async def _offsets(self, partitions: Iterable[int], spec: OffsetSpec) -> dict[int, int]:
        """Of each partition that a broker answers for."""
        admin = self._admin()  # held until it has answered: one that is renewed meanwhile would never
        asked: dict[TopicPartition, Any] = admin.list_offsets(
            dict.fromkeys((TopicPartition(self._topic, number) for number in partitions), spec),
            isolation_level=IsolationLevel.READ_COMMITTED,  # what a worker can come to
            request_timeout=REQUEST_S,
        )
        answers = await asyncio.gather(*map(asyncio.wrap_future, asked.values()), return_exceptions=True)
        found = {}
        for place, answer in zip(asked, answers, strict=True):
            if isinstance(answer, BaseException):
                self._fail("the offsets of the source are not told", answer)
            else:
                found[place.partition] = int(answer.offset)
        return found

    async def _first_at(self, behind: Mapping[int, Figures]) -> tuple[dict[int, float], frozenset[int]]:
        """When the first record of each was written, and in which there is none.

        Read only where the one that is known is another one.
        """
        known = {
            number: before.first_at
            for number, now in behind.items()
            if (before := self.figures.get(number)) is not None
            and before.first_at is not None
            and before.first == now.first
        }
        unknown = {number: now.first for number, now in behind.items() if number not in known}
        ended: frozenset[int] = frozenset()
        if unknown:
            loop = asyncio.get_running_loop()
            try:
                seen = await loop.run_in_executor(self._thread, self._peek.timestamps, unknown)
            except KafkaException as error:
                self._fail("the first record that is not delivered cannot be read", error)
                seen = Seen({}, "")
            if seen.problem or not (seen.timestamps_ms or seen.ended):
                self._problem = self._problem or seen.problem or "no record came in time"
                await loop.run_in_executor(self._thread, self._peek.forget)
            known |= {number: at_ms / 1000 for number, at_ms in seen.timestamps_ms.items()}
            ended = seen.ended
        return known, ended

    def _fail(self, what: str, error: BaseException) -> None:
        if not isinstance(error, KafkaException):
            raise error
        self._problem = client.kafka_error(error).str()
        _repeats.warning(
            "lag not known", what, error=f"{what}: {self._problem}",
            advice=f"where the broker refuses it, grant DESCRIBE and READ on the topic {self._topic}",
        )  # fmt: skip
