"""What a search found, as plain data. Times are milliseconds since the epoch."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from fanout.cluster.position import Position
from fanout.deadletters.letters import Gap, Letter
from fanout.trace.routing import Outcome


class Sighting(NamedTuple):
    """One event where it was seen, for who wants to see it."""

    topic: str
    partition: int
    offset: int
    at: int | None
    reason: str
    object: str


class Match(NamedTuple):
    """A record of the source that was looked for."""

    partition: int
    offset: int
    at: int | None
    digest: bytes
    outcome: Outcome


class Look(NamedTuple):
    """How much of a topic was looked at, of what it holds of the time in question."""

    exists: bool
    refused: str = ""  # why it could not be read
    records: int = 0  # of that time
    read: int = 0
    reaches_back: bool = True  # whether it still holds what came first in that time
    oldest: int | None = None  # of what was read

    @property
    def complete(self) -> bool:
        """Whether all of it was read."""
        return not self.refused and self.read >= self.records


class Evidence(NamedTuple):
    """Everything that the verdict rests on."""

    now: int
    since: int
    route: Outcome  # of the namespace as such
    positions: Sequence[Position]
    members: int
    source: Look
    matches: Sequence[Match]
    nameless: int  # records of the source whose namespace cannot be read
    destination: str  # its topic; empty if the namespace has none
    delivered_look: Look
    delivered: Counter[bytes]  # digests of the events in it
    delivered_at: int | None  # of the last of them
    destination_kept: int | None  # milliseconds; None: for ever, or not known
    letters_topic: str
    letters_look: Look
    letters: Sequence[Letter]  # of the events that were looked for, and not replayed
    gaps: Sequence[Gap]
    unknown_letters: int  # of which it cannot be told whose they are
    sightings: Sequence[Sighting] = ()
    replayed: Sequence[Letter] = ()  # of the same events
