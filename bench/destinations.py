"""The destination topics of a measurement: made beforehand, emptied between turns, counted and read afterwards."""

import time
from collections import Counter
from collections.abc import Collection, Sequence
from itertools import compress
from typing import Any

from confluent_kafka import OFFSET_END, Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from bench.broker import Cluster, terms
from bench.offsets import spans
from fanout.demo.events import Event, Headers

REQUEST_TIMEOUT_S = 60.0
CREATED_AT_ONCE = 500  # in one request, whose answer is waited for 30 s: a thousand take some seconds
PARTS = ("value", "key", "headers", "timestamp")
Content = tuple[bytes | None, bytes | None, Headers, int]  # value, key, headers, timestamp in ms


class Destinations:
    """One single-partition topic for each namespace. Every method blocks, for a second or so at a thousand topics."""

    def __init__(self, kafka: Cluster, names: Sequence[str]) -> None:
        for first in range(0, len(names), CREATED_AT_ONCE):
            kafka.create_topics(names[first : first + CREATED_AT_ONCE])
        self._bootstrap = kafka.bootstrap
        self._terms = terms(kafka)
        self._admin = AdminClient({"bootstrap.servers": kafka.bootstrap, "log_level": 2, **self._terms.client})
        self._places = [TopicPartition(name, 0) for name in names]

    def empty(self) -> None:
        """Delete all records."""
        ends = [TopicPartition(place.topic, 0, OFFSET_END) for place in self._places]
        for future in self._admin.delete_records(ends, request_timeout=REQUEST_TIMEOUT_S).values():
            future.result(REQUEST_TIMEOUT_S)

    def counts(self) -> Counter[str]:
        """Records in each."""
        held = spans(self._admin, [place.topic for place in self._places])
        return Counter({name: span.high - span.low for (name, _), span in held.items()})

    def holds(self, name: str, events: Sequence[Event], lost: Collection[str] = ()) -> bool:
        """Whether one destination has these events, each once, with all `PARTS` kept but those that are `lost`."""
        kept = [part not in lost for part in PARTS]
        wanted = [(event.value, event.key, tuple(event.headers), event.timestamp_ms) for event in events]
        return _counted(self._read(name), kept) == _counted(wanted, kept)

    def _read(self, name: str) -> list[Content]:
        span = spans(self._admin, [name])[name, 0]
        consumer = Consumer(
            {
                "bootstrap.servers": self._bootstrap,
                "group.id": f"{self._terms.prefix}bench",
                "enable.auto.commit": False,
                "log_level": 3,
                **self._terms.client,
            }
        )
        found: list[Content] = []
        deadline = time.monotonic() + REQUEST_TIMEOUT_S
        try:
            consumer.assign([TopicPartition(name, 0, span.low)])
            while len(found) < span.high - span.low:
                for message in consumer.consume(10_000, 1.0):
                    error = message.error()
                    if error is not None:
                        raise KafkaException(error)
                    headers: Any = message.headers() or []
                    found.append((message.value(), message.key(), tuple(headers), message.timestamp()[1]))
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{name} could not be read in {REQUEST_TIMEOUT_S:g} s")
        finally:
            consumer.close()
        return found


def _counted(contents: Sequence[Content], kept: Sequence[bool]) -> Counter[tuple[object, ...]]:
    return Counter(tuple(compress(content, kept)) for content in contents)
