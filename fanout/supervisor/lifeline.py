"""Whether the group still answers this replica's member, and what follows if it does not.

A member that is cut off from its coordinator may have lost its partitions without knowing. As long as it is, its
workers read nothing new, so that they do not go on delivering what another replica has taken over. One that stays
unanswered while the brokers serve others is stuck: another member takes its seat. Where its client knows no
broker any more (`client.strays`), that is plain at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

from fanout import log

LOOK_S = 1.0
STUCK_S = 45.0  # the session time-out as shipped: by then the group has given the member up

_log = log.get("lifeline")
_repeats = log.Repeats(_log)


class Line(Protocol):
    """What is looked at and exchanged: the seat of this replica in the group."""

    def unserved_s(self) -> float:
        """For how long commits that are due have had no answer from the group."""

    async def has_broker(self) -> bool:
        """Whether the member's client finds a broker to ask."""

    async def exchange(self) -> str:
        """Put another member in place of this one; why not, or empty."""


class Lifeline:
    """Looks every second. `objection` says why a broker would not serve us at all, or nothing."""

    def __init__(
        self,
        lease_s: float,
        seat: Line,
        objection: Callable[[], Awaitable[str]],
        sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
    ) -> None:
        self._lease_s = lease_s
        self._seat = seat
        self._objection = objection
        self._sleep = sleep
        self._cut_off = False  # as was told

    @property
    def holds(self) -> bool:
        """Whether the group has answered lately, so that workers may read on."""
        return self._seat.unserved_s() < self._lease_s

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self._sleep(LOOK_S)
            self._tell()
            if not await self._is_lost():
                continue
            _log.error("the group does not answer this member, and would answer others: another takes its seat")
            if problem := await self._seat.exchange():
                _repeats.warning("no other member could be connected, trying again", error=problem)

    async def _is_lost(self) -> bool:
        """Whether another member would be answered, and this one probably never."""
        if self._seat.unserved_s() < STUCK_S and (self.holds or await self._seat.has_broker()):
            return False
        if await self._objection():
            return False  # the broker is away: another member would fare no better
        # Brokers that came back just now are found by every client within a second.
        return self._seat.unserved_s() >= STUCK_S or not await self._seat.has_broker()

    def _tell(self) -> None:
        if self._cut_off == (not self.holds):
            return
        self._cut_off = not self._cut_off
        if self._cut_off:
            _log.warning(
                "the group does not answer: nothing new is read until it does",
                advice="look at the broker that coordinates the group; what is in flight is delivered meanwhile",
            )
        else:
            _log.info("the group answers again: reading goes on")
