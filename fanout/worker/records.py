"""The record as every stage of the path sees it: the methods of `confluent_kafka.Message` that are used."""

from collections.abc import Callable, Sized
from operator import methodcaller
from typing import Protocol

HeaderList = list[tuple[str, str | bytes | None]]
Headers = HeaderList | None

# A batch of one record: 61 bytes of batch header, then the record's own varints and attributes.
_BATCH_BYTES = 61
_RECORD_MIN_BYTES = 7
_RECORD_MAX_BYTES = 41
_HEADER_MIN_BYTES = 2
_HEADER_MAX_BYTES = 10


class Record(Protocol):
    """One record of the source, or what is written in its place. Methods, because the client's Message has methods."""

    def value(self) -> bytes | None:
        """The value; None is a tombstone."""

    def key(self) -> bytes | None:
        """The key; None and the empty key are different."""

    def headers(self) -> Headers:
        """The headers in order; a name may occur more than once."""

    def timestamp(self) -> tuple[int, int]:
        """(type, milliseconds); type 0 is no timestamp."""

    def offset(self) -> int:
        """The offset in the source."""

    def partition(self) -> int:
        """The partition of the source."""


class SourceRecord(Record, Sized, Protocol):
    """A record as it was read; its length is that of its value."""


class _Derived:
    """A record that stands for another one: everything is the original's unless a subclass says otherwise."""

    __slots__ = ("original",)

    def __init__(self, original: Record) -> None:
        self.original = original

    def value(self) -> bytes | None:
        return self.original.value()

    def key(self) -> bytes | None:
        return self.original.key()

    def headers(self) -> Headers:
        return headers_of(self.original)

    def timestamp(self) -> tuple[int, int]:
        return self.original.timestamp()

    def offset(self) -> int:
        return self.original.offset()

    def partition(self) -> int:
        return self.original.partition()


class Rewritten(_Derived):
    """A record with another value or other headers, by a setting; its dead letter carries the original."""

    __slots__ = ("_headers", "_value")

    def __init__(self, original: Record, value: bytes | None, headers: Headers) -> None:
        super().__init__(original)
        self._value = value
        self._headers = headers

    def value(self) -> bytes | None:
        """The new value."""
        return self._value

    def headers(self) -> Headers:
        """The new headers."""
        return self._headers


class UnreadableHeaders(_Derived):
    """A record with a header whose name is not UTF-8. Asking the client for them a second time would crash it."""

    __slots__ = ()

    def headers(self) -> Headers:
        """Raises UnicodeError."""
        raise UnicodeError("the name of a header is not UTF-8")


# What asking for the headers raises in that case.
UNREADABLE = (SystemError, UnicodeError)

# The only way to ask a record for its headers. For a name that is not UTF-8 the client returns a broken list with an
# exception set; CPython's specialised method calls, once warm, take the list and crash later. This one looks.
headers_of: Callable[[Record], Headers] = methodcaller("headers")


def original_of(record: Record) -> Record:
    """The record as it was read."""
    return record.original if isinstance(record, Rewritten) else record


def timestamp_to_send(record: Record) -> int:
    """Milliseconds to hand to `produce`, which takes 0 for "now": a record of the epoch itself is sent as 1."""
    kind, millis = record.timestamp()
    return 0 if kind == 0 else millis or 1


def size_bounds(record: Record) -> tuple[int, int]:
    """Least and most bytes of an uncompressed batch that holds this record alone."""
    headers = headers_of(record) or []
    payload = len(record.value() or b"") + len(record.key() or b"")
    payload += sum(len(name.encode()) + len(value or b"") for name, value in headers)
    fixed = _BATCH_BYTES + payload
    return (
        fixed + _RECORD_MIN_BYTES + _HEADER_MIN_BYTES * len(headers),
        fixed + _RECORD_MAX_BYTES + _HEADER_MAX_BYTES * len(headers),
    )
