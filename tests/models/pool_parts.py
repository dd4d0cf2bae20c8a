"""Worker processes that are made up, for the model of the pool."""

import asyncio
from dataclasses import dataclass

from fanout import link
from fanout.errors import ExitCode, FailureKind
from fanout.supervisor.process import NOTHING, STOP_GRACE_S, Ended
from tests.models.virtual import VirtualLoop

DEATH_S = 0.01  # from SIGKILL to the end
DRAIN_S = 0.1


@dataclass(frozen=True)
class Manner:
    """How processes behave that are started from now on."""

    spawn_s: float = 0.0
    spawn_fails: bool = False
    obedient: bool = True


class ModelProcess:
    """Does what `WorkerProcess` promises: it ends by its stop's deadline and some grace, or soon after a kill."""

    def __init__(self, pid: int, partitions: frozenset[int], loop: VirtualLoop, *, obedient: bool) -> None:
        self.pid = pid
        self.partitions = partitions
        self.killed = False
        self.heard_at = 0.0
        self.load = NOTHING
        self.stop_at: float | None = None
        self.silent = False
        self.started_at = loop.time()
        self._loop = loop
        self._obedient = obedient
        self._ended: asyncio.Future[Ended] = loop.create_future()

    def __repr__(self) -> str:
        state = "gone" if self.gone else "killed" if self.killed else "stopping" if self.stopping else "running"
        return f"<process {self.pid} of {sorted(self.partitions)}: {state}>"

    @property
    def gone(self) -> bool:
        return self._ended.done()

    @property
    def live(self) -> bool:
        """Whether it could deliver something."""
        return not self.gone and not self.killed

    @property
    def stopping(self) -> bool:
        return self.stop_at is not None

    async def run(self) -> Ended:
        return await self._ended

    def end(self, exit_code: int, kind: FailureKind | None = None) -> None:
        if not self._ended.done():
            failure = link.Failed(kind, "it says so") if kind is not None else None
            lived_s = self._loop.time() - self.started_at
            self._ended.set_result(Ended(exit_code, failure, lived_s, stalled=self.silent))

    def renew(self, until: float, *, reading: bool) -> None:
        assert until > self._loop.time()

    def stop(self, deadline: float) -> None:
        self.stop_at = deadline
        if self._obedient:
            self._loop.call_later(DRAIN_S, self.end, ExitCode.OK)

    def check(self, now: float, stall_s: float) -> None:
        if (self.stop_at is not None and now > self.stop_at + STOP_GRACE_S) or (self.silent and not self.killed):
            self.kill()

    def forgive(self, now: float) -> None:
        self.silent = False

    def kill(self) -> None:
        self.killed = True
        self._loop.call_later(DEATH_S, self.end, -9)
