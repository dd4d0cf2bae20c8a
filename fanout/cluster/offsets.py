"""Offsets and timestamps of many partitions at once. All block for an answer, `ANSWER_S` at most, and write nothing."""

from collections.abc import Iterable, Mapping
from typing import Any

from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from fanout.cluster.answers import AskError, Ends, Place
from fanout.cluster.asking import ANSWER_S, answer

NO_OFFSET = -1


def ends(admin: AdminClient, places: Iterable[Place]) -> dict[Place, Ends]:
    """The first offset of each, and one past the last that a run can come to. Raises AskError."""
    asked = list(places)
    low = _listed(admin, dict.fromkeys(asked, OffsetSpec.earliest()))  # type: ignore[no-untyped-call]
    high = _listed(admin, dict.fromkeys(asked, OffsetSpec.latest()))  # type: ignore[no-untyped-call]
    return {place: Ends(low[place].offset, high[place].offset) for place in asked}


def since(admin: AdminClient, places: Iterable[Place], milliseconds: int) -> dict[Place, int | None]:
    """The first offset whose record is of this time or later (milliseconds since the epoch); None if there is none.

    Raises AskError.
    """
    spec = OffsetSpec.for_timestamp(milliseconds)
    found = _listed(admin, dict.fromkeys(places, spec))
    return {place: None if info.offset == NO_OFFSET else info.offset for place, info in found.items()}


def newest(admin: AdminClient, places: Iterable[Place]) -> dict[Place, int]:
    """The latest timestamp in each, in milliseconds since the epoch; needs no right to read.

    A partition without records, or without an answer, is left out.
    """
    futures = _asked(admin, dict.fromkeys(places, OffsetSpec.max_timestamp()))  # type: ignore[no-untyped-call]
    found = {}
    for place, future in futures.items():
        try:
            timestamp = answer(future).timestamp
        except AskError:  # a broker before Kafka 3.0 does not know this question
            continue
        if timestamp >= 0:
            found[place] = timestamp
    return found


def _listed(admin: AdminClient, wanted: Mapping[Place, Any]) -> dict[Place, Any]:
    return {place: answer(future) for place, future in _asked(admin, wanted).items()}


def _asked(admin: AdminClient, wanted: Mapping[Place, Any]) -> dict[Place, Any]:
    if not wanted:
        return {}
    futures = admin.list_offsets(
        {TopicPartition(*place): spec for place, spec in wanted.items()},
        isolation_level=IsolationLevel.READ_COMMITTED,  # what a run can come to
        request_timeout=ANSWER_S,
    )
    return {(place.topic, place.partition): future for place, future in futures.items()}
