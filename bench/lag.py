"""Whether a program keeps up: the criterion, from samples of its lag.

Lag is seen twice: what is in the source and in no destination yet, and what is in the source and not committed. A
probe holds if neither grows over its second half. The first half is for what comes with a beginning: caches that are
filled, code that gets warm, a backlog that was there.

Growth is the slope of the lag by Theil and Sen: the median of the slopes between all pairs of samples, which a burst in
a fifth of them does not move. Allowed is `GROWTH` of the rate: a program that is 5 % too slow grows by five times that.
What is not committed goes up and down by one commit interval's events without any growth, so there the events of one
interval are allowed besides, over the half.

A probe says nothing of the program if the writer has not written what it should have (`WRITTEN` of it), or if there
was too little time to look (`SAMPLES_MIN` in the second half).
"""

import statistics
from collections.abc import Sequence
from itertools import combinations

import msgspec

GROWTH = 0.01
WRITTEN = 0.98
SAMPLES_MIN = 8


class Sample(msgspec.Struct, frozen=True):
    """What was seen at one time, in seconds since the beginning: events written to the source, arrived, committed."""

    at_s: float
    written: int
    arrived: int
    committed: int


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a probe says. Slopes are in events a second, of the second half; `offered` is what was written of the rate.

    `holds` is None where the writer was the limit, or the machine had no time to look.
    """

    holds: bool | None
    offered: float
    undelivered_slope: float
    uncommitted_slope: float


def judge(samples: Sequence[Sample], rate: float, commit_s: float) -> Verdict:
    """Whether this rate holds. `commit_s` is the program's commit interval."""
    half = second_half(samples)
    if len(half) < SAMPLES_MIN:
        return Verdict(holds=None, offered=0.0, undelivered_slope=0.0, uncommitted_slope=0.0)
    took_s = half[-1].at_s - half[0].at_s
    offered = (half[-1].written - half[0].written) / took_s / rate
    times = [sample.at_s for sample in half]
    undelivered = slope(times, [sample.written - sample.arrived for sample in half])
    uncommitted = slope(times, [sample.written - sample.committed for sample in half])
    allowed = GROWTH * rate
    grows = undelivered > allowed or uncommitted > allowed + rate * commit_s / took_s
    return Verdict(
        # What is too much for the program is so, whether or not all of it was offered.
        holds=False if grows else True if offered >= WRITTEN else None,
        offered=offered,
        undelivered_slope=undelivered,
        uncommitted_slope=uncommitted,
    )


def second_half(samples: Sequence[Sample]) -> Sequence[Sample]:
    """Those of the later half of the time."""
    middle_s = (samples[0].at_s + samples[-1].at_s) / 2 if samples else 0.0
    return [sample for sample in samples if sample.at_s >= middle_s]


def slope(times_s: Sequence[float], values: Sequence[float]) -> float:
    """By Theil and Sen: the median of the slopes of all pairs, in units a second."""
    points = zip(times_s, values, strict=True)
    return statistics.median((b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(points, 2))
