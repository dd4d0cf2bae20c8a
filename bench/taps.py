"""The taps: a reader of the source and of destinations, which notes when each event could be read at both ends.

One consumer in one thread reads both, so both ends are seen over the same connection, after the same waiting, and by
the same clock: the time between them has next to nothing of the reader's in it. They cost something, of the broker most
of all, which answers each of their fetches; so not every destination need be read while the load is on. The others are
read afterwards: every event is counted, and the broker's own time stamps, of whole milliseconds, are had of all.
"""

import time
from array import array
from collections.abc import Mapping, Sequence

import msgspec
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from bench.aside import Waiting, Worker
from bench.broker import Terms
from bench.mark import number_of
from bench.offsets import MOVES

POLL_S = 0.05
READ_S = 120.0
LIMIT = 10_000

Place = tuple[str, int]


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """Read these places from these offsets on until the next request comes, for events `first` to `first + count`."""

    first: int
    count: int
    live: Mapping[Place, int]


class Finish(msgspec.Struct, frozen=True, kw_only=True):
    """Read the rest: what is left of the places that were watched, and others from these offsets, to these ends."""

    others: Mapping[Place, int]
    ends: Mapping[Place, int]


class End(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen at one end of the way, by number of the event.

    `at_ns` is when it was read (monotonic), 0 where it was not watched; `stamp_ms` the time stamp of its record, 0 of
    one that is missing. `again` counts those that came more than once.
    """

    at_ns: Sequence[int]
    stamp_ms: Sequence[int]
    again: int

    @property
    def missing(self) -> int:
        """Events that have not come."""
        return sum(stamp == 0 for stamp in self.stamp_ms)


class Tapped(msgspec.Struct, frozen=True, kw_only=True):
    """Both ends; records with no number of this load; and the CPU seconds that reading took while it was on."""

    source: End
    destination: End
    strays: int
    cpu_s: float


class _Notes:
    """An End in the making."""

    def __init__(self, count: int) -> None:
        self.at_ns = array("q", bytes(8 * count))
        self.stamp_ms = array("q", bytes(8 * count))
        self.again = 0

    def end(self) -> End:
        return End(at_ns=self.at_ns, stamp_ms=self.stamp_ms, again=self.again)


class Taps(Worker["Watch | Finish", "Tapped | None"]):
    """Answers a Watch with nothing, when the next request is there, and the Finish after it with what was Tapped."""

    def __init__(self, bootstrap: str, source: str, terms: Terms) -> None:
        self._source = source
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": f"{terms.prefix}taps-never-join",
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                "fetch.wait.max.ms": 100,
                "log_level": 3,
                **terms.client,
            }
        )
        self._positions: dict[Place, int] = {}

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def serve(self, request: Watch | Finish, waiting: Waiting) -> Tapped | None:
        """Block until the next request, or until all is read. Raises KafkaException, TimeoutError."""
        if isinstance(request, Watch):
            self._first, self._count, self._strays = request.first, request.count, 0
            self._ends = {True: _Notes(request.count), False: _Notes(request.count)}
            self._assign(request.live)
            began_s = time.process_time()
            while not waiting():
                self._read(POLL_S, live=True)
            self._cpu_s = time.process_time() - began_s
            return None
        self._read_to(request.ends, live=True)
        self._assign(request.others)
        self._read_to(request.ends, live=False)
        self._assign({})
        ends = {is_source: notes.end() for is_source, notes in self._ends.items()}
        return Tapped(source=ends[True], destination=ends[False], strays=self._strays, cpu_s=self._cpu_s)

    def _assign(self, places: Mapping[Place, int]) -> None:
        self._positions = dict(places)
        self._consumer.assign([TopicPartition(*place, offset) for place, offset in places.items()])

    def _read_to(self, ends: Mapping[Place, int], *, live: bool) -> None:
        deadline = time.monotonic() + READ_S
        while behind := [place for place, position in self._positions.items() if position < ends[place]]:
            self._read(POLL_S, live=live)
            if time.monotonic() > deadline:
                raise TimeoutError(f"not read to its end in {READ_S:g} s: {behind[:5]}")

    def _read(self, timeout_s: float, *, live: bool) -> None:
        first = self._consumer.poll(timeout_s)
        if first is None:
            return
        messages = [first, *self._consumer.consume(LIMIT, 0)]
        at_ns = time.monotonic_ns() if live else 0
        for message in messages:
            self._note(message, at_ns)

    def _note(self, message: Message, at_ns: int) -> None:
        error = message.error()
        if error is not None:
            if error.code() in MOVES:
                return  # a broker that had no time: the client tries again, and what comes late is late
            raise KafkaException(error)
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        assert topic is not None
        assert partition is not None
        assert offset is not None
        self._positions[topic, partition] = offset + 1
        number = number_of(message.value())
        if number is None or not self._first <= number < self._first + self._count:
            self._strays += 1
            return
        place = number - self._first
        notes = self._ends[topic == self._source]
        if notes.stamp_ms[place]:
            notes.again += 1
            return
        notes.stamp_ms[place] = message.timestamp()[1]
        notes.at_ns[place] = at_ns
