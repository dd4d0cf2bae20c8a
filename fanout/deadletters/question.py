"""Which dead letters are meant."""

import time
from typing import NamedTuple

from fanout.deadletters.letters import Letter, time_text


class Question(NamedTuple):
    """No reasons are all reasons; `since` is a time as dead letters have it, empty for all that are there."""

    reasons: tuple[str, ...] = ()
    since: str = ""

    def means(self, letter: Letter) -> bool:
        """Whether the letter is one of them."""
        return letter.written >= self.since and (not self.reasons or letter.reason in self.reasons)


def question(reasons: tuple[str, ...], since_s: float | None) -> Question:
    """Those with one of the reasons, written in the last so many seconds."""
    since = "" if since_s is None else time_text(time.time_ns() // 1_000_000 - int(since_s * 1000))
    return Question(reasons, since)
