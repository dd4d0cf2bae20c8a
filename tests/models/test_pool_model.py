"""The pool of workers under every order of what can happen to it, on made-up processes and a time of ours."""

import asyncio
import sys
from collections import Counter
from collections.abc import Coroutine
from functools import partial
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fanout.errors import FailureKind
from fanout.supervisor import backoff
from fanout.supervisor.pool import Pool
from fanout.supervisor.slot import Hooks, Limits
from tests.models.pool_parts import Manner, ModelProcess
from tests.models.profile import examples
from tests.models.virtual import Clock, Patches, VirtualLoop

pytestmark = pytest.mark.timeout(600)  # what fails is made small, which takes a while

CRASHES_MAX = 4
SPAWN_MAX_S = 0.5
LATE_S = 3.0  # what a deadline may be missed by: the grace of a stop, a tick, a start that was under way, a death

partitions = st.sets(st.integers(0, 4), min_size=1, max_size=3)
turns = st.integers(0, 6)


class PoolMachine(RuleBasedStateMachine):
    """What the group does to the pool, what the processes do, and what must hold whatever the order is."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.loop = VirtualLoop(self.clock)
        self.patches = Patches()
        modules = [module for name, module in sys.modules.items() if name.startswith("fanout.supervisor.")]
        self.patches.clock(self.clock, modules)
        self.patches.steady_random(backoff)
        self.processes: list[ModelProcess] = []
        self.manner = Manner()
        self.may_start = asyncio.Event()
        self.may_start.set()
        self.owned: set[int] = set()
        self.draining: set[int] = set()
        self.progress: Counter[int] = Counter()
        self.crashes = 0
        self.gave_up: list[str] = []
        self.pending: dict[asyncio.Task[Any], float] = {}
        self.stopping: asyncio.Task[bool] | None = None

    @initialize(workers_max=st.integers(0, 3))
    def begin(self, workers_max: int) -> None:
        self.workers_max = workers_max
        self.pool = Pool(
            Limits(workers_max, CRASHES_MAX, lease_s=10.0, stall_s=15.0),
            Hooks(
                self._spawn,
                self._progressed,
                lambda _partitions: None,
                self._may_start,
                self.gave_up.append,
                lambda _cause, _in_flight: None,
            ),
        )
        self.ticking = self.loop.create_task(self._tick())

    async def _spawn(self, given: frozenset[int]) -> ModelProcess:
        manner = self.manner
        await asyncio.sleep(manner.spawn_s)
        if manner.spawn_fails:
            raise OSError("no more processes")
        process = ModelProcess(len(self.processes) + 1, given, self.loop, obedient=manner.obedient)
        self.processes.append(process)
        return process

    def _progressed(self, given: frozenset[int]) -> int:
        return sum(self.progress[partition] for partition in given)

    async def _may_start(self) -> None:
        await self.may_start.wait()

    async def _tick(self) -> None:
        while True:
            self.pool.tick(self.clock.now)
            await asyncio.sleep(1.0)

    def _call(self, work: Coroutine[Any, Any, Any], deadline: float) -> asyncio.Task[Any]:
        task = self.loop.create_task(work)
        self.pending[task] = max(deadline, self.clock.now) + LATE_S
        task.add_done_callback(self._returned)
        self.loop.step()  # what comes before its first wait happens at once
        return task

    def _returned(self, task: asyncio.Task[Any]) -> None:
        late_s = self.clock.now - self.pending.pop(task)
        if late_s > 0:
            self.loop.broken.append({"message": f"{_name(task)} returned {late_s:.1f} s late"})
        if not task.cancelled() and task.exception() is not None:
            self.loop.broken.append({"message": f"{_name(task)} raised {task.exception()!r}"})

    def live(self) -> list[ModelProcess]:
        return [process for process in self.processes if process.live]

    @precondition(lambda self: self.stopping is None)
    @rule(given=partitions, within_s=st.floats(0, 20), after=turns)
    def add(self, given: set[int], within_s: float, after: int) -> None:
        fresh = given - self.owned - self.draining
        if fresh:
            self.owned |= fresh
            self._call(self.pool.add(fresh, self.clock.now + within_s), self.clock.now + within_s)
        self.loop.step(after)

    @rule(taken=partitions, within_s=st.floats(0, 20), after=turns)
    def drain(self, taken: set[int], within_s: float, after: int) -> None:
        """A revoke: nothing of it is given again before it is over."""
        taken -= self.draining
        self.owned -= taken
        self.draining |= taken
        deadline = self.clock.now + within_s
        self._call(self.pool.drain(taken, deadline), deadline).add_done_callback(partial(self._drained, taken))
        self.loop.step(after)

    def _drained(self, taken: set[int], _task: object) -> None:
        self.draining -= taken
        left = [process for process in self.processes if process.partitions & taken and not process.gone]
        if left:
            self.loop.broken.append({"message": f"drained of {taken}, and there are {left}"})

    @rule(taken=partitions, after=turns)
    def drop(self, taken: set[int], after: int) -> None:
        """The partitions are lost."""
        taken -= self.draining
        self.owned -= taken
        self.pool.drop(taken)
        left = [process for process in self.live() if process.partitions & taken]
        assert not left, f"dropped {taken}, and there are {left}"
        self.loop.step(after)

    @rule(after=turns)
    def kill_all(self, after: int) -> None:
        self.pool.kill_all()
        assert self.live() == []
        self.loop.step(after)

    @rule(within_s=st.floats(0, 20), after=turns)
    def restart_all(self, within_s: float, after: int) -> None:
        """As with other credentials: every worker is replaced by one of a later life."""
        deadline = self.clock.now + within_s
        self._call(self.pool.restart_from(0, deadline), deadline)
        self.loop.step(after)

    @precondition(lambda self: self.live())
    @rule(data=st.data(), kind=st.none() | st.sampled_from(FailureKind), after=turns)
    def end(self, data: st.DataObject, kind: FailureKind | None, after: int) -> None:
        """A process crashes, or tells why it cannot go on."""
        process = data.draw(st.sampled_from(self.live()))
        self.crashes += 1
        process.end(-11 if kind is None else 10, kind)
        self.loop.step(after)

    @precondition(lambda self: self.live())
    @rule(data=st.data())
    def stall(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.live())).silent = True
        self.crashes += 1

    @precondition(lambda self: self.live())
    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        process = data.draw(st.sampled_from(self.live()))
        self.progress.update(process.partitions)

    @rule(spawn_s=st.sampled_from([0.0, 0.01, SPAWN_MAX_S]), fails=st.booleans(), obedient=st.booleans())
    def change_manner(self, spawn_s: float, fails: bool, obedient: bool) -> None:
        self.manner = Manner(spawn_s, fails, obedient)

    @rule(certain=st.booleans(), after=turns)
    def change_certainty(self, certain: bool, after: int) -> None:
        if certain:
            self.may_start.set()
        else:
            self.may_start.clear()
        self.loop.step(after)

    @precondition(lambda self: self.stopping is None)
    @rule(within_s=st.floats(0, 20), after=turns)
    def stop(self, within_s: float, after: int) -> None:
        self.draining |= self.owned
        self.owned.clear()
        deadline = self.clock.now + within_s
        self.stopping = self._call(self.pool.stop(deadline), deadline)
        self.loop.step(after)

    @precondition(lambda self: self.stopping is not None)
    @rule(within_s=st.floats(0, 5))
    def hurry(self, within_s: float) -> None:
        self.pool.hurry(self.clock.now + within_s)
        for task, latest in self.pending.items():
            self.pending[task] = min(latest, self.clock.now + within_s + LATE_S)

    @rule(count=st.integers(1, 12))
    def step(self, count: int) -> None:
        self.loop.step(count)

    @rule(seconds=st.sampled_from([0.01, 0.1, 0.5, 1.0, 5.0, 30.0]))
    def wait(self, seconds: float) -> None:
        self.loop.advance(seconds)

    @invariant()
    def it_holds(self) -> None:
        """One worker for a partition, none for nothing, not too many, and every call returns by its deadline."""
        live = self.live()
        held = Counter(partition for process in live for partition in process.partitions)
        assert all(count == 1 for count in held.values()), f"two workers of one partition: {live}"
        assert all(process.partitions for process in self.processes), f"a worker of no partition: {self.processes}"
        ours = self.owned | self.draining
        wrong = [process for process in live if process.partitions - ours and not process.stopping]
        assert not wrong, f"workers of what is not ours: {wrong}"
        going_on = [process for process in live if not process.stopping]
        assert not self.workers_max or len(going_on) <= self.workers_max, f"more than WORKERS_MAX: {going_on}"
        assert self.loop.broken == []
        assert not self.gave_up or self.crashes >= CRASHES_MAX
        late = [_name(task) for task, latest in self.pending.items() if self.clock.now > latest]
        assert not late, f"should have returned long ago: {late}"

    def teardown(self) -> None:
        try:
            if hasattr(self, "pool"):
                self._settle()
        finally:
            self.loop.abandon()
            self.patches.undo()

    def _settle(self) -> None:
        """With no more faults, all that is owned is worked on, and a stop leaves nothing."""
        self.manner = Manner()
        self.may_start.set()
        self.loop.advance(130.0)
        held = sorted(partition for process in self.live() for partition in process.partitions)
        assert held == sorted(self.owned), self.processes
        assert not self.pending
        if self.stopping is None:
            self.loop.finish(self.pool.stop(self.clock.now + 10.0), 10.0 + LATE_S)
        assert all(process.gone for process in self.processes)
        assert self.pool.partitions() == set()
        assert self.pool.pids() == []
        assert self.loop.broken == []


def _name(task: asyncio.Task[Any]) -> str:
    return getattr(task.get_coro(), "__qualname__", repr(task))


PoolMachine.TestCase.settings = examples(60, 40)
TestPool = PoolMachine.TestCase
