"""What the supervisor is told besides the offsets: counts, durations, destinations, and where dead letters came from.

Nothing here is called for each record: only for a group, a round, a dead letter.
"""

from collections import Counter as Counts
from collections import deque
from collections.abc import Iterable
from itertools import islice

from fanout.counters import Counter
from fanout.link import Delivered, Durations, Letter
from fanout.metrics.tallies import Observations

LETTERS_MAX = 20  # of one report: the last ones
# The supervisor hears of so many destinations of this worker in a second, and of each of them once a second at most.
TOPICS_PER_S = 1_000
TOPICS_MAX = 10_000  # of one report: with the longest names it is well within a frame of the link


class Tally:
    """Filled by the stages of a worker, emptied by its link."""

    def __init__(self) -> None:
        self._counters: Counts[str] = Counts()
        self._refused: Counts[str] = Counts()
        self._letters: deque[Letter] = deque(maxlen=LETTERS_MAX)
        self._topics: dict[str, int] = {}
        self._topics_due = 0.0
        self._delivery = Observations()
        self._end_to_end = Observations()
        self._observed = False

    def count(self, counter: Counter, by: int = 1) -> None:
        """So many more."""
        if by:
            self._counters[counter.value] += by

    def hand(self, topic: str, records: int) -> None:
        """So many records were handed to a destination."""
        self._topics[topic] = self._topics.get(topic, 0) + records

    def wrote(self, letters: Iterable[Letter]) -> None:
        """These dead letters were acknowledged."""
        for letter in letters:
            self._refused[letter.reason] += 1
            self._letters.append(letter)

    def observe(self, delivery_s: float, end_to_end_s: float | None) -> None:
        """A round was acknowledged, so long after it was read, and after the timestamp of its oldest record."""
        self._observed = True
        self._delivery.observe(delivery_s)
        if end_to_end_s is not None:
            self._end_to_end.observe(end_to_end_s)

    def anything(self, now: float) -> bool:
        """Whether there is something to tell."""
        return bool(self._counters or self._letters or self._observed) or self._topics_are_due(now)

    def _topics_are_due(self, now: float) -> bool:
        return bool(self._topics) and now >= self._topics_due

    def take(
        self, offsets: dict[int, int], records: int, nbytes: int, producers: int, now: float, *, final: bool
    ) -> Delivered:
        """The report of all that was noted since the last one, with these offsets and this load."""
        topics: dict[str, int] = {}
        if final or self._topics_are_due(now):
            topics = dict(islice(self._topics.items(), TOPICS_MAX))
            for topic in topics:
                del self._topics[topic]
            self._topics_due = now + max(1.0, len(topics) / TOPICS_PER_S)
        report = Delivered(
            offsets, dict(self._counters), records, nbytes, producers,
            refused=dict(self._refused), letters=list(self._letters), topics=topics,
            delivery=_durations(self._delivery), end_to_end=_durations(self._end_to_end),
        )  # fmt: skip
        self._counters.clear()
        self._refused.clear()
        self._letters.clear()
        if self._observed:
            self._delivery, self._end_to_end, self._observed = Observations(), Observations(), False
        return report


def _durations(observed: Observations) -> Durations | None:
    return Durations(observed.counts, observed.total_s) if any(observed.counts) else None
