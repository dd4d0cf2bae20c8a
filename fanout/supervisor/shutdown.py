"""Whether this replica is to stop, why, and by when."""

import asyncio
import time

from fanout import log

LEAVE_S = 2.0  # of the time to stop, for the last commit and the goodbye
HURRY_S = 1.0  # a second signal leaves this much

_log = log.get("supervisor")


class Shutdown:
    """Begun once; a second signal shortens the deadline."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._leave_s = min(LEAVE_S, timeout_s / 2)
        self.begun = asyncio.Event()
        self.deadline = float("inf")  # monotonic seconds
        self.gave_up = False

    @property
    def left_s(self) -> float:
        """Seconds until the deadline."""
        return self.deadline - time.monotonic()

    @property
    def drained_by(self) -> float:
        """When the workers have to be done, so that there is time for the last commit and the goodbye."""
        return self.deadline - self._leave_s

    def begin(self) -> None:
        """Stop, in the time that is set."""
        self.deadline = min(self.deadline, time.monotonic() + self._timeout_s)
        self.begun.set()

    def signalled(self) -> bool:
        """SIGTERM or SIGINT; whether it was not the first, so that workers have to be done sooner."""
        if not self.begun.is_set():
            _log.info("stopping", timeout_ms=round(self._timeout_s * 1000))
            self.begin()
            return False
        _log.warning("told to stop again: cutting the deadline short")
        self.deadline = min(self.deadline, time.monotonic() + HURRY_S + LEAVE_S)
        self._leave_s = LEAVE_S
        return True

    def give_up(self, reason: str) -> None:
        """Stop, because it cannot go on."""
        _log.error("giving up", reason=reason)
        self.gave_up = True
        self.begin()
