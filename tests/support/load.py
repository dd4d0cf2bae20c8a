"""A load on the source topic while a test does something to the program: a thread that writes at a steady rate."""

import threading
import time
from collections.abc import Iterable, Iterator
from functools import partial
from types import TracebackType
from typing import Self

from confluent_kafka import KafkaError, Message, Producer

from fanout.worker.stranded import LOOK_EVERY_S, Stranded
from tests.support.samples import event, partition_of
from tests.support.topics import Record, produce

TICK_S = 0.002


def write(bootstrap: str, topic: str, records: Iterable[Record]) -> None:
    """Write records in order, wait for every acknowledgement, and lose no half second to get a producer's id."""
    produce(bootstrap, topic, records, {"enable.idempotence": False, "acks": "all", "max.in.flight": 1})


class Load:
    """Writes events of these namespaces from `with` to `stop`, `rate` a second over all partitions.

    The writer survives a broker that is away. `sent` holds, in order, everything that was handed over; `stop` returns
    when all of it is acknowledged.
    """

    def __init__(
        self, bootstrap: str, topic: str, namespaces: list[str], *, rate: float, partitions: int = 1, padding: str = "x"
    ) -> None:
        self._bootstrap = bootstrap
        self._producer = self._connected()
        self._stranded = Stranded(topic, lambda: [self._producer], self._connected)
        self._topic = topic
        self._namespaces = namespaces
        self._rate = rate
        self._partitions = partitions
        self._padding = padding
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write, name="load", daemon=True)
        self._errors: list[str] = []
        self._unacknowledged: dict[int, Record] = {}
        self.sent: list[Record] = []
        self.acknowledged = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.stop()
        else:
            self._stop.set()
            self._thread.join()
            self._producer.purge()

    def stop(self, deadline_s: float = 60.0) -> list[Record]:
        """Write no more, and wait until all is acknowledged; everything that was written."""
        self._stop.set()
        self._thread.join()
        deadline = time.monotonic() + deadline_s
        while left := self._producer.flush(LOOK_EVERY_S):
            assert time.monotonic() < deadline, (
                f"{left} records of the load are not acknowledged after {deadline_s:g} s"
            )
            self._look()
        assert not self._errors, self._errors[0]
        return self.sent

    def _write(self) -> None:
        started = time.monotonic()
        records = self._records()
        look_at, acknowledged = started + LOOK_EVERY_S, 0
        while not self._stop.wait(TICK_S):
            if time.monotonic() > look_at:
                if self.acknowledged == acknowledged:
                    self._look()
                look_at, acknowledged = time.monotonic() + LOOK_EVERY_S, self.acknowledged
            due = int((time.monotonic() - started) * self._rate) - len(self.sent)
            for _ in range(due):
                record = next(records)
                self._produce(len(self.sent), record)
                self.sent.append(record)
            self._producer.poll(0)

    def _produce(self, number: int, record: Record) -> None:
        self._unacknowledged[number] = record
        told = partial(self._told, number)
        self._producer.produce(self._topic, record.value, record.key, record.partition, on_delivery=told)

    def _look(self) -> None:
        """Have another client write what this one never will, if it has forgotten all brokers."""
        if self._stranded.look():
            self._producer.purge()
            self._producer.flush(1)
            self._producer = self._connected()
            for number, record in list(self._unacknowledged.items()):
                self._produce(number, record)

    def _connected(self) -> Producer:
        return Producer(
            {
                "bootstrap.servers": self._bootstrap, "enable.idempotence": True, "linger.ms": 0,
                "message.timeout.ms": 0, "reconnect.backoff.max.ms": 500, "log_level": 2,
            }
        )  # fmt: skip

    def _told(self, number: int, error: KafkaError | None, _: Message) -> None:
        if error is None:
            self.acknowledged += 1
            del self._unacknowledged[number]
        elif error.code() not in (KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT):
            self._errors.append(error.str())

    def _records(self) -> Iterator[Record]:
        """Each partition gets its records in turn: an object belongs to one partition."""
        number = 0
        keys = [self._key_in(partition) for partition in range(self._partitions)]
        while True:
            namespace = self._namespaces[number // self._partitions % len(self._namespaces)]
            key = keys[number % self._partitions]
            value = event(namespace, key, number, padding=self._padding)
            yield Record(value, key.encode(), partition=number % self._partitions)
            number += 1

    def _key_in(self, partition: int) -> str:
        candidates = (f"pod-{number}" for number in range(1_000_000))
        return next(name for name in candidates if partition_of(name.encode(), self._partitions) == partition)
