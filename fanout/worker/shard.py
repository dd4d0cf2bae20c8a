"""One producer and the destinations that are its own: records in, failures back, and the settlement of epochs.

This file alone knows how records are produced in the common case, so that it can change alone.
"""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from fanout.client import kafka_error
from fanout.errors import Reason
from fanout.worker.destination import Destination
from fanout.worker.limits import wall_ms
from fanout.worker.offsets import Window
from fanout.worker.records import UNREADABLE, Record, UnreadableHeaders, headers_of, timestamp_to_send
from fanout.worker.routes import Refusal

# What `produce` raises: the client's refusals, and headers that cannot be read.
PRODUCE_ERRORS = (KafkaException, BufferError, *UNREADABLE)


class Failure(NamedTuple):
    """One record that a producer did not deliver. It holds a ticket of its window."""

    destination: Destination
    record: Record
    window: Window
    cause: KafkaError | Refusal


class _Group:
    """The records of one destination in one `send`: finds the record that a failure is about."""

    __slots__ = ("_by_content", "_destination", "_failed", "_window", "records")

    def __init__(self, destination: Destination, window: Window, failed: Callable[[Failure], None]) -> None:
        self.records: Sequence[Record] = ()  # those that the client has taken
        self._destination = destination
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
            for record in self.records:
                self._by_content.setdefault((record.value() or b"", record.key() or b""), []).append(record)
        content = (message.value() or b"", message.key() or b"")
        alike, self._by_content[content] = self._by_content[content], []
        for record in alike:
            self._failed(Failure(self._destination, record, self._window, error))


class Shard:
    """One producer and the destinations that are its own."""

    __slots__ = (
        "_failed",
        "_lost",
        "_opened_at",
        "_producer",
        "_sent",
        "_windows",
        "destinations",
        "epoch",
        "number",
    )

    def __init__(self, number: int, producer: Producer, failed: Callable[[Failure], None]) -> None:
        self.number = number
        self._producer = producer
        self._failed = failed
        self._windows: list[Window] = []
        self._opened_at = 0.0
        self._sent = 0
        self._lost = 0
        self.destinations: dict[str, Destination] = {}
        self.epoch = 0

    @property
    def producer(self) -> Producer:
        """Its client."""
        return self._producer

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
            self._opened_at = time.monotonic()
        if not self._windows or self._windows[-1] is not window:
            self._windows.append(window)
            window.take()
        destination.epoch, destination.used_at = self.epoch, self._opened_at
        group = _Group(destination, window, self._fail)
        produce = self._produce_vetted if vetted else self._produce
        lost = self._lost
        sent = produce(destination, records, group.called_back, window)
        # What was refused at once has failed already; what comes after it was not sent.
        group.records = records[: sent - (self._lost - lost)]
        self._sent += sent
        return records[sent:]

    def _produce(
        self,
        destination: Destination,
        records: Sequence[Record],
        called_back: Callable[[KafkaError | None, Message], None],
        window: Window,
    ) -> int:
        """The hot loop; returns how many records were dealt with. Positional arguments: keywords cost 0.5 us."""
        produce = self._producer.produce
        topic, max_bytes, no_null_keys = destination.name, destination.max_bytes, not destination.null_keys
        now = wall_ms()
        earliest, latest = now - destination.past_ms, now + destination.future_ms
        sent = 0
        try:
            for record, headers in zip(records, map(headers_of, records), strict=True):
                value = record.value()
                key = record.key()
                kind, timestamp = record.timestamp()
                if (
                    (value is not None and len(value) > max_bytes)
                    or (key is None and no_null_keys)
                    or not earliest <= timestamp <= latest
                    or not kind
                ):
                    break
                produce(topic, value, key, -1, called_back, None, timestamp or 1, headers)
                sent += 1
        except PRODUCE_ERRORS as error:
            self._refused_at_once(destination, records[sent], window, error)
            return sent + 1
        return sent

    def _produce_vetted(
        self,
        destination: Destination,
        records: Sequence[Record],
        called_back: Callable[[KafkaError | None, Message], None],
        window: Window,
    ) -> int:
        """The same for records that were looked at one by one."""
        produce = self._producer.produce
        sent = 0
        try:
            for record, headers in zip(records, map(headers_of, records), strict=True):
                timestamp = timestamp_to_send(record)
                produce(destination.name, record.value(), record.key(), -1, called_back, None, timestamp, headers)
                sent += 1
        except PRODUCE_ERRORS as error:
            self._refused_at_once(destination, records[sent], window, error)
            return sent + 1
        return sent

    def _refused_at_once(self, destination: Destination, record: Record, window: Window, error: Exception) -> None:
        self._fail(Failure(destination, *refused_at_once(record, error, window)))

    def _fail(self, failure: Failure) -> None:
        self._lost += 1
        self._failed(failure)

    def hurry(self, timeout_s: float) -> None:
        """Have the client send what it keeps for fuller batches. Blocks for that long at most."""
        if self._windows:
            self._producer.flush(timeout_s)

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
