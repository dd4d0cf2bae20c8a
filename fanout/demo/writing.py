"""Writing the source topic: records due by a schedule of waves, and what the broker has taken of them."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from confluent_kafka import KafkaError, Message, Producer

from fanout.demo.events import Event
from fanout.demo.poison import Poison
from fanout.demo.reading import CRITICAL
from fanout.errors import FanoutError

FLUSH_S = 10.0


class WriteError(FanoutError):
    """The mock cluster did not take a record."""


def mixed(events: Sequence[Event], poison: Sequence[Poison]) -> list[Event | Poison]:
    """The events in their order with the poison spread evenly over all but the last part of them."""
    records: list[Event | Poison] = list(events)
    step = len(events) / (len(poison) + 2)
    for number in range(len(poison), 0, -1):
        records.insert(round(number * step), poison[number - 1])
    return records


class Waves:
    """How many records are due at a time: waves that each begin and end at rest and are busiest in their middle."""

    def __init__(self, records: int, waves: int, wave_s: float) -> None:
        self.records = records
        self.waves = waves
        self.wave_s = wave_s

    def due(self, elapsed_s: float) -> int:
        """How many records should have been written `elapsed_s` after the beginning."""
        done, within = divmod(elapsed_s / self.wave_s, 1)
        if done >= self.waves:
            return self.records
        share = within - math.sin(2 * math.pi * within) / (2 * math.pi)
        return int(self.records * (done + share) / self.waves)


class Writer:
    """Writes the records in their order; each event of an object goes to the same partition."""

    def __init__(self, bootstrap: str, topic: str, records: Sequence[Event | Poison]) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "linger.ms": 5,
                "partitioner": "murmur2_random",
                "allow.auto.create.topics": False,
                "log_level": CRITICAL,
            }
        )
        self._topic = topic
        self._records = records
        self.sent = 0  # records handed to the client
        self.sent_bytes = 0  # of events among them
        self.written: Counter[str] = Counter()  # acknowledged events by namespace
        self.partition_of: dict[bytes, int] = {}  # value of an acknowledged event -> its partition in the source
        self._failure = ""

    def write_to(self, number: int) -> None:
        """Hand over the records up to that number, and take in what was acknowledged. Does not block."""
        for record in self._records[self.sent : number]:
            self._producer.produce(
                self._topic,
                record.value,
                record.key,
                on_delivery=self._on_delivery(record),
                timestamp=record.timestamp_ms,
                headers=list(record.headers) if isinstance(record, Event) else None,
            )
            self.sent += 1
            self.sent_bytes += len(record.value) if isinstance(record, Event) else 0
        self._serve(0)

    def close(self) -> None:
        """Give up what is not yet acknowledged. Blocks for an instant."""
        self._producer.purge()
        self._producer.close()

    def _serve(self, wait_s: float) -> None:
        self._producer.poll(wait_s)
        if self._failure:
            raise WriteError(self._failure)

    def flush(self) -> None:
        """Wait until all that was handed over is acknowledged, 10 s at most. Raises WriteError if it is not."""
        left = self._producer.flush(FLUSH_S)
        self._serve(0)
        if left:
            raise WriteError(f"the mock cluster left {left} records unacknowledged for {FLUSH_S:.0f} s")

    def _on_delivery(self, record: Event | Poison) -> Callable[[KafkaError | None, Message], None]:
        return partial(self._delivered, record)

    def _delivered(self, record: Event | Poison, error: KafkaError | None, message: Message) -> None:
        partition = message.partition()
        if error is not None or partition is None:
            self._failure = f"a record was not written: {error}"
        elif isinstance(record, Event):
            self.written[record.namespace] += 1
            self.partition_of[record.value] = partition
