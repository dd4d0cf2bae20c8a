"""Where backlogs are drained: a broker, sources that were filled once, destinations that are empty before each drain.

After each drain every destination is counted and one is compared record by record, so that nothing is ever fast by
leaving something out.
"""

import statistics
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from bench.broker import Cluster, terms
from bench.destinations import PARTS, Destinations
from bench.drain import DrainFailedError, Turn, drain
from bench.load import Shape, Written, fill
from bench.peers.peer import Peer

T = TypeVar("T")


class Backlog(msgspec.Struct, frozen=True, kw_only=True):
    """What a source is to hold: so many events, written with this compression (none, lz4, zstd)."""

    shape: Shape
    events: int
    partitions: int
    compression: str = "none"


class Source(msgspec.Struct, frozen=True):
    """A topic to drain, and what is in it."""

    topic: str
    written: Written

    @property
    def value_bytes(self) -> float | None:
        """The size of a value, on average over the events of the destination that is watched; None without any."""
        sizes = [len(event.value) for event in self.written.events]
        return statistics.mean(sizes) if sizes else None


def make_source(kafka: Cluster, name: str, backlog: Backlog) -> Source:
    """Create a topic of this name and fill it. Blocks, and raises, as `bench.load.fill` does."""
    there = terms(kafka)
    topic = f"{there.prefix}{name}"
    kafka.create_topic(topic, backlog.partitions)
    return Source(topic, fill(kafka.bootstrap, topic, backlog.events, backlog.shape, backlog.compression, terms=there))


def alternately(items: Sequence[T], turn: int) -> list[T]:
    """In which order they run in this turn, counted from 0: forward and back, for a machine's speed drifts."""
    return list(items) if turn % 2 == 0 else list(reversed(items))


class Stage(msgspec.Struct, frozen=True):
    """A broker with the destinations of all its sources."""

    kafka: Cluster
    destinations: Destinations

    def turn(self, peer: Peer, source: Source, bootstrap: str | None = None) -> Turn:
        """Have a program drain a source, and look at what arrived. Blocks until it has ended.

        `bootstrap` is what the program is told, by default the broker's own. Raises DrainFailedError if the program
        fails or does not deliver every event exactly once.
        """
        self.destinations.empty()
        turn = drain(peer, self.kafka, source.topic, bootstrap=bootstrap)
        self._check(peer, source.written)
        return turn

    def _check(self, peer: Peer, written: Written) -> None:
        found = self.destinations.counts()
        wrong = {name: count - written.counts[name] for name, count in found.items()}
        wrong = {name: difference for name, difference in wrong.items() if difference}
        if wrong:
            some = dict(sorted(wrong.items())[:5])
            raise DrainFailedError(f"{peer.name}: {len(wrong)} destinations with events too many or too few, as {some}")
        if not self.destinations.holds(written.watched, written.events, peer.loses):
            kept = ", ".join(part for part in PARTS if part not in peer.loses)
            raise DrainFailedError(f"{peer.name} changed one of {kept} on the way")
