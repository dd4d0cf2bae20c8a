"""Where a record can go besides a destination."""

from typing import NamedTuple

from fanout.counters import Counter
from fanout.errors import Reason


class Refusal(NamedTuple):
    """A route to the dead-letter topic."""

    reason: Reason
    detail: str


class Skip(NamedTuple):
    """A route to nowhere, by a setting of the user; counted."""

    counter: Counter
