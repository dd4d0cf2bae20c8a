"""Send: records to the producers of their destinations, and the news of what became of them.

Two things are decided here, both measured. Destinations are sharded over producers, because librdkafka walks a
list of all topics of a producer at every `produce`. And a success calls nothing back: the client would build an
object with a copy of the value for each. Instead a producer's epoch settles when nothing of it is outstanding:
then everything sent in it is delivered, but for what called back as failed. So that this moment comes, also under
a load that never pauses, the loop stops feeding an epoch that has become old or large until it settles.
"""

from collections import deque
from collections.abc import Callable, Sequence

from confluent_kafka import Producer

from fanout import client
from fanout.settings import Settings
from fanout.worker.destination import Batch, Destination
from fanout.worker.offsets import Window
from fanout.worker.records import Record
from fanout.worker.shard import Failure, Shard

EPOCH_S = 0.25  # an epoch this old is not fed until it settles,
EPOCH_HOLD_S = 0.03  # but not for longer than this: a destination that hangs must not stop the others
LINGER_SHORT_MS = 5.0  # it ends by itself well within that time
FLUSH_S = 0.001


class Sink:
    """All producers of this worker, and which destinations are held."""

    def __init__(self, settings: Settings, make_producer: Callable[[], Producer]) -> None:
        self._settings = settings
        self._make_producer = make_producer
        self._lingers = client.linger_ms(settings) > LINGER_SHORT_MS
        self._made = 0
        self._shards: list[Shard] = []
        self._dead_letter_shard: Shard | None = None
        self._hold_until = 0.0
        self.held: dict[Destination, None] = {}
        self.failures: list[Failure] = []
        self.delivered = 0
        self.dead_letters = 0

    def open(self, name: str, *, is_dead_letters: bool = False) -> Destination:
        """A new destination on a producer that has room. The caller holds it if its topic is not there yet."""
        shard = self._shard_for_dead_letters() if is_dead_letters else self._shard_with_room()
        destination = Destination(name, shard, is_dead_letters=is_dead_letters)
        shard.destinations[name] = destination
        return destination

    def warm(self) -> None:
        """Make the first producer now, so that the first record need not wait for it."""
        self._shard_with_room()

    def producers(self) -> list[Producer]:
        """The clients of all producers that there are now. May be called from another thread."""
        return [shard.producer for shard in (*self._shards, self._dead_letter_shard) if shard is not None]

    @property
    def producer_count(self) -> int:
        """How many producers there are now."""
        return len(self._shards) + (self._dead_letter_shard is not None)

    def _shard_with_room(self) -> Shard:
        settings = self._settings
        if self._shards and len(self._shards[-1].destinations) < settings.producer_topics:
            return self._shards[-1]
        if len(self._shards) < settings.producers_max:
            self._shards.append(self._make_shard())
            return self._shards[-1]
        return min(self._shards, key=lambda shard: len(shard.destinations))

    def _make_shard(self) -> Shard:
        self._made += 1
        return Shard(self._made, self._make_producer(), self._failed)

    def _shard_for_dead_letters(self) -> Shard:
        if self._dead_letter_shard is None:
            self._dead_letter_shard = self._make_shard()
        return self._dead_letter_shard

    def send(self, destination: Destination, records: Sequence[Record], window: Window) -> None:
        """Hand over records of one destination; what cannot be sent at once waits, and holds the destination."""
        if not destination.held:
            records = destination.shard.send(destination, records, window, vetted=False)
        if records:
            self.hold(destination)
            window.take()
            destination.waiting.append(Batch(deque(records), window, None))

    def send_vetted(self, destination: Destination, records: Sequence[Record], window: Window) -> Sequence[Record]:
        """Hand over records of a held destination that were found fit; returns those that could not be sent."""
        return destination.shard.send(destination, records, window, vetted=True)

    def _failed(self, failure: Failure) -> None:
        failure.window.take()
        self.hold(failure.destination)
        self.failures.append(failure)

    def hold(self, destination: Destination) -> None:
        """Let what comes for this destination wait, so that nothing overtakes what has to be sent again."""
        destination.held = True
        self.held[destination] = None

    def release(self, destination: Destination) -> None:
        """Nothing waits any more."""
        destination.held = False
        self.held.pop(destination, None)

    def poll(self) -> None:
        """Take the news of all producers. Does not block; raises what a delivery callback raised."""
        for shard in self._shards:
            self.delivered += shard.poll() or 0
        if self._dead_letter_shard is not None:
            self.dead_letters += self._dead_letter_shard.poll() or 0

    def unsettled(self) -> list[Shard]:
        """Producers with records that are not known to be delivered."""
        shards = [*self._shards, self._dead_letter_shard] if self._dead_letter_shard else self._shards
        return [shard for shard in shards if shard.unsettled()]

    def feeding(self, now: float) -> bool:
        """Whether more may be sent now, or an old epoch has to settle first.

        Blocks for FLUSH_S for each producer then, where they linger: or what was sent last would keep it from settling.
        """
        oldest = max((shard.age_s(now) for shard in self._shards), default=0.0)
        if oldest < EPOCH_S:
            self._hold_until = 0.0
            return True
        if not self._hold_until:
            self._hold_until = now + EPOCH_HOLD_S
        if now < self._hold_until:
            if self._lingers:
                for shard in self._shards:
                    shard.hurry(FLUSH_S)
            return False
        if now > self._hold_until + EPOCH_S:
            self._hold_until = 0.0
        return True

    def close_idle(self, now: float) -> list[str]:
        """Close producers that are kept for destinations which had no record for `producer_idle_ms`; all that they had.

        The client never forgets a topic that it has known, and namespaces come and go. A producer is closed when all
        its destinations are silent, or when it has no room for another and most are: otherwise one namespace that
        stays among a hundred that went would keep it for ever. What is closed is opened anew by its next record;
        nothing of it is in flight, so its order is kept.
        """
        silent_since = now - self._settings.producer_idle_ms / 1000
        closed: list[str] = []
        for shard in list(self._shards):
            destinations = shard.destinations.values()
            silent = sum(destination.used_at < silent_since for destination in destinations)
            crowded = len(destinations) >= self._settings.producer_topics and 2 * silent > len(destinations)
            held = any(destination.held for destination in destinations)
            if silent and (crowded or silent == len(destinations)) and not held and not shard.unsettled():
                self._shards.remove(shard)
                closed += shard.destinations
                shard.destinations.clear()  # they name their producer: neither would go before the collector comes
        return closed
