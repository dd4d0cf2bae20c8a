"""Faults of supervisors and of the group: killed, stopped, told to stop, joining and leaving."""

import random
import signal
import time

from bench.chaos.faults.base import Done, Fault, nothing_after
from bench.chaos.plan import SESSION_MS
from bench.chaos.stage import REPLICAS_MAX, Stage

RESTART_S = 0.5  # what a kubelet takes, at best, to start another
COME_AND_GO = 4


def _killed(stage: Stage, rng: random.Random) -> Done | None:
    program = stage.take_replica(rng)
    if program is None:
        return None
    partitions = frozenset(program.assigned())
    at = time.monotonic()
    program.kill()
    time.sleep(RESTART_S)
    stage.start_replica()
    return Done(f"with partitions {sorted(partitions)}", at, partitions, replaced=True)


def _stopped(stage: Stage, rng: random.Random) -> Done | None:
    """For longer than lease and session: another replica, if there is one, takes over what it has."""
    program = stage.take_replica(rng)
    if program is None:
        return None
    partitions = frozenset(program.assigned())
    seconds = SESSION_MS / 1000 * rng.choice([0.3, 0.8, 1.5, 2.0])
    program.signal(signal.SIGSTOP)
    time.sleep(seconds)
    program.signal(signal.SIGCONT)
    stage.give_back(program)
    return Done(f"for {seconds:.1f} s with partitions {sorted(partitions)}", time.monotonic(), partitions)


def _terminated(stage: Stage, rng: random.Random) -> Done | None:
    program = stage.take_replica(rng)
    if program is None:
        return None
    stage.terminate(program)
    stage.start_replica()
    return nothing_after("and started again")


def _joins(stage: Stage, rng: random.Random) -> Done | None:
    if len(stage.replicas()) >= REPLICAS_MAX:
        return _leaves(stage, rng)
    stage.start_replica()
    return nothing_after("")


def _leaves(stage: Stage, rng: random.Random) -> Done | None:
    program = stage.take_replica(rng, least=2)
    if program is None:
        return None
    stage.terminate(program)
    return nothing_after("")


def _come_and_go(stage: Stage, rng: random.Random) -> Done | None:
    """Somebody joins or leaves every second."""
    for number in range(COME_AND_GO):
        at = time.monotonic()
        if number % 2 == 0:
            stage.start_replica()
        else:
            _leaves(stage, rng)
        time.sleep(max(0.0, at + 1.0 - time.monotonic()))
    return nothing_after("")


def _rolling_restart(stage: Stage, rng: random.Random) -> Done | None:
    """One after another, as a Deployment with maxSurge 0 does."""
    count = len(stage.replicas())
    for _ in range(count):
        _terminated(stage, rng)
    return nothing_after(f"of {count}")


REPLICAS: dict[str, Fault] = {
    "supervisor-killed": _killed,
    "supervisor-stopped": _stopped,
    "supervisor-terminated": _terminated,
    "replica-joins": _joins,
    "replica-leaves": _leaves,
    "replicas-come-and-go": _come_and_go,
    "rolling-restart": _rolling_restart,
}
