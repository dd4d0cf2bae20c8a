"""What is to happen to the next requests of a kind, and what has happened."""

from collections import Counter
from typing import NamedTuple

import msgspec


class Counts(msgspec.Struct, frozen=True):
    """What a proxy has seen and done since it was made. `requests` is by number of the kind, held ones left out."""

    requests: Counter[int]
    cuts: int  # connections closed by `cut` and `refuse`
    cut_requests: int
    dropped_answers: int


class RequestCut(NamedTuple):
    """Forward `after_bytes` of a request, its length field included, then close with RST (`reset`) or FIN."""

    after_bytes: int
    reset: bool


class Faults:
    """What is armed, by kind of request, and what was done; used in the proxy's loop only."""

    def __init__(self) -> None:
        self.request_cuts: dict[int, RequestCut] = {}
        self.answer_drops: dict[int, int] = {}
        self.requests: Counter[int] = Counter()
        self.cuts = 0
        self.cut_requests = 0
        self.dropped_answers = 0

    def clear(self) -> None:
        """Disarm; what was counted stays."""
        self.request_cuts.clear()
        self.answer_drops.clear()

    def take_drop(self, kind: int) -> None:
        """One of the armed drops of this kind is used up."""
        self.answer_drops[kind] -= 1
        if not self.answer_drops[kind]:
            del self.answer_drops[kind]

    def counts(self) -> Counts:
        """A copy of what was counted."""
        return Counts(Counter(self.requests), self.cuts, self.cut_requests, self.dropped_answers)
