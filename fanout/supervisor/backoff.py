"""When a worker that died is started again: the policy, in one place."""

import random
from enum import Enum, auto

FIRST_S = 0.5
MAX_S = 30.0
HEALTHY_S = 60.0  # a worker that lived this long has got somewhere, even if nothing came to deliver


class Ending(Enum):
    """How a worker ended, as far as its replacement is concerned."""

    STOPPED = auto()  # it was told to
    CRASHED = auto()  # of itself, for no reason that it could tell
    FAILED = auto()  # it told why it cannot go on


class Backoff:
    """Restart delays of one worker: at once after the first death, then exponential with jitter."""

    def __init__(self, crashes_max: int, rng: random.Random | None = None) -> None:
        self._crashes_max = crashes_max
        self._random = rng or random.Random()  # noqa: S311 - jitter needs no secrecy
        self._deaths = 0
        self._crashes = 0

    @property
    def crashes(self) -> int:
        """Crashes in a row, without progress between them."""
        return self._crashes

    @property
    def exhausted(self) -> bool:
        """Whether the worker has crashed so often without getting anywhere that it never will."""
        return self._crashes >= self._crashes_max

    def after(self, ending: Ending, *, progress: bool, lived_s: float) -> float:
        """Seconds to wait before the next start. `progress` is whether the one that ended had delivered anything."""
        if ending is Ending.STOPPED:
            return 0.0
        # A worker that tells why it stops has often delivered what came before the obstacle: that is no progress.
        if lived_s >= HEALTHY_S or (progress and ending is Ending.CRASHED):
            self._deaths = self._crashes = 0
        self._deaths += 1
        if ending is Ending.CRASHED:
            self._crashes += 1
            if self._deaths == 1:
                return 0.0
        delay: float = min(MAX_S, FIRST_S * 2 ** min(self._deaths - 1, 10))
        return delay * self._random.uniform(0.5, 1.0)
