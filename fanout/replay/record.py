"""The record that a dead letter stands for, as it was in the source."""

from fanout.deadletters.letters import Letter
from fanout.worker.records import Headers


class Replayed:
    """Key, value, headers, timestamp and coordinates are those of the record, not of the letter."""

    __slots__ = ("_letter",)

    def __init__(self, letter: Letter) -> None:
        self._letter = letter

    def value(self) -> bytes | None:
        """The original value."""
        return self._letter.value

    def key(self) -> bytes | None:
        """The original key."""
        return self._letter.key

    def headers(self) -> Headers:
        """The original headers; none of a letter that could not read them (`bad-headers`)."""
        return self._letter.headers or None

    def timestamp(self) -> tuple[int, int]:
        """The original timestamp: (type, milliseconds)."""
        return (0, 0) if self._letter.at is None else (1, self._letter.at)

    def offset(self) -> int:
        """The record's offset in the source."""
        return self._letter.offset

    def partition(self) -> int:
        """The record's partition in the source."""
        return self._letter.partition
