"""Whether this replica can be sure that its partitions are still its own.

A supervisor that did not run for longer than its workers' lease (SIGSTOP, swap) may have been replaced meanwhile,
and is told so only later. Until the group has taken a commit of it, or has given it partitions anew, it starts no
worker: a zombie must not deliver what another replica delivers.
"""

import asyncio
import time
from collections.abc import Callable

# A member that is not one any more learns it with its next heartbeat: 5 s at the longest by default.
HEARTBEAT_S = 6.0


class Certainty:
    """Certain until a gap of more than `lease_s` between two calls of `tick`."""

    def __init__(self, lease_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._lease_s = lease_s
        self._clock = clock
        self._ticked_at = clock()
        self._doubted_at = 0.0
        self._doubts = 0  # so far
        self._event = asyncio.Event()
        self._event.set()

    @property
    def certain(self) -> bool:
        """Whether workers may be started."""
        return self._event.is_set()

    @property
    def doubt(self) -> int:
        """Which doubt it is in; 0 if it is certain."""
        return 0 if self.certain else self._doubts

    def tick(self) -> float:
        """Seconds since the last tick; a gap longer than the lease ends certainty."""
        now = self._clock()
        gap_s, self._ticked_at = now - self._ticked_at, now
        if gap_s > self._lease_s:
            self._doubted_at = now
            self._doubts += 1
            self._event.clear()
        return gap_s

    def confirm(self, doubt: int) -> None:
        """The group has taken a commit, or given partitions, since this doubt began: that ends it, and no later one."""
        if doubt == self._doubts:
            self._event.set()

    def presume(self, *, anything_to_commit: bool) -> None:
        """With nothing that could be committed, a heartbeat's time without bad news has to do."""
        if not self.certain and not anything_to_commit and self._clock() - self._doubted_at > HEARTBEAT_S:
            self.confirm(self._doubts)

    async def wait(self) -> None:
        """Return when certain."""
        await self._event.wait()
