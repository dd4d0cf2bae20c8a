"""Reading the mock cluster: along with the program for the live table, and once more from the start for the count."""

import time
from collections.abc import Callable
from typing import cast

from confluent_kafka import Consumer, Message, TopicPartition

from fanout.demo.verify import Found
from fanout.errors import FanoutError

ANSWER_S = 5.0
NEW_TOPICS_S = 0.25
CRITICAL = 2  # less is not for the person who watches: a mock that is gone is seen by its silence


class ReadError(FanoutError):
    """The topics could not be read to their end."""


def _consumer(bootstrap: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "demo-count",  # demanded by the client; nothing joins or commits
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "allow.auto.create.topics": False,
            "log_level": CRITICAL,
            # The mock answers a fetch that finds nothing only after the whole wait.
            "fetch.wait.max.ms": 20,
        }
    )


def _found(message: Message) -> Found:
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    if topic is None or partition is None or offset is None:
        raise ReadError("a record came without its coordinates")
    headers = cast("list[tuple[str, bytes | None]] | None", message.headers()) or ()
    return Found(topic, partition, offset, message.key(), message.value(), tuple(headers), message.timestamp()[1])


class Tail:
    """Follows every topic but one from its first record, new topics too, as they come."""

    def __init__(self, bootstrap: str, *, but: str) -> None:
        self._consumer = _consumer(bootstrap)
        self._but = but
        self._topics: set[str] = set()
        self._look_at = 0.0

    def read(self, wait_s: float) -> list[Found]:
        """What came since, after waiting up to `wait_s`. Raises ReadError."""
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + NEW_TOPICS_S
            self._add_new_topics()
        if not self._topics:
            time.sleep(wait_s)
            return []
        first = self._consumer.poll(wait_s)
        messages = [] if first is None else [first, *self._consumer.consume(10_000, 0)]
        return [_checked(message) for message in messages]

    def _add_new_topics(self) -> None:
        listed = self._consumer.list_topics(timeout=ANSWER_S).topics
        new = [topic for topic in listed.values() if topic.topic not in self._topics and topic.topic != self._but]
        if new:
            self._topics.update(topic.topic for topic in new if topic.topic is not None)
            self._consumer.incremental_assign(
                [TopicPartition(topic.topic, partition, 0) for topic in new for partition in topic.partitions]
            )

    def close(self) -> None:
        """Blocks for an instant."""
        self._consumer.close()


def read_all(bootstrap: str, *, but: str, deadline: float, check: Callable[[], None]) -> list[Found]:
    """Every record of every topic but one, each partition in the order of its offsets.

    Blocks until all is read or until the deadline (monotonic seconds); `check` is called often, and raises to end it.
    Raises ReadError when it could not read all, also when the mock has evicted records: they cannot be counted.
    """
    consumer = _consumer(bootstrap)
    try:
        ends = _ends(consumer, but)
        consumer.assign([TopicPartition(topic, partition, 0) for topic, partition in ends])
        wanted = sum(ends.values())
        found: list[Found] = []
        while len(found) < wanted:
            check()
            if time.monotonic() > deadline:
                raise ReadError(f"only {len(found)} of {wanted} records could be read in time")
            first = consumer.poll(0.1)
            if first is not None:
                found += map(_checked, [first, *consumer.consume(10_000, 0)])
        return found
    finally:
        consumer.close()


def count_all(bootstrap: str, topic: str) -> int:
    """How many records have been written to a topic. Blocks for a broker's answer."""
    consumer = _consumer(bootstrap)
    try:
        partitions = consumer.list_topics(topic, timeout=ANSWER_S).topics[topic].partitions
        return sum(_watermarks(consumer, topic, partition)[1] for partition in partitions)
    finally:
        consumer.close()


def _ends(consumer: Consumer, but: str) -> dict[tuple[str, int], int]:
    """(topic, partition) -> end offset, of those that have records."""
    ends = {}
    for name, topic in consumer.list_topics(timeout=ANSWER_S).topics.items():
        for partition in topic.partitions if name != but else ():
            low, high = _watermarks(consumer, name, partition)
            if low > 0:
                raise ReadError(f"the mock cluster has evicted {low} records of {name}[{partition}]: use fewer events")
            if high > 0:
                ends[name, partition] = high
    return ends


def _watermarks(consumer: Consumer, topic: str, partition: int) -> tuple[int, int]:
    watermarks = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=ANSWER_S)
    if watermarks is None:
        raise ReadError(f"the mock cluster does not tell how far {topic}[{partition}] goes")
    return watermarks


def _checked(message: Message) -> Found:
    error = message.error()
    if error is not None:
        raise ReadError(str(error))
    return _found(message)
