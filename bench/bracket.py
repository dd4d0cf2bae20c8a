"""The search for the highest rate that holds, among answers that are sometimes wrong: pure, but for what it asks.

A machine that pauses lets a rate fail that holds, and never one hold that does not; a rate close above the limit holds
by luck, if the machine is quick for a while. So a failure counts when it comes twice in a row, and in the end the last
step is repeated: the rate that holds is asked once more, and loses what it had if it fails.
"""

import math
from collections.abc import Callable

import msgspec

PROBES_MAX = 60


class Bracket(msgspec.Struct, frozen=True):
    """The limit lies between a rate that holds and one that does not."""

    holds: float
    fails: float


class NoLimitError(RuntimeError):
    """No rate was found that holds, or the answers contradict each other for ever."""


def find(holds: Callable[[float], bool], first: float, width: float, step: float) -> Bracket:
    """The bracket around the limit: `fails` is `width` times `holds` at most.

    Begins at the rate `first`, goes up or down by `step` until the limit is between two rates, then halves (the ratio,
    not the difference). Calls `holds` ten times or so. Raises NoLimitError, and what `holds` raises.
    """
    asked = 0

    def ask(rate: float) -> bool:
        nonlocal asked
        for _ in range(2):
            asked += 1
            if asked > PROBES_MAX:
                raise NoLimitError(f"no limit after {PROBES_MAX} probes, the last at {rate:.0f} a second")
            if holds(rate):
                return True
        return False

    held: list[float] = []  # rates that hold, rising
    fails = math.inf
    rate = first
    while True:
        if ask(rate):
            held.append(rate)
        else:
            fails = rate
        if held and fails / held[-1] <= width:
            if ask(held[-1]):
                return Bracket(held[-1], fails)
            fails = held.pop()
        rate = _between(held[-1] if held else 0.0, fails, step)


def _between(holds: float, fails: float, step: float) -> float:
    """Where to ask next: halfway, or a step beyond what is known. In four digits: nobody wants more."""
    if not holds:
        return _short(fails / step)
    return _short(holds * step if math.isinf(fails) else math.sqrt(holds * fails))


def _short(rate: float) -> float:
    return float(f"{rate:.4g}")
