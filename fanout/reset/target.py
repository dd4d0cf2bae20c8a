"""What is to be reached in each partition: the earliest record, the end, or the first record of a time or later."""

import time
from datetime import UTC, datetime
from typing import NamedTuple

from fanout.words import printable, seconds_of

EARLIEST = "earliest"
LATEST = "latest"


class Target(NamedTuple):
    """`at` is milliseconds since the epoch where `kind` is neither EARLIEST nor LATEST."""

    kind: str
    at: int = 0


def target_of(text: str) -> Target:
    """`earliest`, `latest`, a time (2026-01-31T12:00:00Z; UTC without a zone), or how long ago (2h).

    Raises ValueError.
    """
    if text in (EARLIEST, LATEST):
        return Target(text)
    try:
        return Target(text, time.time_ns() // 1_000_000 - int(seconds_of(text) * 1000))
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{printable(text)!r} is no place to go to: give earliest, latest, a time as in 2026-01-31T12:00:00Z, "
            "or how long ago as in 2h"
        ) from None
    return Target(text, int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000))
