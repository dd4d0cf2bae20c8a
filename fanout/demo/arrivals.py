"""What has arrived so far, for the live table. What is right and wrong is told by the count alone (`verify`)."""

from collections import Counter, deque
from collections.abc import Sequence

from fanout.demo.events import Event
from fanout.demo.poison import Poison
from fanout.demo.verify import Found

RATE_S = 1.0


class Arrivals:
    """Takes in what is read from the destinations. `records` is what is written to the source, in its order."""

    def __init__(self, records: Sequence[Event | Poison], dead_letter_topic: str) -> None:
        self._records = records
        self._dead_letter_topic = dead_letter_topic
        self._numbers = {record.value: number for number, record in enumerate(records) if isinstance(record, Event)}
        self._seen = bytearray(len(records))
        self.by_topic: Counter[str] = Counter()  # events in their own topic, each counted once
        self.bytes = 0  # of the same
        self.dead_letters: set[bytes | None] = set()  # by key
        self._recent: deque[tuple[float, int]] = deque()

    def take(self, found: Found) -> int | None:
        """Take in one record; its number in the source if it is an event that arrived for the first time."""
        if found.topic == self._dead_letter_topic:
            self.dead_letters.add(found.key)
            return None
        number = self._numbers.get(found.value or b"")
        if number is None or self._seen[number]:
            return None
        record = self._records[number]
        if not isinstance(record, Event) or record.namespace != found.topic:
            return None
        self._seen[number] = True
        self.by_topic[found.topic] += 1
        self.bytes += len(record.value)
        return number

    def complete(self) -> bool:
        """Whether nothing is missing."""
        return self.by_topic.total() + len(self.dead_letters) >= len(self._records)

    def per_second(self, now: float) -> int:
        """Events that arrived in the last second; to be asked often, with a monotonic time in seconds."""
        total = self.by_topic.total()
        self._recent.append((now, total))
        while len(self._recent) > 1 and self._recent[0][0] < now - RATE_S:
            self._recent.popleft()
        at, before = self._recent[0]
        return round((total - before) / max(now - at, RATE_S))
