"""The pool: one worker for each partition that is owned (or for several, with WORKERS_MAX), kept alive.

It knows nothing of Kafka: what a worker is, and where a partition begins, it is told.
"""

import asyncio
import time
from collections.abc import Iterable
from functools import partial

from fanout.supervisor.slot import Hooks, Limits, Slot


class Pool:
    """All slots of this replica. Used from one event loop."""

    def __init__(self, limits: Limits, hooks: Hooks) -> None:
        self._limits = limits
        self._hooks = hooks
        self._slots: dict[Slot, asyncio.Task[None]] = {}

    def partitions(self) -> set[int]:
        """The partitions that have a worker, or will have one again."""
        return {partition for slot in self._slots for partition in slot.partitions}

    def slots(self) -> list[Slot]:
        """All slots that have partitions."""
        return [slot for slot in self._slots if slot.partitions]

    def pids(self) -> list[int]:
        """The processes that run now."""
        return [slot.process.pid for slot in self._slots if slot.process is not None]

    async def add(self, partitions: Iterable[int], deadline: float) -> None:
        """Give these partitions to workers: new ones, or with WORKERS_MAX reached, those that hold the fewest."""
        grown: set[Slot] = set()
        fresh: list[Slot] = []
        for partition in sorted(set(partitions) - self.partitions()):
            # A slot without partitions is about to end.
            slots = [*(slot for slot in self._slots if slot.partitions), *fresh]
            if not self._limits.workers_max or len(slots) < self._limits.workers_max:
                fresh.append(Slot(self._limits, self._hooks, {partition}))
                continue
            fewest = min(slots, key=lambda slot: len(slot.partitions))
            fewest.partitions.add(partition)
            grown.add(fewest)
        for slot in fresh:
            self._slots[slot] = asyncio.create_task(slot.run())
            self._slots[slot].add_done_callback(partial(self._ended, slot))
        await asyncio.gather(*(slot.restart(deadline) for slot in grown.difference(fresh)))

    def _ended(self, slot: Slot, task: asyncio.Task[None]) -> None:
        del self._slots[slot]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._hooks.give_up(f"the supervision of a worker broke: {error!r}")

    async def drain(self, partitions: Iterable[int], deadline: float) -> None:
        """Take these partitions from their workers, which deliver what they have read; by the deadline."""
        taken = set(partitions)
        await asyncio.gather(*(slot.release(taken, deadline) for slot in list(self._slots)))

    def drop(self, partitions: Iterable[int]) -> None:
        """Take these partitions from their workers at once: they are not ours any more."""
        taken = set(partitions)
        for slot in list(self._slots):
            slot.drop(taken)

    def kill_all(self) -> None:
        """End all workers at once; they start again."""
        for slot in list(self._slots):
            slot.kill()

    def behind(self, life: int) -> Slot | None:
        """A slot whose latest worker was started before that life: one that has none now, else the busiest."""
        left = [slot for slot in self._slots if slot.partitions and slot.life < life]
        return max(left, key=lambda slot: (slot.process is None, self._delivered(slot)), default=None)

    def _delivered(self, slot: Slot) -> int:
        return self._hooks.progressed(frozenset(slot.partitions))

    async def restart_from(self, life: int, deadline: float) -> None:
        """Start again, at once, those workers that were started since that life."""
        await asyncio.gather(*(slot.restart(deadline) for slot in list(self._slots) if slot.life > life))

    def has(self, slot: Slot) -> bool:
        """Whether this slot is to have a worker."""
        return slot in self._slots and bool(slot.partitions)

    async def stop(self, deadline: float) -> bool:
        """Drain and end all workers side by side; whether all of them delivered everything they had read."""
        slots = dict(self._slots)
        await self.drain(self.partitions(), deadline)
        await asyncio.gather(*slots.values(), return_exceptions=True)
        return all(slot.drained for slot in slots)

    def hurry(self, deadline: float) -> None:
        """Shorten the deadline of a stop that is under way."""
        for slot in self._slots:
            slot.hurry(deadline)

    def tick(self, now: float, *, reading: bool = True) -> None:
        """Renew all leases, let workers read or not, and look for those that hang. To be called every second."""
        for slot in self._slots:
            if slot.process is not None:
                slot.process.renew(now + self._limits.lease_s, reading=reading)
                slot.process.check(now, self._limits.stall_s)

    def forgive(self) -> None:
        """The supervisor did not run for a while: silence of that time is not the workers'."""
        now = time.monotonic()
        for slot in self._slots:
            if slot.process is not None:
                slot.process.forgive(now)
