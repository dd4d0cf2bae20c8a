"""A slot of the pool: one worker and its replacements, from the first start to the last end."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, NamedTuple, Protocol

from fanout import link, log
from fanout.status.kinds import Cause
from fanout.supervisor.backoff import Backoff, Ending
from fanout.supervisor.history import History, cause_of
from fanout.supervisor.process import Ended, Load

_log = log.get("pool")
_repeats = log.Repeats(_log)
_lives = itertools.count(1)


def next_life() -> int:
    """A number above that of every life so far and below that of every later one."""
    return next(_lives)


class Process(Protocol):
    """A running worker, as the pool sees it."""

    pid: int
    heard_at: float  # monotonic seconds
    load: Load

    async def run(self) -> Ended:
        """Until it has ended."""

    def renew(self, until: float, *, reading: bool) -> None:
        """Renew its lease, and say whether it may read."""

    def stop(self, deadline: float) -> None:
        """Ask it to drain and end."""

    def check(self, now: float, stall_s: float) -> None:
        """Kill it if it is silent."""

    def forgive(self, now: float) -> None:
        """Count its silence from now."""

    def kill(self) -> None:
        """End it."""


class Limits(NamedTuple):
    """The pool's settings, in seconds."""

    workers_max: int
    crashes_max: int
    lease_s: float
    stall_s: float


class Hooks(NamedTuple):
    """What the pool asks and tells its owner."""

    spawn: Callable[[frozenset[int]], Awaitable[Process]]
    progressed: Callable[[frozenset[int]], int]  # a number that grows with what these partitions delivered
    restart_source: Callable[[frozenset[int]], None]  # their source is another one: begin at the earliest record
    may_start: Callable[[], Coroutine[Any, Any, None]]  # returns when the ownership is certain
    give_up: Callable[[str], None]
    # A worker is gone: why, or empty if it was told to end; and how many records it had that may come twice.
    ended: Callable[[str, int], None]


