"""Destinations that do not move: the client is silent about a deleted topic for up to 46 s, so the broker is asked."""

from concurrent.futures import Future
from typing import Any

from fanout import log
from fanout.client import kafka_error
from fanout.settings import Settings
from fanout.worker.destination import Destination
from fanout.worker.faults import Fault, fault_of
from fanout.worker.sink import Sink
from fanout.worker.topics import Topics

_log = log.get("silence")


class Silence:
    """Looks up what has been in flight for too long, and has it created again where it is gone."""

    def __init__(self, sink: Sink, topics: Topics, settings: Settings) -> None:
        self._sink = sink
        self._topics = topics
        self._silence_s = settings.silence_ms / 1000
        self._asked: dict[str, Future[Any]] = {}
        self._ask_at = 0.0

    def look(self, now: float) -> None:
        """Take the answers, and ask for what has become silent. Does not block."""
        for name, future in list(self._asked.items()):
            if future.done():
                del self._asked[name]
                error = future.exception()
                if error is not None and fault_of(kafka_error(error)) is Fault.MISSING:
                    self._create_again(name)
        if now >= self._ask_at:
            self._ask_at = now + self._silence_s / 2
            silent = {destination.name for destination in self._in_flight(now)} - self._asked.keys()
            if silent:
                self._asked |= self._topics.look_up(silent)

    def _in_flight(self, now: float) -> list[Destination]:
        shards = [shard for shard in self._sink.unsettled() if shard.age_s(now) > self._silence_s]
        return [d for shard in shards for d in shard.destinations.values() if d.in_flight()]

    def _create_again(self, name: str) -> None:
        for shard in self._sink.unsettled():
            destination = shard.destinations.get(name)
            if destination is not None and destination.in_flight():
                _log.warning("destination is gone, creating it again", topic=name)
                self._topics.gone(destination)
                self._sink.hold(destination)
