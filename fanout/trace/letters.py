"""What a dead letter says of the record that it stands for."""

import re
from typing import NamedTuple

from fanout.cluster.reading import Read, time_of
from fanout.worker.records import UNREADABLE, headers_of

_GAP = re.compile(r"(\d+) records, offsets (\d+) to (\d+)")


class Letter(NamedTuple):
    """Coordinates are those of the record in the source; `at` is milliseconds since the epoch."""

    reason: str
    detail: str
    topic: str
    partition: int
    offset: int
    at: int | None
    value: bytes | None


class Gap(NamedTuple):
    """A range of the source that expired before it was read: `first` to `last`, both included."""

    partition: int
    first: int
    last: int

    @property
    def records(self) -> int:
        """Records that are gone."""
        return self.last - self.first + 1


def read(record: Read) -> Letter | None:
    """The letter, or None where the record is none of this program."""
    try:
        headers = {name: _text(value) for name, value in headers_of(record) or []}
        partition, offset = int(headers["fanout.partition"]), int(headers["fanout.offset"])
        return Letter(
            headers["fanout.reason"], headers.get("fanout.detail", ""), headers["fanout.topic"],
            partition, offset, time_of(record), record.value(),
        )  # fmt: skip
    except (KeyError, ValueError, *UNREADABLE):
        return None


def gap_of(letter: Letter) -> Gap:
    """The range that a letter with the reason `expired` marks."""
    match = _GAP.match(letter.detail)
    return Gap(letter.partition, letter.offset, int(match[3]) if match is not None else letter.offset)


def _text(value: str | bytes | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""
