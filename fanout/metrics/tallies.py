"""What was counted since the start, by metric and labels. Filled on the supervisor's loop, read at a scrape."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence

from fanout.metrics.catalogue import SECONDS_BUCKETS, Metric


class Observations:
    """A histogram of durations that can be added up: how many fell below each bound of SECONDS_BUCKETS, and above."""

    __slots__ = ("counts", "total_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(SECONDS_BUCKETS) + 1)  # not cumulative
        self.total_s = 0.0

    def observe(self, seconds: float) -> None:
        """One duration."""
        self.counts[bisect_left(SECONDS_BUCKETS, seconds)] += 1
        self.total_s += seconds

    def add(self, counts: Sequence[int], total_s: float) -> None:
        """Those of somebody else, as they come over the link."""
        for number, count in enumerate(counts):
            self.counts[number] += count
        self.total_s += total_s


class Tallies:
    """Counters and histograms of one replica."""

    def __init__(self) -> None:
        self._counts: dict[Metric, Counter[tuple[str, ...]]] = {}
        self._observations: dict[Metric, Observations] = {}

    def count(self, metric: Metric, by: int, *labels: str) -> None:
        """So many more, under these values of the metric's labels, in their order."""
        self._counts.setdefault(metric, Counter())[labels] += by

    def counts(self, metric: Metric) -> Counter[tuple[str, ...]]:
        """By label values; what was never counted is not there."""
        return self._counts.get(metric, Counter())

    def replace(self, metric: Metric, counts: Mapping[tuple[str, ...], int]) -> None:
        """These and no others, for a metric with labels that come and go."""
        self._counts[metric] = Counter(counts)

    def observations(self, metric: Metric) -> Observations:
        """The histogram of this metric."""
        return self._observations.setdefault(metric, Observations())
