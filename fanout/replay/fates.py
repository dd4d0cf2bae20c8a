"""What becomes of each dead letter, counted."""

from collections import Counter
from enum import StrEnum

import msgspec


class Fate(StrEnum):
    """What became of a letter, or would."""

    REPLAYED = "replayed"
    WOULD = "would be replayed"
    REFUSED = "refused again"
    SKIPPED = "skipped"
    ALREADY = "already replayed"
    IMPOSSIBLE = "cannot be replayed"
    OTHER_SOURCE = "of another source"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """So many letters that went the same way. `where_or_why` is the destination, the reason or the setting."""

    fate: Fate
    where_or_why: str
    letters: int
    example: str  # what is told of the first of them, where each has its own


class Fates:
    """Counts by fate, and by destination or reason."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[Fate, str]] = Counter()
        self._examples: dict[tuple[Fate, str], str] = {}

    def note(self, fate: Fate, where_or_why: str, example: str = "") -> None:
        """One letter."""
        self._counts[fate, where_or_why] += 1
        self._examples.setdefault((fate, where_or_why), example)

    def of(self, fate: Fate) -> int:
        """How many letters had this fate."""
        return sum(count for (each, _), count in self._counts.items() if each is fate)

    def outcomes(self) -> list[Outcome]:
        """All of them: by fate, the most frequent first in each."""
        order = list(Fate)
        entries = sorted(self._counts.items(), key=lambda entry: (order.index(entry[0][0]), -entry[1], entry[0][1]))
        return [Outcome(fate=key[0], where_or_why=key[1], letters=count, example=self._examples[key])
                for key, count in entries]  # fmt: skip
