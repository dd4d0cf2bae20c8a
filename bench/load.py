"""Fill a source topic with a backlog of generated events, and know what was written."""

import random
import time
from collections import Counter
from collections.abc import Iterator

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from bench.broker import Terms
from fanout.demo.events import Event, Generator

FLUSH_TIMEOUT_S = 120.0
_ADDED = b'{"verb":"ADDED","event":'


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """What the events of a backlog are like. `size_bytes` is the least size of an ADDED; most have just that.

    `skew` is the exponent of the Zipf distribution over namespaces; 0, where every destination gets the same, leaves
    the fewest events for each produce request and so is the hardest. `headers` is the share of events with headers.
    `updated` is the share of repeated events that are UPDATED, with the one before as old_event, and so twice as large;
    `resync` the share of all events that are UPDATED with themselves as old_event, as a resync writes them.
    """

    namespaces: int
    skew: float = 0.0
    size_bytes: int = 1_100
    headers: float = 0.0
    seed: int = 1
    updated: float = 0.0
    resync: float = 0.0

    def generator(self, prefix: str = "") -> Generator:
        """What makes such events, the same ones each time; the names of their namespaces begin with `prefix`."""
        return _Generator(self, prefix)


class _Generator(Generator):
    """The demo's, which makes UPDATED of repeated events only: a resync makes them of all."""

    def __init__(self, shape: Shape, prefix: str) -> None:
        super().__init__(
            shape.seed,
            shape.namespaces,
            shape.skew,
            updated=shape.updated,
            resync=shape.resync,
            size_bytes=shape.size_bytes,
            headers=shape.headers,
            prefix=prefix,
        )
        self._share = shape.resync
        self._of_resync = random.Random(shape.seed)

    def records(self, count: int) -> Iterator[Event]:
        return map(self._resynced, super().records(count)) if self._share else super().records(count)

    def _resynced(self, event: Event) -> Event:
        if not event.value.startswith(_ADDED) or self._of_resync.random() >= self._share:
            return event
        body = event.value[len(_ADDED) : -1]
        return event._replace(value=b'{"verb":"UPDATED","event":%b,"old_event":%b}' % (body, body))


class Written(msgspec.Struct, frozen=True):
    """What is in the source: the namespaces, how many events of each, and all events of one, `watched`."""

    namespaces: list[str]
    counts: Counter[str]
    watched: str
    events: list[Event]
    took_s: float


def fill(
    bootstrap: str, topic: str, events: int, shape: Shape, compression: str = "none", *, terms: Terms | None = None
) -> Written:
    """Write `events` events to the topic, partitioned by key, and wait for all acknowledgements.

    `compression` is what the client calls so: none, lz4, zstd. A topic keeps its batches as they come, unless a cluster
    that is not ours says otherwise; `terms` are its. Blocks for some 10 s for 400 000: the generator makes 100 000 a
    second. Raises KafkaException if a record failed.
    """
    begun = time.monotonic()
    terms = terms or Terms()
    generator = shape.generator(terms.prefix)
    watched = generator.namespaces[0]
    kept: list[Event] = []
    counts: Counter[str] = Counter()
    failures: list[KafkaError] = []

    def told(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failures.append(error)

    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "log_level": 3,
            "enable.idempotence": True,
            "linger.ms": 20,
            "batch.size": 1_000_000,
            "compression.type": compression,
            "queue.buffering.max.messages": 100_000,
            **terms.client,
        }
    )
    for event in generator.records(events):
        headers: list[tuple[str, str | bytes | None]] | None = list(event.headers) or None
        while True:
            try:
                producer.produce(topic, event.value, event.key, -1, told, None, event.timestamp_ms, headers)
                break
            except BufferError:
                producer.poll(0.05)
        counts[event.namespace] += 1
        if event.namespace == watched:
            kept.append(event)
    unsent = producer.flush(FLUSH_TIMEOUT_S)
    if failures:
        raise KafkaException(failures[0])
    if unsent:
        raise TimeoutError(f"{unsent} events are not acknowledged after {FLUSH_TIMEOUT_S:g} s")
    return Written(generator.namespaces, counts, watched, kept, time.monotonic() - begun)
