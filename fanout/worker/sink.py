"""Send: records to the producers of their destinations, and the news of what became of them.

Two things are decided here, both measured. Destinations are sharded over producers, because librdkafka walks a
list of all topics of a producer at every `produce`. And a success calls nothing back: the client would build an
object with a copy of the value for each. Instead a producer's epoch settles when nothing of it is outstanding:
then everything sent in it is delivered, but for what called back as failed. So that this moment comes, also under
a load that never pauses, the loop stops feeding an epoch that has become old or large until it settles.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from fanout.errors import Reason
from fanout.settings import Settings
from fanout.worker.destination import Batch, Destination, Refusal, wall_ms
from fanout.worker.faults import kafka_error
from fanout.worker.offsets import Window
from fanout.worker.records import UNREADABLE, Record, UnreadableHeaders, timestamp_to_send

# What `produce` raises: the client's refusals, and headers that cannot be read.
PRODUCE_ERRORS = (KafkaException, BufferError, *UNREADABLE)

EPOCH_S = 0.25  # an epoch this old is not fed until it settles,
EPOCH_HOLD_S = 0.03  # but not for longer than this: a destination that hangs must not stop the others


class Failure(NamedTuple):
    """One record that a producer did not deliver. It holds a ticket of its window."""

    destination: Destination
    record: Record
    window: Window
    cause: KafkaError | Refusal


class _Group:
    """The records of one destination in one `send`: finds the record that a failure is about."""

    __slots__ = ("_by_content", "_destination", "_failed", "_records", "_window")

    def __init__(
        self, destination: Destination, records: Sequence[Record], window: Window, failed: Callable[[Failure], None]
    ) -> None:
        self._destination = destination
        self._records = records
        self._window = window
        self._failed = failed
        self._by_content: dict[tuple[bytes, bytes], list[Record]] | None = None

    def called_back(self, error: KafkaError | None, message: Message) -> None:
        """The client's delivery callback; with `delivery.report.only.error` it tells of failures only.

        The client hands no reference back, and no timestamp or headers with a failure, so value and key have to
        tell which record it is. All that are alike are sent again: twice is better than the wrong one.
        """
        if error is None:
            return
        if self._by_content is None:
            self._by_content = {}
            for record in self._records:
                self._by_content.setdefault((record.value() or b"", record.key() or b""), []).append(record)
        content = (message.value() or b"", message.key() or b"")
        alike, self._by_content[content] = self._by_content[content], []
        for record in alike:
            self._failed(Failure(self._destination, record, self._window, error))


class Shard:
    """One producer and the destinations that are its own."""

    __slots__ = ("_failed", "_lost", "_opened_at", "_producer", "_sent", "_windows", "destinations", "epoch", "used_at")

    def __init__(self, producer: Producer, failed: Callable[[Failure], None]) -> None:
        self._producer = producer
        self._failed = failed
        self._windows: list[Window] = []
        self._opened_at = 0.0
        self._sent = 0
        self._lost = 0
        self.destinations: dict[str, Destination] = {}
        self.epoch = 0
        self.used_at = time.monotonic()

    def unsettled(self) -> bool:
        """Whether this epoch has records that are not known to be delivered."""
        return bool(self._windows)

    def age_s(self, now: float) -> float:
        """Seconds since the first record of this epoch; 0 if it has none."""
        return now - self._opened_at if self._windows else 0.0

    def send(
        self, destination: Destination, records: Sequence[Record], window: Window, *, vetted: bool
    ) -> Sequence[Record]:
        """Hand records to the producer, in order. Does not block.

        Returns those that were not sent: from the first that its destination might refuse (unless vetted), or
        all after one that the client refused at once, which is reported as a failure.
        """
        if not self._windows:
            self._opened_at = self.used_at = time.monotonic()
        if not self._windows or self._windows[-1] is not window:
            self._windows.append(window)
            window.take()
        destination.epoch = self.epoch
        called_back = _Group(destination, records, window, self._fail).called_back
        produce = self._produce_vetted if vetted else self._produce
        sent = produce(destination, records, called_back, window)
        self._sent += sent
        return records[sent:]

    def _produce(
        self,
        destination: Destination,
        records: Iterable[Record],
        called_back: Callable[[KafkaError | None, Message], None],
        window: Window,
    ) -> int:
        """The hot loop; returns how many records were dealt with. Positional arguments: keywords cost 0.5 us."""
        produce = self._producer.produce
        topic, max_bytes, no_null_keys = destination.name, destination.max_bytes, not destination.null_keys
        now = wall_ms()
        earliest, latest = now - destination.past_ms, now + destination.future_ms
        sent = 0
        for record in records:
            value = record.value()
            key = record.key()
            kind, timestamp = record.timestamp()
            if (
                (value is not None and len(value) > max_bytes)
                or (key is None and no_null_keys)
                or not earliest <= timestamp <= latest
                or not kind
            ):
                return sent
            sent += 1
            try:
                produce(topic, value, key, -1, called_back, None, timestamp or 1, record.headers())
            except PRODUCE_ERRORS as error:
                self._refused_at_once(destination, record, window, error)
                return sent
        return sent

    def _produce_vetted(
        self,
        destination: Destination,
        records: Iterable[Record],
        called_back: Callable[[KafkaError | None, Message], None],
        window: Window,
    ) -> int:
        """The same for records that were looked at one by one."""
        produce = self._producer.produce
        sent = 0
        for record in records:
            sent += 1
            try:
                headers = record.headers()
                timestamp = timestamp_to_send(record)
                produce(destination.name, record.value(), record.key(), -1, called_back, None, timestamp, headers)
            except PRODUCE_ERRORS as error:
                self._refused_at_once(destination, record, window, error)
                return sent
        return sent

    def _refused_at_once(self, destination: Destination, record: Record, window: Window, error: Exception) -> None:
        self._fail(Failure(destination, *refused_at_once(record, error, window)))

    def _fail(self, failure: Failure) -> None:
        self._lost += 1
        self._failed(failure)

    def poll(self) -> int | None:
        """Take the client's news; the number of records delivered if the epoch is settled by it, else None."""
        self._producer.poll(0)
        if not self._windows or len(self._producer):
            return None
        delivered = self._sent - self._lost
        self._sent = self._lost = 0
        self.epoch += 1
        windows, self._windows = self._windows, []
        for window in windows:
            window.give()
        return delivered


