"""The sending half of a worker, put together as `worker.main` does it, on producers and a cluster that are made up."""

from collections.abc import Callable, Sequence

from fanout.worker.deadletter import DeadLetters
from fanout.worker.destination import Destination
from fanout.worker.offsets import Tracker, Window
from fanout.worker.records import Record
from fanout.worker.redelivery import Redelivery
from fanout.worker.routes import Refusal
from fanout.worker.sink import Sink
from fanout.worker.topics import Topics
from tests.unit.fakes import FakeAdmin, FakeProducer, FakeRecord, Produced, settings

DLQ = "cluster-events-dlq"


class _Sink(Sink):
    """One whose dead-letter topic, if it is there, knows its producer already."""

    ready: Callable[[str], bool]

    def open(self, name: str, *, is_dead_letters: bool = False) -> Destination:
        destination = super().open(name, is_dead_letters=is_dead_letters)
        destination.introduced = is_dead_letters and self.ready(name)
        return destination


class Rig:
    """Sink, topics, dead letters and redelivery. Time is `now` and stands still unless a test moves it."""

    def __init__(self, *existing: str, **changes: object) -> None:
        self.settings = settings(**changes)
        self.admin = FakeAdmin([DLQ, *existing])
        self.created = 0
        self.topics = Topics(self.admin.as_admin(), self.settings, 1_048_588, self._created)
        self.topics.learn()
        self.producers: list[FakeProducer] = []
        self.careful = FakeProducer(only_errors=False)
        self.sink = _Sink(self.settings, lambda: self._shard_producer().as_producer())
        self.sink.ready = self.topics.ready
        self.dead_letters = DeadLetters(self.settings, self.sink)
        self.redelivery = Redelivery(
            self.sink, self.topics, self.settings, self.careful.as_producer, self.dead_letters, compressed=False
        )
        self.tracker = Tracker()
        self.destinations: dict[str, Destination] = {}
        self.now = 1_000.0
        self._offset = 0

    def _created(self) -> None:
        self.created += 1

    def _shard_producer(self) -> FakeProducer:
        self.producers.append(FakeProducer())
        return self.producers[-1]

    def destination(self, name: str) -> Destination:
        """The destination of this name, opened as a worker does."""
        if name not in self.destinations:
            self.destinations[name] = destination = self.sink.open(name)
            if not self.topics.ready(name):
                self.sink.hold(destination)
            else:
                destination.introduced = True
        return self.destinations[name]

    def records(self, *values: bytes | None, **fields: object) -> list[FakeRecord]:
        """The next records of the source."""
        self._offset += len(values)
        first = self._offset - len(values)
        return [FakeRecord(first + n, value, **fields) for n, value in enumerate(values)]  # type: ignore[arg-type]

    def send(self, name: str, *values: bytes | None, **fields: object) -> Window:
        """One round: these values to this destination."""
        return self.hand_on(name, self.records(*values, **fields))

    def hand_on(self, name: str, records: Sequence[Record]) -> Window:
        window = self.tracker.open(records[-1].offset() + 1, len(records), 0)
        self.sink.send(self.destination(name), records, window)
        window.give()
        return window

    def refuse(self, refusal: Refusal, *values: bytes | None) -> Window:
        """One round that goes to the dead letters."""
        records = self.records(*values)
        window = self.tracker.open(records[-1].offset() + 1, len(records), 0)
        self.dead_letters.send(records, refusal, window)
        window.give()
        return window

    def turn(self, after_s: float = 0.0) -> None:
        """One turn of the loop, some time later."""
        self.now += after_s
        self.sink.poll()
        self.topics.serve()
        self.redelivery.serve(self.now)

    def turns(self, count: int = 5, after_s: float = 0.0) -> None:
        """Several turns."""
        for _ in range(count):
            self.turn(after_s)

    def settle(self, turns: int = 50) -> None:
        """Acknowledge everything, and whatever follows from it, until nothing is under way."""
        for _ in range(turns):
            for producer in (*self.producers, self.careful):
                producer.deliver()
            self.turn()
        assert not self.sink.held
        assert not self.sink.unsettled()

    @property
    def producer(self) -> FakeProducer:
        """The first shard's producer."""
        return self.producers[0]

    def letters(self) -> list[Produced]:
        """Everything that was produced to the dead-letter topic."""
        producers = (*self.producers, self.careful)
        return [produced for producer in producers for produced in producer.produced if produced.topic == DLQ]

    def alone(self) -> list[bytes | None]:
        """The values that were sent alone, in order."""
        return self.careful.values()
