"""Process 1 of a container is left the children of processes that end, as those of `kubectl exec`: it reaps them."""

import asyncio
import os

LOOK_S = 1.0
AGAIN_S = 0.1


async def reap() -> None:
    """Reap until cancelled; a process that is not process 1 is left none."""
    seen = None
    while os.getpid() == 1:
        await asyncio.sleep(LOOK_S if seen is None else AGAIN_S)
        seen = look(seen)


def look(seen: int | None) -> int | None:
    """Reap the child that ended, if it was `seen` the last time; the process id of one that was not. Does not block.

    A worker is reaped by the loop that started it, in the turn in which it ends: what still waits at the next look is
    nobody else's.
    """
    while (ended := _ended()) is not None and ended == seen:
        os.waitpid(ended, os.WNOHANG)
    return ended


def _ended() -> int | None:
    """A child that has ended and waits to be reaped."""
    try:
        answer = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return answer.si_pid if answer is not None else None
