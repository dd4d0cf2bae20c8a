"""A pool whose processes are made up, and whose hooks a test holds in its hands."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine

from fanout import link
from fanout.errors import ExitCode
from fanout.supervisor.pool import Pool
from fanout.supervisor.process import NOTHING, Ended
from fanout.supervisor.slot import Hooks, Limits

FAR = 10_000.0


class FakeProcess:
    """A worker that ends when the test says so, or when it is stopped, if it is obedient."""

    def __init__(self, pid: int, partitions: frozenset[int], *, obedient: bool) -> None:
        self.pid = pid
        self.partitions = partitions
        self.stops: list[float] = []
        self.leases: list[float] = []
        self.reading = True
        self.checks: list[tuple[float, float]] = []
        self.forgiven = 0
        self.killed = False
        self.heard_at = 0.0
        self.load = NOTHING
        self._obedient = obedient
        self._ended: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()

    @property
    def running(self) -> bool:
        return not self._ended.done()

    async def run(self) -> Ended:
        return await self._ended

    def end(self, exit_code: int, failure: link.Failed | None = None, lived_s: float = 1.0) -> None:
        if not self._ended.done():
            self._ended.set_result(Ended(exit_code, failure, lived_s, stalled=False))

    def renew(self, until: float, *, reading: bool) -> None:
        self.leases.append(until)
        self.reading = reading

    def stop(self, deadline: float) -> None:
        self.stops.append(deadline)
        if self._obedient:
            self.end(ExitCode.OK)

    def check(self, now: float, stall_s: float) -> None:
        self.checks.append((now, stall_s))

    def forgive(self, now: float) -> None:
        self.forgiven += 1

    def kill(self) -> None:
        self.killed = True
        self.end(-9)


async def until(condition: Callable[[], object], within_s: float = 5.0) -> None:
    """Let the loop turn until the condition holds."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        await asyncio.sleep(0)


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


class Bench:
    """A pool whose hooks the test holds in its hands."""

    def __init__(self, *, workers_max: int = 0, crashes_max: int = 100) -> None:
        self.spawned: list[FakeProcess] = []
        self.obedient = True
        self.spawn_error: OSError | None = None
        self.may_spawn = asyncio.Event()
        self.may_spawn.set()
        self.may_start = asyncio.Event()
        self.may_start.set()
        self.delivered: Counter[int] = Counter()
        self.restarted: list[frozenset[int]] = []
        self.gave_up: list[str] = []
        self.ended: list[tuple[str, int]] = []
        self.pool = Pool(
            Limits(workers_max, crashes_max, lease_s=10.0, stall_s=15.0),
            Hooks(
                self._spawn, self._progressed, self.restarted.append, self._may_start, self.gave_up.append, self._ended
            ),
        )

    async def _spawn(self, partitions: frozenset[int]) -> FakeProcess:
        await self.may_spawn.wait()
        if self.spawn_error is not None:
            raise self.spawn_error
        self.spawned.append(FakeProcess(len(self.spawned) + 1, partitions, obedient=self.obedient))
        return self.spawned[-1]

    def _progressed(self, partitions: frozenset[int]) -> int:
        return sum(self.delivered[partition] for partition in partitions)

    async def _may_start(self) -> None:
        await self.may_start.wait()

    def _ended(self, cause: str, in_flight: int) -> None:
        self.ended.append((cause, in_flight))

    async def add(self, *partitions: int) -> None:
        await self.pool.add(partitions, FAR)
        await until(lambda: {p for process in self.running() for p in process.partitions} >= set(partitions))

    def running(self) -> list[FakeProcess]:
        return [process for process in self.spawned if process.running]

    def holds(self) -> list[list[int]]:
        """The partitions of each running worker."""
        return sorted(sorted(process.partitions) for process in self.running())

    async def ends(self, process: FakeProcess, exit_code: int, failure: link.Failed | None = None) -> None:
        """Let a process end, and its replacement come if it comes at once."""
        process.end(exit_code, failure)
        await turns()


def scenario(body: Callable[[], Coroutine[object, object, None]]) -> None:
    asyncio.run(asyncio.wait_for(body(), 30))
