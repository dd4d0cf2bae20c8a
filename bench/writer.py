"""What writes the load of a measurement: a process of its own, which keeps to a schedule and tells how late it was."""

import time
from array import array

import msgspec
from confluent_kafka import KafkaError, Message, Producer

from bench.aside import Waiting, Worker
from bench.broker import Terms
from bench.histogram import Histogram
from bench.load import Shape
from bench.mark import marked, opened
from bench.pace import Schedule

# Different events, written in turn again and again: making each anew would cost as much as routing it.
POOL = 20_000
POOL_FOR_EACH = 50  # at least so many for each namespace, so that each is met
Headers = list[tuple[str, str | bytes | None]] | None

LEAD_S = 0.2
FLUSH_S = 120.0


class Write(msgspec.Struct, frozen=True, kw_only=True):
    """Write `count` events, numbered from `first`, `rate` a second.

    It sleeps for `tick_s` at least between two looks at the clock: what came due meanwhile is late by that much, and
    a shorter one costs more CPU.
    """

    first: int
    count: int
    rate: float
    tick_s: float


class Wrote(msgspec.Struct, frozen=True, kw_only=True):
    """What was written, all of it acknowledged.

    Event `first + n` was due at `start_s + n / rate` of the monotonic clock, which is one for all processes of the
    machine. `late_us` is how much later each was handed to the client. `cpu_s` is of the process meanwhile.
    """

    request: Write
    start_s: float
    ended_s: float
    late_us: Histogram
    cpu_s: float

    def schedule(self) -> Schedule:
        """By which it was written."""
        return Schedule(self.start_s, self.request.rate)


class Writer(Worker[Write, Wrote]):
    """Writes to one topic; acknowledged by all replicas, in order, uncompressed, as Eventrouter does."""

    def __init__(self, bootstrap: str, topic: str, shape: Shape, terms: Terms) -> None:
        self._topic = topic
        generator = shape.generator(terms.prefix)
        size = max(POOL, POOL_FOR_EACH * shape.namespaces)
        self._pool: list[tuple[bytes, bytes | None, Headers]] = [
            (opened(event.value), event.key, list(event.headers) or None) for event in generator.records(size)
        ]
        self._errors: list[str] = []
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                # No wait: what comes while five requests are under way goes into one batch.
                "linger.ms": 0,
                "delivery.report.only.error": True,
                "on_delivery": self._told,
                "log_level": 3,
                **terms.client,
            }
        )
        self._producer.list_topics(topic, timeout=FLUSH_S)

    def serve(self, request: Write, waiting: Waiting) -> Wrote:  # noqa: ARG002 - works to the end
        """Block until all is written and acknowledged. Raises RuntimeError if an event was refused."""
        cpu_s = time.process_time()
        start_s = time.monotonic() + LEAD_S
        late_us = self._write(request, Schedule(start_s, request.rate))
        left = self._producer.flush(FLUSH_S)
        if left or self._errors:
            raise RuntimeError(f"the source does not take the load: {left} events left, {self._errors[:1]}")
        ended_s, cpu_s = time.monotonic(), time.process_time() - cpu_s
        late = Histogram.of(late_us)
        return Wrote(request=request, start_s=start_s, ended_s=ended_s, late_us=late, cpu_s=cpu_s)

    def _write(self, request: Write, schedule: Schedule) -> "array[float]":
        late_us = array("d")
        clock, at, poll = time.monotonic, schedule.at, self._producer.poll
        written = 0
        while written < request.count:
            due = min(schedule.due(clock()), request.count - written)
            for number in range(written, written + due):
                late_us.append((clock() - at(number)) * 1e6)
                self._produce(request.first + number)
            written += due
            poll(0)
            if written < request.count:
                time.sleep(max(request.tick_s, schedule.next_s - clock()))
        return late_us

    def _produce(self, number: int) -> None:
        begun, key, headers = self._pool[number % len(self._pool)]
        value = marked(begun, number)
        while True:
            try:
                self._producer.produce(self._topic, value, key, headers=headers)
            except BufferError:
                self._producer.poll(0.01)  # the schedule goes on: what comes is late, and that is told
            else:
                return

    def _told(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._errors.append(error.str())
