"""How a cost grows with destinations and with bytes, from measured points."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from bench.plan.measured import Measured, Row, at


class Sample(NamedTuple):
    """The turns of one cost at a number of destinations and a size of event."""

    destinations: int
    size_bytes: float
    turns: list[float]
    source: str


class SizeModel(msgspec.Struct, frozen=True):
    """How a cost grows with the bytes of an event: `1 + per_byte * (bytes - reference_bytes)` times that at reference.

    `per_byte` is None where one size was measured. Then a larger event is taken to cost in proportion to its bytes, and
    a smaller one as much as the one measured: both more than they will.
    """

    reference_bytes: float
    per_byte: float | None

    def scaled(self, cost: Measured, size_bytes: float) -> Measured:
        """The cost at this size."""
        if size_bytes == self.reference_bytes:
            return cost
        ratio = size_bytes / self.reference_bytes
        if self.per_byte is None:
            noted = cost.noted(f"with {self.reference_bytes:.0f} bytes, the only ones, taken for {size_bytes:.0f}")
            return noted.times(min(1.0, ratio), max(1.0, ratio), max(1.0, ratio))
        factor = 1 + self.per_byte * (size_bytes - self.reference_bytes)
        noted = cost.noted(f"x {factor:.2f} for {size_bytes:.0f} bytes, on the line through the sizes measured")
        return noted.times(factor, factor, factor)


class Curve(msgspec.Struct, frozen=True):
    """A cost by destinations, at the reference size of its model."""

    rows: list[Row]
    sizes: SizeModel

    def at(self, destinations: int, size_bytes: float) -> Measured:
        """The cost there."""
        return self.sizes.scaled(at(self.rows, destinations), size_bytes)


def reference_bytes(samples: Sequence[Sample]) -> float:
    """The size that was measured at the most numbers of destinations; of several, the smallest."""
    sizes = [sample.size_bytes for sample in samples]
    return max(sorted(set(sizes)), key=sizes.count)


def curve_of(samples: Sequence[Sample], reference: float) -> Curve | None:
    """The curve through these, sorted by destinations; None if none is of the reference size.

    One sample for each number of destinations and size. Raises ValueError for a sample without turns.
    """
    rows = [
        Row(sample.destinations, Measured.of(sample.turns, sample.source))
        for sample in samples
        if sample.size_bytes == reference
    ]
    if not rows:
        return None
    return Curve(rows, SizeModel(reference, _per_byte(samples, rows, reference)))


def _per_byte(samples: Sequence[Sample], rows: Sequence[Row], reference: float) -> float | None:
    """Least squares through 1 at the reference, over the samples of all other sizes; None if there are none.

    Not below 0, for more bytes never cost less, and not above what would make an event of no bytes cost less than
    nothing: noise must not.
    """
    above = below = 0.0
    for sample in samples:
        if sample.size_bytes != reference:
            distance = sample.size_bytes - reference
            ratio = Measured.of(sample.turns, sample.source).value / at(rows, sample.destinations).value
            above += (ratio - 1) * distance
            below += distance * distance
    return min(max(above / below, 0.0), 1 / reference) if below else None


class Line(NamedTuple):
    """`base + each * destinations`; `above` is how far a point is above it, at most."""

    base: float
    each: float
    above: float


def line_of(points: Sequence[tuple[int, float]]) -> Line | None:
    """Least squares through (destinations, value); None with fewer than two numbers of destinations.

    Neither base nor slope is below 0.
    """
    count = len(points)
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    if not spread:
        return None
    each = max(0.0, sum((x - mean_x) * (y - mean_y) for x, y in points) / spread)
    base = mean_y - each * mean_x
    if base < 0:  # then the best line from nothing
        base, each = 0.0, sum(x * y for x, y in points) / sum(x * x for x, _ in points)
    return Line(base, each, max(0.0, *(y - base - each * x for x, y in points)))
