"""A figure that was measured, with its spread and its source; and what it is between and beyond measured points."""

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple, Self

import msgspec

# What the same work on the same machine differs by within minutes: fewer turns than these cannot tell it.
DRIFT = 0.2
TURNS_ENOUGH = 3
# Beyond the most destinations that were measured a cost is taken to grow with this power of them. A prototype took 2.4
# times as much at 5 000 as at 1 000, where the slope between 100 and 1 000 would have said 1.1.
BEYOND = 0.6


class Measured(msgspec.Struct, frozen=True):
    """A cost: less is better. `low` and `high` are the least and the most that a turn showed; `value` their median.

    `source` is the file and the measurement in it. `turns` is 0 where the figure is assumed, not measured: `source`
    says so then. `guess` is whether it is beyond what was measured. `what` is what it is a cost of.
    """

    value: float
    low: float
    high: float
    source: str
    turns: int
    what: str = ""
    guess: bool = False

    @classmethod
    def of(cls, turns: Sequence[float], source: str) -> Self:
        """Of the turns of one measurement. Raises ValueError without any."""
        if not turns:
            raise ValueError(f"{source}: no turns")
        value = statistics.median(turns)
        low, high = min(turns), max(turns)
        if len(turns) < TURNS_ENOUGH:
            low, high = min(low, value * (1 - DRIFT)), max(high, value * (1 + DRIFT))
        return cls(value, low, high, source, len(turns))

    @classmethod
    def assumed(cls, value: float, low: float, high: float, why: str) -> Self:
        """What nobody has measured; `why` says whence."""
        return cls(value, low, high, f"assumed: {why}", 0)

    def noted(self, note: str) -> "Measured":
        """The same, with more of its source."""
        return msgspec.structs.replace(self, source=f"{self.source}, {note}")

    def times(self, low: float, value: float, high: float) -> "Measured":
        """Each bound times its factor; a guess if these are not all the same."""
        return msgspec.structs.replace(
            self,
            low=self.low * low,
            value=self.value * value,
            high=self.high * high,
            guess=self.guess or not low == value == high,
        )

    @property
    def told(self) -> str:
        """What it is, where it comes from, and how far it is to be trusted."""
        return f"{self.what}: {self.source} ({self.sure})" if self.what else f"{self.source} ({self.sure})"

    @property
    def sure(self) -> str:
        """How far it is to be trusted, in words."""
        if not self.turns:
            return "not measured"
        spread = max(self.high - self.value, self.value - self.low) / self.value if self.value else 0.0
        turns = f"{self.turns} turn{'s' * (self.turns > 1)}"
        few = ", too few to tell" * (self.turns < TURNS_ENOUGH)
        return f"{'extrapolated from ' * self.guess}{turns}{few}, within {spread * 100:.0f} %"


class Row(NamedTuple):
    """What something costs at a number of destinations."""

    destinations: int
    cost: Measured


def at(rows: Sequence[Row], destinations: int) -> Measured:
    """The cost at this number of destinations, between the rows on a line over the logarithm of the number.

    Below the first row it is the first: fewer cost no more. Beyond the last it is assumed to grow with the power
    BEYOND, at least as the slope of the last two rows. `rows` are sorted, and there is one at least.
    """
    if destinations > rows[-1].destinations:
        return _beyond(rows, destinations)
    above = next(row for row in rows if row.destinations >= destinations)
    if above.destinations == destinations:
        return above.cost.noted(f"at {destinations} destinations")
    if above is rows[0]:
        return above.cost.noted(f"at {above.destinations} destinations, taken for {destinations}")
    below = [row for row in rows if row.destinations < destinations][-1]
    return _between(below, above, destinations)


def _between(below: Row, above: Row, destinations: int) -> Measured:
    share = math.log(destinations / below.destinations) / math.log(above.destinations / below.destinations)

    def on_line(first: float, second: float) -> float:
        return first + (second - first) * share

    sources = dict.fromkeys((below.cost.source, above.cost.source))
    return Measured(
        on_line(below.cost.value, above.cost.value),
        on_line(below.cost.low, above.cost.low),
        on_line(below.cost.high, above.cost.high),
        f"{', '.join(sources)}, between {below.destinations} and {above.destinations} destinations",
        min(below.cost.turns, above.cost.turns),
    )


def _beyond(rows: Sequence[Row], destinations: int) -> Measured:
    last = rows[-1]
    power = (destinations / last.destinations) ** BEYOND
    line = _between(rows[-2], last, destinations).value if len(rows) > 1 else 0.0
    value = max(last.cost.value * power, line)
    high = max(last.cost.high * power, value)
    noted = last.cost.noted(f"at {last.destinations} destinations, beyond with the power {BEYOND} of their number")
    return msgspec.structs.replace(noted, value=value, high=high, guess=True)
