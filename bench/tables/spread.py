"""How a figure of several turns is shown."""

import math
import statistics
from collections.abc import Iterable


def spread(values: Iterable[float], digits: int | None = None) -> str:
    """Their median, and the least and the most of them; without `digits`, in three digits or more.

    "not known" if one is NaN, as the broker's CPU is on the user's cluster.
    """
    known = list(values)
    if any(map(math.isnan, known)):
        return "not known"
    middle = _shown(statistics.median(known), digits)
    return f"{middle} ({_shown(min(known), digits)}-{_shown(max(known), digits)})" if len(known) > 1 else middle


def _shown(value: float, digits: int | None) -> str:
    if digits is None:
        digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{digits}f}"
