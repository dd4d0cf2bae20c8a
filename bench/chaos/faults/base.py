"""What a fault tells of itself."""

import random
import time
from collections.abc import Callable
from typing import NamedTuple

from bench.chaos.stage import Stage


class Done(NamedTuple):
    """One fault that was done. Times are monotonic seconds.

    Recovery is counted from `healed`: the moment from which the program could go on, which is the death itself where a
    process dies. `replaced` says that only what comes after the start of a new worker shows the recovery.
    """

    detail: str
    healed: float
    partitions: frozenset[int] | None = None  # None: all
    replaced: bool = False
    topic: str = ""  # the recovery is to be seen in this destination alone


Fault = Callable[[Stage, random.Random], Done | None]  # None: there was nothing to do it to


def nothing_after(detail: str) -> Done:
    """A fault that is over now."""
    return Done(detail, time.monotonic())
