"""What a record of the dead-letter topic says: a dead letter, or the mark that one was replayed.

A mark is written by `replay`, in one transaction with the record that it delivers, to the partition of its letter. So
it comes behind its letter there, and expires after it. It has no value, and these headers: `fanout.replayed`, the
letter's partition and offset; `fanout.destination`, where its record went; `fanout.time`.
"""

import re
import time
from typing import NamedTuple

from fanout.cluster.reading import Read, time_of
from fanout.errors import Reason
from fanout.worker.records import UNREADABLE, HeaderList, headers_of

_GAP = re.compile(r"(\d+) records, offsets (\d+) to (\d+)")
_REASON = "fanout.reason"  # the first of the headers that a letter adds
_REPLAYED = "fanout.replayed"

Spot = tuple[int, int]  # partition and offset in the dead-letter topic


class Letter(NamedTuple):
    """Coordinates are those of the record in the source; `at` is milliseconds since the epoch."""

    reason: str
    detail: str
    topic: str
    partition: int
    offset: int
    at: int | None
    value: bytes | None
    key: bytes | None = None
    headers: HeaderList = []  # noqa: RUF012  # of the record, without those that the letter added; never changed
    written: str = ""  # when it became a dead letter: 2026-01-31T12:00:00Z
    spot: Spot = (-1, -1)
    size: int | None = None  # bytes of a value that the dead-letter topic did not take
    sha256: str = ""  # of that value

    @property
    def cannot_be_replayed(self) -> str:
        """Why nothing can be made of it again; empty if it can."""
        if self.reason == Reason.EXPIRED:
            return "it marks a range that expired unread"
        if self.sha256:
            return "its value was too large for the dead-letter topic"
        return ""


class Mark(NamedTuple):
    """A letter was replayed: which, where its record went, and when."""

    spot: Spot
    destination: str
    written: str


class Gap(NamedTuple):
    """A range of the source that expired before it was read: `first` to `last`, both included."""

    partition: int
    first: int
    last: int

    @property
    def records(self) -> int:
        """Records that are gone."""
        return self.last - self.first + 1


def read(record: Read) -> Letter | Mark | None:
    """What the record is, or None where it is none of this program. Asks it once for its headers."""
    try:
        found = headers_of(record) or []
        headers = {name: _text(value) for name, value in found}
        if _REPLAYED in headers and _REASON not in headers:
            return Mark(spot_of(headers[_REPLAYED]), headers.get("fanout.destination", ""), headers["fanout.time"])
        return _letter(record, found, headers)
    except (KeyError, ValueError, *UNREADABLE):
        return None


def _letter(record: Read, found: HeaderList, headers: dict[str, str]) -> Letter:
    # The record itself may have had headers of these names, as a delivered one has with PROVENANCE_HEADERS.
    added = max(index for index, (name, _) in enumerate(found) if name == _REASON)
    ours = {name for name, _ in found[added:]}
    return Letter(
        headers[_REASON], headers.get("fanout.detail", ""), headers["fanout.topic"],
        int(headers["fanout.partition"]), int(headers["fanout.offset"]),
        int(headers["fanout.timestamp"]) if "fanout.timestamp" in ours else time_of(record),
        record.value(), record.key(), found[:added], headers["fanout.time"],
        (record.partition(), record.offset()),
        int(headers["fanout.size"]) if "fanout.size" in ours else None,
        headers["fanout.sha256"] if "fanout.sha256" in ours else "",
    )  # fmt: skip


def mark_of(letter: Letter, destination: str) -> HeaderList:
    """The headers of the mark that the letter was replayed."""
    partition, offset = letter.spot
    return [
        (_REPLAYED, f"{partition}:{offset}".encode()),
        ("fanout.destination", destination.encode()),
        ("fanout.time", time_text(time.time_ns() // 1_000_000).encode()),
    ]


def spot_of(text: str) -> Spot:
    """`3:1200` is offset 1200 of partition 3. Raises ValueError."""
    partition, colon, offset = text.partition(":")
    if not (colon and partition.isdecimal() and offset.isdecimal()):
        raise ValueError("give PARTITION:OFFSET, as the list shows them")
    return int(partition), int(offset)


def gap_of(letter: Letter) -> Gap:
    """The range that a letter with the reason `expired` marks."""
    match = _GAP.match(letter.detail)
    return Gap(letter.partition, letter.offset, int(match[3]) if match is not None else letter.offset)


def time_text(milliseconds: int) -> str:
    """A time as dead letters have it: 2026-01-31T12:00:00Z; later ones are greater."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(milliseconds / 1000))


def _text(value: str | bytes | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""