class Slot:
    """One worker and its replacements."""

    def __init__(self, limits: Limits, hooks: Hooks, partitions: set[int]) -> None:
        self._limits = limits
        self._hooks = hooks
        self._backoff = Backoff(limits.crashes_max)
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._active: frozenset[int] = frozenset()
        self._stop_at: float | None = None
        self._latest: float | None = None
        self._killed = False
        self._before = 0
        self._in_flight = 0
        self.life = 0  # number of the latest life, by `next_life`; 0 before the first
        self.failure: tuple[int, link.Failed] | None = None  # the latest, and of which life
        self.history = History()
        self.partitions = partitions
        self.process: Process | None = None
        self.drained = True

    async def run(self) -> None:
        """Keep a worker alive for as long as there are partitions. Ends when there are none."""
        while self.partitions:
            self._wake.clear()
            if await self._unless_woken(self._hooks.may_start()):
                delay_s = await self._one_life()
                self._wake.clear()
                if delay_s and self.partitions:
                    await self._unless_woken(asyncio.sleep(delay_s))

    async def _unless_woken(self, wait: Coroutine[Any, Any, None]) -> bool:
        """Wait for it, or until the partitions change; whether it came to its end."""
        waiting = asyncio.create_task(wait)
        woken = asyncio.create_task(self._wake.wait())
        try:
            await asyncio.wait({waiting, woken}, return_when=asyncio.FIRST_COMPLETED)
            return waiting.done() and not self._wake.is_set()  # the task that waits for it learns it a turn later
        finally:
            waiting.cancel()
            woken.cancel()

    async def _one_life(self) -> float:
        """Start a worker and see it end; how long to wait before the next."""
        self._active = frozenset(self.partitions)
        self._idle.clear()
        self._stop_at, self._killed, self._in_flight = None, False, 0
        self.life = next_life()
        self._before = self._hooks.progressed(self._active)
        try:
            self.process = process = await self._hooks.spawn(self._active)
            self.history.started()
            _log.info("worker started", partitions=sorted(self._active), pid=process.pid)
            # A revoke may have come while it was being started.
            if self._killed:
                process.kill()
            elif self._stop_at is not None:
                process.stop(self._stop_at)
            ended = await process.run()
        except OSError as error:
            _log.error("worker not started, trying again", error=str(error))
            delay_s = self._backoff.after(Ending.FAILED, progress=False, lived_s=0.0)
            self._note(Cause.NOT_STARTED.value, str(error), 0, delay_s)
            return delay_s
        finally:
            active, self._active, self.process = self._active, frozenset(), None
            self._idle.set()
        self._in_flight = 0 if ended.drained else process.load.records
        return self._after(ended, active, progress=self._hooks.progressed(active) > self._before)

    def _note(self, cause: str, reason: str, exit_code: int, delay_s: float) -> None:
        """It ended, and nobody had told it to."""
        self.history.failed(cause, reason, exit_code, crashes=self._backoff.crashes, retry_in_s=delay_s)
        self._hooks.ended(cause, self._in_flight)

    @property
    def delivers(self) -> bool:
        """Whether there is a worker, and it has delivered anything."""
        return self.process is not None and self._hooks.progressed(self._active) > self._before

    def _after(self, ended: Ended, active: frozenset[int], *, progress: bool) -> float:
        told = {"partitions": sorted(active), "exit_code": ended.exit_code, "lived_s": round(ended.lived_s, 1)}
        if self._stop_at is not None or self._killed:
            self.drained = ended.drained or self._killed
            self.history.stopped()
            self._hooks.ended("", self._in_flight)
            _log.info("worker stopped", drained=ended.drained, **told)
            return self._backoff.after(Ending.STOPPED, progress=progress, lived_s=ended.lived_s)
        if ended.source_recreated:
            self._hooks.restart_source(active)
            _log.error("source made anew: reading it from the start", **told)
            delay_s = self._backoff.after(Ending.CRASHED, progress=False, lived_s=ended.lived_s)
            self._note(cause_of(ended), ended.failure.reason if ended.failure else "", ended.exit_code, delay_s)
            return delay_s
        if ended.failure is not None:
            self.failure = self.life, ended.failure
            delay_s = self._backoff.after(Ending.FAILED, progress=progress, lived_s=ended.lived_s)
            self._note(cause_of(ended), ended.failure.reason, ended.exit_code, delay_s)
            _log.error(
                "worker failed", kind=ended.failure.kind.value, reason=ended.failure.reason,
                retry_in_s=round(delay_s, 1), **told,
            )  # fmt: skip
            return delay_s
        delay_s = self._backoff.after(Ending.CRASHED, progress=progress, lived_s=ended.lived_s)
        self._note(cause_of(ended), "", ended.exit_code, delay_s)
        _log.error("worker died", stalled=ended.stalled, retry_in_s=round(delay_s, 1), **told)
        if self._backoff.exhausted:
            self._hooks.give_up(f"the worker of partitions {sorted(active)} crashed again and again without progress")
        return delay_s

    async def release(self, partitions: Iterable[int], deadline: float) -> None:
        """Drain and end the worker if it holds any of these; it starts again with what is left."""
        self.partitions.difference_update(partitions)
        await self.restart(deadline, holding=frozenset(partitions))

    async def restart(self, deadline: float, holding: frozenset[int] | None = None) -> None:
        """Drain and end the worker (if it holds any of these partitions); `run` starts it anew."""
        self._wake.set()
        if self._active and (holding is None or self._active & holding):
            self._stop_by(deadline)
            await self._idle.wait()

    def hurry(self, deadline: float) -> None:
        """Shorten the deadline of a stop that is under way, or that begins in this very moment."""
        self._latest = deadline
        if self._stop_at is not None:
            self._stop_by(deadline)

    def _stop_by(self, deadline: float) -> None:
        deadlines = [deadline, self._stop_at, self._latest]
        self._stop_at = min(at for at in deadlines if at is not None)
        if self.process is not None:
            self.process.stop(self._stop_at)

    def drop(self, partitions: Iterable[int]) -> None:
        """Kill the worker if it holds any of these; it starts again with what is left."""
        dropped = frozenset(partitions)
        self.partitions -= dropped
        if self._active & dropped:
            self.kill()
        self._wake.set()

    def kill(self) -> None:
        """End the worker at once; what it had not reported is delivered again."""
        self._killed = True
        if self.process is not None:
            self.process.kill()