def refused_at_once(record: Record, error: Exception, window: Window) -> tuple[Record, Window, KafkaError | Refusal]:
    """What an exception of `produce` says of the record: headers that cannot be read, or the client's own error."""
    if isinstance(error, UNREADABLE):
        return UnreadableHeaders(record), window, Refusal(Reason.BAD_HEADERS, "a header's name is not UTF-8")
    return record, window, kafka_error(error)


class Sink:
    """All producers of this worker, and which destinations are held."""

    def __init__(self, settings: Settings, make_producer: Callable[[], Producer]) -> None:
        self._settings = settings
        self._make_producer = make_producer
        self._shards: list[Shard] = []
        self._dead_letter_shard: Shard | None = None
        self._hold_until = 0.0
        self.held: dict[Destination, None] = {}
        self.failures: list[Failure] = []
        self.delivered = 0
        self.dead_letters = 0

    def open(self, name: str, *, is_dead_letters: bool = False) -> Destination:
        """A new destination on a producer that has room. The caller holds it if its topic is not there yet."""
        shard = self._shard_for_dead_letters() if is_dead_letters else self._shard_with_room()
        destination = Destination(name, shard, is_dead_letters=is_dead_letters)
        shard.destinations[name] = destination
        return destination

    def _shard_with_room(self) -> Shard:
        settings = self._settings
        if self._shards and len(self._shards[-1].destinations) < settings.producer_topics:
            return self._shards[-1]
        if len(self._shards) < settings.producers_max:
            self._shards.append(Shard(self._make_producer(), self._failed))
            return self._shards[-1]
        return min(self._shards, key=lambda shard: len(shard.destinations))

    def _shard_for_dead_letters(self) -> Shard:
        if self._dead_letter_shard is None:
            self._dead_letter_shard = Shard(self._make_producer(), self._failed)
        return self._dead_letter_shard

    def send(self, destination: Destination, records: Sequence[Record], window: Window) -> None:
        """Hand over records of one destination; what cannot be sent at once waits, and holds the destination."""
        if not destination.held:
            records = destination.shard.send(destination, records, window, vetted=False)
        if records:
            self.hold(destination)
            window.take()
            destination.waiting.append(Batch(deque(records), window, None))

    def send_vetted(self, destination: Destination, records: Sequence[Record], window: Window) -> Sequence[Record]:
        """Hand over records of a held destination that were found fit; returns those that could not be sent."""
        return destination.shard.send(destination, records, window, vetted=True)

    def _failed(self, failure: Failure) -> None:
        failure.window.take()
        self.hold(failure.destination)
        self.failures.append(failure)

    def hold(self, destination: Destination) -> None:
        """Let what comes for this destination wait, so that nothing overtakes what has to be sent again."""
        destination.held = True
        self.held[destination] = None

    def release(self, destination: Destination) -> None:
        """Nothing waits any more."""
        destination.held = False
        self.held.pop(destination, None)

    def poll(self) -> None:
        """Take the news of all producers. Does not block; raises what a delivery callback raised."""
        for shard in self._shards:
            self.delivered += shard.poll() or 0
        if self._dead_letter_shard is not None:
            self.dead_letters += self._dead_letter_shard.poll() or 0

    def unsettled(self) -> list[Shard]:
        """Producers with records that are not known to be delivered."""
        shards = [*self._shards, self._dead_letter_shard] if self._dead_letter_shard else self._shards
        return [shard for shard in shards if shard.unsettled()]

    def feeding(self, now: float) -> bool:
        """Whether more may be sent now, or an old epoch has to settle first."""
        oldest = max((shard.age_s(now) for shard in self._shards), default=0.0)
        if oldest < EPOCH_S:
            self._hold_until = 0.0
            return True
        if not self._hold_until:
            self._hold_until = now + EPOCH_HOLD_S
        if now < self._hold_until:
            return False
        if now > self._hold_until + EPOCH_S:
            self._hold_until = 0.0
        return True

    def close_idle(self, now: float) -> list[str]:
        """Close producers none of whose destinations had a record for `producer_idle_ms`; their destinations.

        The client never forgets a topic that it has known, and namespaces come and go.
        """
        idle_s = self._settings.producer_idle_ms / 1000
        closed: list[str] = []
        for shard in list(self._shards):
            held = any(destination.held for destination in shard.destinations.values())
            if not shard.unsettled() and not held and now - shard.used_at > idle_s:
                self._shards.remove(shard)
                closed += shard.destinations
        return closed
