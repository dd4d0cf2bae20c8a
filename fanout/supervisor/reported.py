"""What the workers have reported, added up: totals, rates, busiest destinations, last dead letters, progress."""

from collections import Counter as Counts
from collections import deque
from collections.abc import Collection
from heapq import nlargest

from fanout import log
from fanout.counters import Counter
from fanout.errors import Reason
from fanout.link import Delivered
from fanout.metrics import catalogue
from fanout.metrics.tallies import Tallies
from fanout.status.facts import Expired
from fanout.status.state import DeadLetter, Namespace, Rate
from fanout.supervisor.recent import Recent
from fanout.supervisor.wall import wall_s

_repeats = log.Repeats(log.get("reported"))

RATES_S = 600
LETTERS = 20
BUSIEST = 10
RANGES = 50  # of expired records: the last ones that are told of

_METRICS = {
    Counter.RECORDS_IN: (catalogue.RECORDS_READ, ()),
    Counter.BYTES_IN: (catalogue.BYTES_READ, ()),
    Counter.DELIVERED: (catalogue.RECORDS, ("delivered",)),
    Counter.DEAD_LETTERS: (catalogue.RECORDS, ("dead_letter",)),
    Counter.SKIPPED: (catalogue.RECORDS, ("skipped",)),
    Counter.RESYNCS_DROPPED: (catalogue.RECORDS, ("resync_dropped",)),
    Counter.EXPIRED: (catalogue.RECORDS, ("expired",)),
    Counter.REDELIVERED: (catalogue.REDELIVERED, ()),
    Counter.TOPICS_CREATED: (catalogue.TOPICS_CREATED, ()),
}


class Reported:
    """Filled with each report of a worker: some fifty a second and worker, at most."""

    def __init__(self, tallies: Tallies, series: str) -> None:
        self._tallies = tallies
        self._series = series  # METRICS_NAMESPACES
        self._topics: Counts[str] = Counts()
        self._rates: deque[tuple[int, int, int]] = deque(maxlen=RATES_S + 1)  # second, read, delivered
        self._busiest = Recent()
        self._refused = Recent()
        self.totals: Counts[str] = Counts()
        self.refused: Counts[str] = Counts()
        self.letters: deque[DeadLetter] = deque(maxlen=LETTERS)  # newest first
        self.expired: deque[Expired] = deque(maxlen=RANGES)
        self.progressed_at: dict[int, float] = {}

    def add(self, message: Delivered, partitions: Collection[int], moved: Collection[int]) -> None:
        """What a worker of these partitions says, and which of them it has moved on. Raises nothing."""
        try:
            self._add(message, partitions, moved)
        except Exception as error:  # noqa: BLE001 - a worker of another version may count what is not known here
            _repeats.error("a report could not be counted", exc_info=error)

    def _add(self, message: Delivered, partitions: Collection[int], moved: Collection[int]) -> None:
        now = wall_s()
        self.progressed_at.update(dict.fromkeys(moved, now))
        counters = message.counters
        if counters:
            self._count(counters, partitions, now)
        if message.letters:
            self._note_letters(message, now)
        if message.topics:
            self._busiest.add(message.topics, now)
            if self._series != "off":
                self._topics.update(message.topics)
        if message.delivery is not None:
            self._tallies.observations(catalogue.DELIVERY_SECONDS).add(
                message.delivery.counts, message.delivery.total_s
            )
        if message.end_to_end is not None:
            self._tallies.observations(catalogue.END_TO_END_SECONDS).add(
                message.end_to_end.counts, message.end_to_end.total_s
            )

    def _count(self, counters: dict[str, int], partitions: Collection[int], now: float) -> None:
        self.totals.update(counters)
        for name, count in counters.items():
            metric, labels = _METRICS[Counter(name)]
            self._tallies.count(metric, count, *labels)
        read, delivered = counters.get(Counter.RECORDS_IN, 0), counters.get(Counter.DELIVERED, 0)
        second = int(now)
        if self._rates and self._rates[-1][0] == second:
            _, read_before, delivered_before = self._rates.pop()
            read, delivered = read + read_before, delivered + delivered_before
        self._rates.append((second, read, delivered))
        if lost := counters.get(Counter.EXPIRED, 0):
            self.expired.append(Expired(sorted(partitions), lost, now, now))

    def _note_letters(self, message: Delivered, now: float) -> None:
        self._refused.add(message.refused, now)
        self.refused.update(message.refused)
        for reason, count in message.refused.items():
            self._tallies.count(catalogue.REFUSED, count, reason)
        for letter in message.letters:
            if letter.reason != Reason.EXPIRED:  # told by the worker, with all that is lost
                _repeats.warning(
                    "an event became a dead letter", letter.reason,
                    reason=letter.reason, partition=letter.partition, offset=letter.offset,
                )  # fmt: skip
            known = DeadLetter(at=now, reason=letter.reason, partition=letter.partition, offset=letter.offset)
            self.letters.appendleft(known)

    def refused_lately(self, now: float) -> tuple[dict[str, int], float]:
        """Dead letters of the last ten minutes by reason, and since when there are any; those of gaps are no events."""
        counts = {reason: count for reason, count in self._refused.counts(now).items() if reason != Reason.EXPIRED}
        return counts, self._refused.since()

    def rates(self, since: float, now: float) -> list[Rate]:
        """Each whole second of the last ten minutes, oldest first; none before `since`."""
        known = {second: (read, delivered) for second, read, delivered in self._rates}
        first = max(int(now) - RATES_S, int(since))
        return [
            Rate(at=float(second), read=counts[0], delivered=counts[1])
            for second in range(first, int(now))
            for counts in (known.get(second, (0, 0)),)
        ]

    def namespaces(self, now: float) -> list[Namespace]:
        """The busiest destinations of the last ten minutes."""
        return [Namespace(topic=topic, records=records) for topic, records in self._busiest.most(BUSIEST, now)]

    def tallies(self) -> Tallies:
        """All counters and histograms, with those destinations that METRICS_NAMESPACES asks for."""
        if self._series != "off":
            most = len(self._topics) if self._series == "all" else int(self._series.removeprefix("top:"))
            shown = nlargest(most, self._topics.items(), key=lambda item: item[1])
            self._tallies.replace(catalogue.NAMESPACE_RECORDS, {(topic,): count for topic, count in shown})
        return self._tallies
