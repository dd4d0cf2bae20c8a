"""Measured times as counts: small enough to keep of millions of samples, and exact to three digits.

The counts are an HdrHistogram in the encoding that its tools for other languages read, too. Not numpy over raw samples:
percentiles would be as good, but what is kept in the result would need a form of our own, which nobody else reads.
"""

from collections.abc import Iterable
from functools import cached_property
from typing import Protocol, Self, cast

import msgspec
from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]

HIGHEST = 3_600_000_000  # an hour in microseconds
DIGITS = 3
BEYOND = 10


class _Counts(Protocol):
    """What is used of the library, which carries no types."""

    total_count: int

    def record_value(self, value: int) -> bool: ...
    def get_value_at_percentile(self, percentile: float) -> int: ...
    def get_mean_value(self) -> float: ...
    def get_max_value(self) -> int: ...
    def encode(self) -> bytes: ...


class Histogram(msgspec.Struct, dict=True):
    """Values of one unit, from 0 to `HIGHEST`. `counts` is the HdrHistogram, in base64."""

    counts: str

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """Count these. What is below 0 counts as 0. Raises ValueError for one above `HIGHEST`. A second a million."""
        made: _Counts = HdrHistogram(1, HIGHEST, DIGITS)
        for value in values:
            if not made.record_value(max(0, round(value))):
                raise ValueError(f"{value} is more than a histogram takes")
        return cls(made.encode().decode())

    @cached_property
    def _decoded(self) -> _Counts:
        return cast("_Counts", HdrHistogram.decode(self.counts))

    @property
    def count(self) -> int:
        """How many values there are."""
        return self._decoded.total_count

    @property
    def mean(self) -> float:
        """0 if there is no value."""
        return self._decoded.get_mean_value()

    @property
    def highest(self) -> float:
        """The greatest value; 0 if there is none."""
        return float(self._decoded.get_max_value())

    def percentile(self, percent: float) -> float:
        """The value that `percent` (0 to 100) of all do not pass; 0 if there is none."""
        return float(self._decoded.get_value_at_percentile(percent)) if self.count else 0.0

    def tells(self, percent: float) -> bool:
        """Whether there are enough values for that percentile: with less than `BEYOND` above it a few decide it."""
        return round(self.count * (100 - percent) / 100, 3) >= BEYOND  # 100 - 99.9 is a little less than 0.1
