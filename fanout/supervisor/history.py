"""What became of the workers of one slot, for whoever looks: why the last one ended, and whether the present one works.

Times that are shown are seconds since the epoch.
"""

import signal
import time

from fanout.errors import ExitCode
from fanout.status.kinds import Cause
from fanout.status.state import Failure
from fanout.supervisor.process import Ended
from fanout.supervisor.wall import wall_s

SETTLED_S = 60.0  # a worker that lives this long after another has failed works, even if nothing came to deliver
PROVEN_S = 10.0  # with something delivered, this long: what came before an obstacle is delivered at once


class History:
    """Told by the slot of every start and every end that nobody had asked for."""

    def __init__(self) -> None:
        self.started_at: float | None = None  # of the worker that runs
        self.ends = 0
        self.crashes = 0  # in a row, without progress
        self.failure: Failure | None = None  # the last
        self._failing_since: float | None = None
        self._runs_since = 0.0  # monotonic seconds

    def started(self) -> None:
        """A worker runs."""
        self.started_at, self._runs_since = wall_s(), time.monotonic()

    def stopped(self) -> None:
        """It ended as it was told to, or never came to run."""
        self.started_at = None

    def failed(self, cause: str, reason: str, exit_code: int, *, crashes: int, retry_in_s: float) -> None:
        """It ended of itself, or could not be started."""
        now = wall_s()
        if self._failing_since is None or self._lived_s() > SETTLED_S:
            self._failing_since = now
        self.started_at = None
        self.ends += 1
        self.crashes = crashes
        self.failure = Failure(at=now, cause=cause, reason=reason, exit_code=exit_code, retry_at=now + retry_in_s)

    def _lived_s(self) -> float:
        return time.monotonic() - self._runs_since if self.started_at is not None else 0.0

    def failing_since(self, *, delivers: bool) -> float | None:
        """Since when its workers fail; None where the last one works, or never failed."""
        if self._lived_s() > SETTLED_S or (delivers and self._lived_s() > PROVEN_S):
            self._failing_since, self.crashes = None, 0
        return self._failing_since


def cause_of(ended: Ended) -> str:
    """A `Cause`, or the `FailureKind` that the worker told."""
    if ended.failure is not None:
        return ended.failure.kind.value
    if ended.stalled:
        return Cause.STALLED.value
    if ended.exit_code == ExitCode.WORKER_LEASE_EXPIRED:
        return Cause.LEASE_EXPIRED.value
    if ended.exit_code == -signal.SIGKILL:
        return Cause.KILLED.value
    return (Cause.SIGNALLED if ended.exit_code < 0 else Cause.CRASHED).value
