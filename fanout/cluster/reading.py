"""Records of given ranges, read without joining the group and without committing anything, within a time."""

import time
from collections.abc import Iterator, Mapping
from typing import Protocol, cast

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Consumer, KafkaError, TopicPartition

from fanout import client
from fanout.cluster.answers import AskError, Ends, Place
from fanout.cluster.asking import ask_error
from fanout.cluster.causes import Causes
from fanout.settings import Settings

_ROUND = 2_000
_END = KafkaError._PARTITION_EOF
_REFUSED = frozenset(
    {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC}
)


class Read(Protocol):
    """A record as it was read: the methods of the client's Message that are used."""

    def topic(self) -> str: ...

    def partition(self) -> int: ...

    def offset(self) -> int: ...

    def key(self) -> bytes | None: ...

    def value(self) -> bytes | None: ...

    def headers(self) -> list[tuple[str, str | bytes | None]] | None: ...

    def timestamp(self) -> tuple[int, int]: ...


class Reading:
    """One pass over ranges (first offset, one past the last). `unread` holds what was not come to.

    A topic that may not be read, or is not there any more, raises; with `tolerant` it is in `refused`, with the error.
    """

    def __init__(
        self, settings: Settings, ranges: Mapping[Place, Ends], within_s: float, *, tolerant: bool = False
    ) -> None:
        self._settings = settings
        self._tolerant = tolerant
        self.refused: dict[str, AskError] = {}
        self.unread = {place: ends for place, ends in ranges.items() if ends.high > ends.low}
        self._deadline = time.monotonic() + within_s

    def records(self) -> Iterator[Read]:
        """The records, those of a partition in order. Ends when all are read or the time is over; blocks meanwhile.

        Raises AskError.
        """
        if not self.unread:
            return
        config = client.reader(
            self._settings, client.DEFAULT_MESSAGE_MAX_BYTES, Causes().logger, partitions=len(self.unread)
        )
        # The end is told, too: the last offset may hold a marker of a transaction, which is no record. What expires
        # meanwhile is gone, and a look is no place to stop at it.
        consumer = Consumer(config | {"enable.partition.eof": True, "auto.offset.reset": "earliest"})
        try:
            consumer.assign([TopicPartition(topic, number, ends.low) for (topic, number), ends in self.unread.items()])
            while self.unread and (left_s := self._deadline - time.monotonic()) > 0:
                first = consumer.poll(left_s)
                if first is not None:
                    for message in (first, *consumer.consume(_ROUND, 0)):
                        yield from self._taken(consumer, cast("_Message", message))
        finally:
            consumer.close()

    def enough(self, place: Place) -> None:
        """Read no more of this partition."""
        self.unread.pop(place, None)

    def _refuse(self, topic: str, error: AskError) -> None:
        if not self._tolerant:
            raise error
        self.refused[topic] = error
        self.unread = {place: ends for place, ends in self.unread.items() if place[0] != topic}

    def _taken(self, consumer: Consumer, message: "_Message") -> Iterator[Read]:
        error = message.error()
        if error is not None and error.code() in _REFUSED:
            self._refuse(message.topic(), ask_error(error))
            return
        if error is not None and error.code() != _END:
            return  # the client tries again by itself
        place, at = (message.topic(), message.partition()), message.offset()
        wanted = self.unread.get(place)
        if wanted is not None:
            self.unread[place] = Ends(at + 1, wanted.high)
            if at >= wanted.high - 1:
                self.enough(place)
            if error is None and at < wanted.high:
                yield message
        if place not in self.unread:
            consumer.pause([TopicPartition(*place)])


class _Message(Read, Protocol):
    def error(self) -> KafkaError | None: ...


def time_of(record: Read) -> int | None:
    """Its timestamp in milliseconds since the epoch, if it has one."""
    kind, milliseconds = record.timestamp()
    return None if kind == TIMESTAMP_NOT_AVAILABLE else milliseconds


def first_records(settings: Settings, ranges: Mapping[Place, Ends], within_s: float) -> dict[Place, Read]:
    """The first record of each range; a partition that does not answer in time is left out.

    Raises AskError where a topic may not be read.
    """
    found: dict[Place, Read] = {}
    reading = Reading(settings, ranges, within_s)
    for record in reading.records():
        place = (record.topic(), record.partition())
        found.setdefault(place, record)
        reading.enough(place)
    return found
