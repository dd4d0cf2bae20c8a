"""A ratio that was measured turn by turn, and how sure it is."""

import random
import statistics
from collections.abc import Sequence
from typing import NamedTuple

RESAMPLES = 10_000
SEED = 1


class Ratio(NamedTuple):
    """The median of the turns' ratios, and the bounds that hold the true one with 95 %."""

    median: float
    low: float
    high: float


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Ratio:
    """Of two series of the same turns. The bounds are a bootstrap's (percentiles of the medians of resamples).

    Pairs, because the speed of a machine drifts from turn to turn by more than the programs differ. Raises ValueError
    for series of different lengths or without any turn.
    """
    ratios = [above / below for above, below in zip(numerators, denominators, strict=True)]
    if not ratios:
        raise ValueError("no turns")
    rng = random.Random(SEED)
    medians = sorted(statistics.median(rng.choices(ratios, k=len(ratios))) for _ in range(RESAMPLES))
    return Ratio(statistics.median(ratios), medians[RESAMPLES * 25 // 1000], medians[RESAMPLES * 975 // 1000 - 1])
