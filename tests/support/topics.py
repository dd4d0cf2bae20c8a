"""Topics seen from outside, for tests: write records, read them all, ask for offsets, wait for a condition.

Every call makes its own clients and closes them: a broker may have been restarted since the last one.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import msgspec
from confluent_kafka import (
    TIMESTAMP_NOT_AVAILABLE,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from bench.offsets import GroupReader, Span, spans

T = TypeVar("T")
Headers = tuple[tuple[str, bytes | None], ...]
REQUEST_TIMEOUT_S = 30.0
PARTITION_ANY = -1  # the partitioner chooses


class Record(msgspec.Struct, frozen=True):
    """One record, to write or as it was read.

    `key` and `value` None is Kafka's null, which is not b"". `timestamp` is (type, milliseconds); of a record to
    write only the milliseconds count, and (TIMESTAMP_NOT_AVAILABLE, 0) is now. `offset` is -1 for one to write.
    """

    value: bytes | None
    key: bytes | None = None
    headers: Headers = ()
    timestamp: tuple[int, int] = (TIMESTAMP_NOT_AVAILABLE, 0)
    partition: int = PARTITION_ANY
    offset: int = -1


def produce(
    bootstrap: str, topic: str, records: Iterable[Record], config: Mapping[str, str | int] | None = None
) -> None:
    """Write records in order and wait for every acknowledgement. `config` goes to the producer.

    Raises KafkaException with the first record's error if any failed.
    """
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "linger.ms": 5,
            "queue.buffering.max.messages": 200_000,
            "batch.size": 1_000_000,
            **(config or {}),
        }
    )
    errors: list[KafkaError] = []

    def told(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            errors.append(error)

    for record in records:
        _, timestamp_ms = record.timestamp
        headers: list[tuple[str, str | bytes | None]] | None = list(record.headers) or None
        while True:
            try:
                producer.produce(topic, record.value, record.key, record.partition, told, None, timestamp_ms, headers)
                break
            except BufferError:
                producer.poll(0.1)
    unsent = producer.flush(REQUEST_TIMEOUT_S)
    if errors:
        raise KafkaException(errors[0])
    if unsent:
        raise TimeoutError(f"{unsent} records of {topic} are not acknowledged after {REQUEST_TIMEOUT_S:g} s")


def read_all(bootstrap: str, topic: str, deadline_s: float = 60.0) -> list[Record]:
    """Every record that the topic holds now, by partition and offset. Only those of committed transactions.

    Raises TimeoutError if that takes longer than `deadline_s`, KafkaException if the topic is not there.
    """
    return read_topics(bootstrap, [topic], deadline_s)[topic]


def read_topics(bootstrap: str, names: Iterable[str], deadline_s: float = 60.0) -> dict[str, list[Record]]:
    """`read_all` of many topics with one client: a thousand take little longer than one."""
    found: dict[str, list[Record]] = {name: [] for name in names}
    unread = {place: span for place, span in spans(_admin(bootstrap), found).items() if span.high > span.low}
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "never-joined",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "fetch.wait.max.ms": 10,
        }
    )
    try:
        consumer.assign([TopicPartition(topic, partition, span.low) for (topic, partition), span in unread.items()])
        _read_spans(consumer, unread, found, time.monotonic() + deadline_s)
    finally:
        consumer.close()
    for records in found.values():
        records.sort(key=lambda record: (record.partition, record.offset))
    return found


def _read_spans(
    consumer: Consumer, unread: dict[tuple[str, int], Span], found: dict[str, list[Record]], deadline: float
) -> None:
    """Read until each partition is at its end. The end is told too: the last offset may hold a marker, no record."""
    while unread:
        if time.monotonic() > deadline:
            raise TimeoutError(f"not read to the end: {sorted(unread)}")
        first = consumer.poll(0.2)
        for message in [first, *consumer.consume(10_000, 0)] if first is not None else []:
            topic, partition, offset = message.topic(), message.partition(), message.offset()
            assert topic is not None
            assert partition is not None
            assert offset is not None
            span = unread.get((topic, partition))
            error = message.error()
            if error is not None and error.code() != KafkaError._PARTITION_EOF:
                raise KafkaException(error)
            if span is None:
                continue
            if error is None and offset < span.high:
                found[topic].append(_record(message, partition, offset))
            if offset >= span.high - 1:
                del unread[topic, partition]


def _record(message: Message, partition: int, offset: int) -> Record:
    headers: Any = message.headers()
    return Record(message.value(), message.key(), tuple(headers or ()), message.timestamp(), partition, offset)


def committed(bootstrap: str, group: str, topic: str) -> dict[int, int]:
    """Committed offset of each partition of the topic that the group has one for. Waits for a broker that starts.

    Raises KafkaException, also if the topic is not there.
    """
    partitions = {place[1] for place in spans(_admin(bootstrap), [topic])}
    with GroupReader(bootstrap, group) as reader:
        return reader.committed(topic, partitions)


def topics(bootstrap: str) -> set[str]:
    """Names of all topics but Kafka's own internal ones."""
    return {
        name for name in _admin(bootstrap).list_topics(timeout=REQUEST_TIMEOUT_S).topics if not name.startswith("__")
    }


def _admin(bootstrap: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})


def wait_until(condition: Callable[[], T], deadline_s: float, what: str) -> T:
    """Ask again and again until the condition holds, and return what it returned (anything true).

    Raises TimeoutError that says `what` was awaited and what the condition returned last.
    """
    deadline = time.monotonic() + deadline_s
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {deadline_s:g} s still waiting: {what} (last answer: {answer!r})")
        time.sleep(0.02)
