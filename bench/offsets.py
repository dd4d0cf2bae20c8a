"""Offsets seen from outside: where partitions begin and end, and what a group has committed."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Self, TypeVar

import msgspec
from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from fanout.client import COORDINATOR_AWAY

REQUEST_TIMEOUT_S = 30.0
ASK_AGAIN_S = 0.05
# What a cluster answers while leaders and coordinators move, or a node of it is away. Java's admin client asks again by
# itself; librdkafka's hands these on.
MOVES = COORDINATOR_AWAY | {
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.OFFSET_NOT_AVAILABLE,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError._TIMED_OUT,
    KafkaError._TRANSPORT,
}

T = TypeVar("T")


def patiently(ask: Callable[[], T], timeout_s: float = REQUEST_TIMEOUT_S) -> T:
    """What `ask` returns, asked again while the cluster is on the move.

    Blocks for `timeout_s` at most, and for one more `ask`; then raises the KafkaException of the last one.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            return ask()
        except KafkaException as error:
            if error.args[0].code() not in MOVES or time.monotonic() > deadline:
                raise
            time.sleep(ASK_AGAIN_S)


class Span(msgspec.Struct, frozen=True):
    """Offsets of one partition: from `low`, its first record, to `high`, one past its last."""

    low: int
    high: int


def spans(admin: AdminClient, names: Iterable[str]) -> dict[tuple[str, int], Span]:
    """What each partition of these topics holds, as (topic, partition) -> Span, up to an open transaction if any.

    Blocks for some round trips, however many topics, and until each has a leader (`patiently`). Raises KafkaException
    if a topic is not there.
    """
    metadata = admin.list_topics(timeout=REQUEST_TIMEOUT_S).topics
    wanted = list(names)
    missing = [name for name in wanted if name not in metadata]
    if missing:
        raise KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART, f"no such topics: {missing}"))
    places = [TopicPartition(name, partition) for name in wanted for partition in metadata[name].partitions]
    earliest = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
    low = patiently(lambda: _offsets(admin, places, earliest, REQUEST_TIMEOUT_S))
    high = patiently(lambda: offsets_of(admin, places, REQUEST_TIMEOUT_S))
    return {place: Span(low[place], high[place]) for place in low}


def offsets_of(admin: AdminClient, places: list[TopicPartition], timeout_s: float) -> dict[tuple[str, int], int]:
    """One past the last record of each place. Blocks for a round trip; raises KafkaException while a leader moves."""
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    return _offsets(admin, places, latest, timeout_s)


def _offsets(
    admin: AdminClient, places: list[TopicPartition], spec: OffsetSpec, timeout_s: float
) -> dict[tuple[str, int], int]:
    if not places:
        return {}
    answers = admin.list_offsets(
        dict.fromkeys(places, spec),
        isolation_level=IsolationLevel.READ_COMMITTED,
        request_timeout=timeout_s,
    )
    return {(place.topic, place.partition): future.result().offset for place, future in answers.items()}


class GroupReader:
    """Reads what a group has committed, without joining it. A context manager. `properties` are the client's, besides.

    Not by the admin client: its request for these offsets ends the process with a segmentation fault when the broker
    answers that it is not the coordinator, as one does that has just started (librdkafka 2.16, its issue 5040).
    """

    def __init__(self, bootstrap: str, group: str, properties: Mapping[str, str] | None = None) -> None:
        self._group = group
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": group,
                "enable.auto.commit": False,
                "log_level": 2,
                "reconnect.backoff.max.ms": 200,
                **(properties or {}),
            }
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def committed(self, topic: str, partitions: Iterable[int]) -> dict[int, int]:
        """Committed offset of each of these partitions that has one. Blocks until the broker serves groups.

        Raises KafkaException, with _TIMED_OUT after 30 s.
        """
        places = [TopicPartition(topic, partition) for partition in partitions]
        found = patiently(lambda: self._consumer.committed(places, timeout=REQUEST_TIMEOUT_S))
        return {place.partition: place.offset for place in found if place.offset >= 0}
