"""Pieces of sentences with figures in them."""

import statistics
from collections.abc import Iterable, Sequence

from bench.tables.spread import spread

NEARLY = 0.005  # what is rounded away


def shown(values: Iterable[float], digits: int | None = None) -> str:
    """The median, in three digits or more."""
    return spread([statistics.median(values)], digits)


def around(values: Sequence[float], unit: str = "", digits: int | None = None, of: str = "turns") -> str:
    """The median with the least and the most of them, as "8.00 us (7.60-8.40 in 3 turns)"; of one alone, just that."""
    middle = f"{shown(values, digits)} {unit}".strip()
    if len(values) == 1:
        return middle
    bounds = f"{shown([min(values)], digits)}-{shown([max(values)], digits)}"
    return f"{middle} ({bounds} in {len(values)} {of})"


def times(ratio: float) -> str:
    """As before "another's": "2.3 times" or, where it is less, "24 % of" or "1/42 of"."""
    if ratio < 0.1:
        return f"1/{1 / ratio:,.0f} of"
    if ratio < 1 - NEARLY:
        return f"{ratio * 100:.0f} % of"
    return f"{ratio:,.2f} times" if ratio < 2 else f"{ratio:,.1f} times"


def whose(name: str) -> str:
    """As in "franz-go's" and "kafka-clients'"."""
    return f"{name}'" if name.endswith("s") else f"{name}'s"


def listed(parts: Sequence[str]) -> str:
    """As in "a, b and c"."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def counted(count: int, what: str) -> str:
    """As in "1 turn" and "1,000 turns"."""
    return f"{count:,} {what}{'s' * (count != 1)}"
