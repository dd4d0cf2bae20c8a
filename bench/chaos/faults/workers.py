"""Faults of workers: killed, stopped, out of memory, slow."""

import contextlib
import os
import random
import resource
import signal
import time
from typing import NamedTuple

import psutil

from bench.chaos.faults.base import Done, Fault
from bench.chaos.stage import STALL_S, Stage
from bench.program import Program

DEATH_S = 4.0
SLOW_S = 3.0


class _Victim(NamedTuple):
    program: Program
    pid: int
    partitions: frozenset[int]


def _choose(stage: Stage, rng: random.Random) -> _Victim | None:
    """A worker that lives, of any replica."""
    choice = rng.random()
    found = []
    for program in stage.replicas():
        living = program.workers()
        lines = [line for line in program.lines("worker started") if int(line["pid"]) in living]
        found += [_Victim(program, int(line["pid"]), frozenset(line["partitions"])) for line in lines]
    return found[int(choice * len(found))] if found else None


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _killed(stage: Stage, rng: random.Random) -> Done | None:
    victim = _choose(stage, rng)
    if victim is None:
        return None
    at = time.monotonic()
    _signal(victim.pid, signal.SIGKILL)
    return Done(f"of partitions {sorted(victim.partitions)}", at, victim.partitions, replaced=True)


def _stopped(stage: Stage, rng: random.Random) -> Done | None:
    """For less than its lease, for longer than its lease and the session, or for longer than the stall limit."""
    victim = _choose(stage, rng)
    if victim is None:
        return None
    seconds = rng.choice([1.0, 3.5, STALL_S + 3.0])
    at = time.monotonic()
    _signal(victim.pid, signal.SIGSTOP)
    time.sleep(seconds)
    _signal(victim.pid, signal.SIGCONT)
    replaced = seconds > STALL_S
    healed = at + STALL_S if replaced else time.monotonic()
    return Done(f"for {seconds:g} s", healed, victim.partitions, replaced=replaced)


def _out_of_memory(stage: Stage, rng: random.Random) -> Done | None:
    """Not a byte more than it has: the next allocation fails, wherever that is."""
    victim = _choose(stage, rng)
    if victim is None:
        return None
    at = time.monotonic()
    try:
        process = psutil.Process(victim.pid)
        limit = process.memory_info().data
        process.rlimit(resource.RLIMIT_DATA, (limit, limit))
        process.wait(DEATH_S)
    except psutil.TimeoutExpired:
        _signal(victim.pid, signal.SIGKILL)  # it makes do with what it has; it may not stay like that
        at = time.monotonic()
    except psutil.NoSuchProcess:
        pass
    return Done(f"of partitions {sorted(victim.partitions)}", at, victim.partitions, replaced=True)


def _slow(stage: Stage, rng: random.Random) -> Done | None:
    """It gets a fifth of its time."""
    victim = _choose(stage, rng)
    if victim is None:
        return None
    end = time.monotonic() + SLOW_S
    while time.monotonic() < end:
        _signal(victim.pid, signal.SIGSTOP)
        time.sleep(0.08)
        _signal(victim.pid, signal.SIGCONT)
        time.sleep(0.02)
    return Done(f"of partitions {sorted(victim.partitions)}", time.monotonic(), victim.partitions)


WORKERS: dict[str, Fault] = {
    "worker-killed": _killed,
    "worker-stopped": _stopped,
    "worker-out-of-memory": _out_of_memory,
    "worker-slow": _slow,
}
