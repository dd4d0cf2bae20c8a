"""Dead letters: what could not be routed or delivered, with the original record and where and why it failed."""

import time
from collections import deque
from collections.abc import Iterable, Sequence
from hashlib import sha256

from fanout import link
from fanout.errors import FailureKind, Reason, WorkerFailureError
from fanout.settings import Settings
from fanout.worker.destination import Destination
from fanout.worker.offsets import Window
from fanout.worker.records import UNREADABLE, HeaderList, Headers, Record, headers_of, original_of, timestamp_to_send
from fanout.worker.routes import Refusal
from fanout.worker.sink import Sink

_DETAIL_CHARACTERS = 500


class Letter:
    """A record of the dead-letter topic. It can be made smaller where the topic does not take it as it is."""

    __slots__ = ("_headers", "_record", "_timestamp", "_value")

    def __init__(self, record: Record, topic: str, reason: Reason, detail: str) -> None:
        self._record = original_of(record)
        self._value = self._record.value()
        self._timestamp = self._record.timestamp()
        self._headers: HeaderList = [
            *_readable_headers(self._record),
            ("fanout.reason", reason.value.encode()),
            ("fanout.detail", detail[:_DETAIL_CHARACTERS].encode(errors="replace")),
            ("fanout.topic", topic.encode()),
            ("fanout.partition", str(record.partition()).encode()),
            ("fanout.offset", str(record.offset()).encode()),
            ("fanout.time", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()).encode()),
        ]

    def value(self) -> bytes | None:
        """The original value, or None where it did not fit."""
        return self._value

    def key(self) -> bytes | None:
        """The original key."""
        return self._record.key()

    def headers(self) -> Headers:
        """The original headers, then those named `fanout.*`."""
        return self._headers

    def timestamp(self) -> tuple[int, int]:
        """The original timestamp: (type, milliseconds), or none where the topic refused it."""
        return self._timestamp

    def offset(self) -> int:
        """The record's offset in the source."""
        return self._record.offset()

    def partition(self) -> int:
        """The record's partition in the source."""
        return self._record.partition()

    def shrink(self) -> bool:
        """Leave the value out, its size and SHA-256 in; False if it is out already."""
        if self._value is None:
            return False
        self._headers += [
            ("fanout.size", str(len(self._value)).encode()),
            ("fanout.sha256", sha256(self._value).hexdigest().encode()),
        ]
        self._value = None
        return True

    def undate(self) -> bool:
        """Take the timestamp out, into a header; False if it is out already."""
        if self._timestamp[0] == 0:
            return False
        self._headers.append(("fanout.timestamp", str(timestamp_to_send(self)).encode()))
        self._timestamp = (0, 0)
        return True


def _readable_headers(record: Record) -> HeaderList:
    try:
        return headers_of(record) or []
    except UNREADABLE:
        return []


class Gap:
    """Stands for records that expired before they were read: they are gone, and this marks where they were."""

    __slots__ = ("_first", "_partition")

    def __init__(self, partition: int, first: int) -> None:
        self._partition = partition
        self._first = first

    def value(self) -> bytes | None:
        """None: nothing is left."""
        return None

    def key(self) -> bytes | None:
        """None: nothing is left."""
        return None

    def headers(self) -> Headers:
        """None: nothing is left."""
        return None

    def timestamp(self) -> tuple[int, int]:
        """No timestamp."""
        return (0, 0)

    def offset(self) -> int:
        """The first offset that was lost."""
        return self._first

    def partition(self) -> int:
        """The partition of the source."""
        return self._partition


class DeadLetters:
    """The way to the dead-letter topic: a destination like the others, opened when it is first needed."""

    def __init__(self, settings: Settings, sink: Sink) -> None:
        self._settings = settings
        self._sink = sink
        self._destination: Destination | None = None
        self._unwritten: list[link.Letter] = []

    def send(self, records: Iterable[Record], refusal: Refusal, window: Window) -> None:
        """Send records to the dead-letter topic; their window is not done before the letters are acknowledged."""
        if self._destination is None:
            self._destination = self._sink.open(self._settings.dead_letter_topic, is_dead_letters=True)
            if not self._destination.introduced:
                self._sink.hold(self._destination)
        for record in records:
            # One by one: of two letters that are alike, only what they were sent with tells which one failed.
            letter = Letter(record, self._settings.topic, refusal.reason, refusal.detail)
            self._sink.send(self._destination, [letter], window)
            self._unwritten.append(link.Letter(refusal.reason.value, record.partition(), record.offset()))

    def take_written(self) -> list[link.Letter]:
        """The dead letters that are known to be written since the last call: where they came from, and why."""
        destination = self._destination
        if not self._unwritten or destination is None or destination.held or destination.in_flight():
            return []
        written, self._unwritten = self._unwritten, []
        return written


class Limiter:
    """Stops the worker when too much cannot be decoded: a wrong setting must not pour a cluster into dead letters.

    Only records that are no JSON or have no namespace count: one tenant's odd namespace must not stop everybody.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._run = 0
        self._window: deque[tuple[int, int]] = deque()  # (records, undecodable) of the last rounds
        self._records = 0
        self._undecodable = 0

    def note(self, records: int, undecodable: Sequence[int]) -> None:
        """One round: its size, and which of its records (by index, ascending) could not be decoded.

        Called before their dead letters are sent. Raises WorkerFailureError at a limit.
        """
        self._note_run(records, undecodable)
        self._window.append((records, len(undecodable)))
        self._records += records
        self._undecodable += len(undecodable)
        while self._records - self._window[0][0] >= self._settings.dlq_window:
            oldest = self._window.popleft()
            self._records -= oldest[0]
            self._undecodable -= oldest[1]
        ratio = self._settings.dlq_max_ratio
        if ratio < 1 and self._records >= self._settings.dlq_window and self._undecodable > ratio * self._records:
            self._fail(f"{self._undecodable} of the last {self._records} records (DLQ_MAX_RATIO={ratio})")

    def _note_run(self, records: int, undecodable: Sequence[int]) -> None:
        expected = 0
        for index in undecodable:
            self._run = self._run + 1 if index == expected else 1
            expected = index + 1
            if self._run > self._settings.dlq_max_run:
                self._fail(f"{self._run} records in a row (DLQ_MAX_RUN={self._settings.dlq_max_run})")
        if expected < records:
            self._run = 0

    def _fail(self, what: str) -> None:
        raise WorkerFailureError(
            FailureKind.DEAD_LETTER_LIMIT,
            f"no namespace could be read from {what} of {self._settings.topic}: look at a record of it; "
            "if its envelope is another one, set NAMESPACE_PATH; if it really is rubbish, raise the limit",
        )
