"""Fill a source topic with a backlog of generated events, and know what was written."""

import time
from collections import Counter

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from fanout.demo.events import Event, Generator

FLUSH_TIMEOUT_S = 120.0


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """What the events of a backlog are like. `size_bytes` is the least size of a value; most have just that.

    `skew` is the exponent of the Zipf distribution over namespaces; 0, where every destination gets the same, leaves
    the fewest events for each produce request and so is the hardest. `headers` is the share of events with headers.
    """

    namespaces: int
    skew: float = 0.0
    size_bytes: int = 1_100
    headers: float = 0.0
    seed: int = 1


class Written(msgspec.Struct, frozen=True):
    """What is in the source: the namespaces, how many events of each, and all events of one, `watched`."""

    namespaces: list[str]
    counts: Counter[str]
    watched: str
    events: list[Event]
    took_s: float


def fill(bootstrap: str, topic: str, events: int, shape: Shape) -> Written:
    """Write `events` events to the topic, partitioned by key, and wait for all acknowledgements.

    Blocks for some 10 s for 400 000: the generator makes 100 000 a second. Raises KafkaException if a record failed.
    """
    begun = time.monotonic()
    generator = Generator(
        shape.seed,
        shape.namespaces,
        shape.skew,
        updated=0.0,
        size_bytes=shape.size_bytes,
        headers=shape.headers,
    )
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
            "queue.buffering.max.messages": 100_000,
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
