"""Reads single records of the source, for their timestamps: how old the first record is that is not delivered."""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Consumer, KafkaError, KafkaException, TopicPartition

from fanout import client, log
from fanout.settings import Settings

WITHIN_S = 3.0
_AT_ONCE = 100


class Seen(NamedTuple):
    """What a look brought."""

    timestamps_ms: dict[int, int]  # by partition; one whose record has none, or did not come in time, is left out
    problem: str  # why some are missing, as the broker says; empty where it does not say
    ended: frozenset[int] = frozenset()  # partitions in which nothing is left: what is behind is a transaction's mark


class Peek:
    """A consumer of its own, in no group, kept from look to look. Not for several threads at once."""

    def __init__(self, settings: Callable[[], Settings], make: Callable[[client.Config], Consumer] = Consumer) -> None:
        self._settings = settings
        self._make = make
        self._logger = log.client_logger("lag")
        self._made_with: Settings | None = None
        self._consumer: Consumer | None = None

    def timestamps(self, offsets: Mapping[int, int]) -> Seen:
        """Of the first record at or after each offset. Blocks for WITHIN_S at most; raises KafkaException."""
        settings = self._settings()
        if self._consumer is None or self._made_with is not settings:
            self.forget()
            self._consumer, self._made_with = self._make(client.peeker(settings, self._logger)), settings
        try:
            return self._read(self._consumer, settings.topic, offsets)
        finally:
            if self._consumer is not None:
                # A pause outlives the assignment: without this, nothing would come of it with the next look.
                self._consumer.resume([TopicPartition(settings.topic, number) for number in offsets])
                self._consumer.unassign()

    def _read(self, consumer: Consumer, topic: str, offsets: Mapping[int, int]) -> Seen:
        consumer.assign([TopicPartition(topic, number, offset) for number, offset in offsets.items()])
        deadline = time.monotonic() + WITHIN_S
        waiting, found, problem, ended = set(offsets), dict[int, int](), "", set[int]()
        while waiting and (left_s := deadline - time.monotonic()) > 0:
            for message in consumer.consume(_AT_ONCE, min(left_s, 0.1)):
                error, number = message.error(), message.partition()
                if error is not None and error.code() == KafkaError._PARTITION_EOF and number in waiting:
                    waiting.discard(number)
                    ended.add(number)
                elif error is not None:
                    problem = error.str()
                    if error.code() == KafkaError._ALL_BROKERS_DOWN:
                        return Seen(found, problem)
                elif number is not None and number in waiting:
                    waiting.discard(number)
                    consumer.pause([TopicPartition(topic, number)])
                    kind, timestamp = message.timestamp()
                    if kind != TIMESTAMP_NOT_AVAILABLE:
                        found[number] = timestamp
        return Seen(found, problem if waiting else "", frozenset(ended))

    def forget(self) -> None:
        """Make another client for the next look: this one may have forgotten all brokers. Blocks for a moment."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            try:
                consumer.close()
            except (KafkaException, RuntimeError):
                return  # it is gone either way
