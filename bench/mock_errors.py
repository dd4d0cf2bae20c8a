"""What a mock Kafka can be told to answer, and what the program has to make of it: for the tests and the fault run."""

from enum import Enum, auto
from itertools import repeat
from typing import NamedTuple

from confluent_kafka import KafkaError

from bench.mock import Api


class Expected(Enum):
    """What the program makes of an error. In every case nothing is lost, nothing strays, and the order is kept."""

    DELIVERED = auto()  # everything is delivered, no dead letter, no worker ends
    LETTERS = auto()  # records that were refused alone are dead letters, with the reason of the error
    DENIED = auto()  # all of the destination are dead letters, for a minute
    REPLACED = auto()  # a worker may end and is replaced, or the partitions are assigned anew; everything is delivered


class Error(NamedTuple):
    """Errors that requests of one kind are answered with, one after the other."""

    name: str
    key: Api
    codes: tuple[int, ...]
    expected: Expected
    reason: str = ""  # of the dead letters


UNHEARD_OF = 3_000  # an error code that the client does not know
CLOSED = -195  # the mock closes the connection instead of answering


def apart(error: Error) -> list[int]:
    """The codes, each with a closed connection behind it.

    The mock takes a batch behind one that it refused, where a real broker misses a sequence number. The client would
    conclude that the first was written, too.
    """
    return [code for pair in zip(error.codes, repeat(CLOSED)) for code in pair]


def _errors(key: Api, expected: Expected, times: int, *names: str, reason: str = "") -> list[Error]:
    """The errors of these names, as the client library calls them, each `times` times."""
    return [Error(name.lower(), key, (getattr(KafkaError, name),) * times, expected, reason) for name in names]


def _sequence(key: Api, *names: str) -> Error:
    """These errors one after the other."""
    codes = tuple(getattr(KafkaError, name) for name in names)
    return Error("-".join(names).lower(), key, codes, Expected.REPLACED)


# Six, because those that the producer has taken before the first is refused may be up to two batches.
ERRORS: list[Error] = [
    *_errors(
        Api.PRODUCE, Expected.DELIVERED, 3, "REQUEST_TIMED_OUT", "NOT_ENOUGH_REPLICAS",
        "NOT_ENOUGH_REPLICAS_AFTER_APPEND", "NOT_LEADER_FOR_PARTITION", "LEADER_NOT_AVAILABLE", "KAFKA_STORAGE_ERROR",
        "UNKNOWN_TOPIC_OR_PART", "INVALID_PRODUCER_EPOCH", "THROTTLING_QUOTA_EXCEEDED", "UNKNOWN",
    ),
    *_errors(Api.PRODUCE, Expected.DELIVERED, 1, "UNKNOWN_PRODUCER_ID"),
    Error("an_error_unheard_of", Api.PRODUCE, (UNHEARD_OF,) * 3, Expected.DELIVERED),
    Error("connection_closed", Api.PRODUCE, (CLOSED,) * 3, Expected.DELIVERED),
    *_errors(Api.PRODUCE, Expected.LETTERS, 6, "MSG_SIZE_TOO_LARGE", "RECORD_LIST_TOO_LARGE", reason="too-large"),
    *_errors(Api.PRODUCE, Expected.LETTERS, 6, "INVALID_TIMESTAMP", reason="bad-timestamp"),
    *_errors(Api.PRODUCE, Expected.LETTERS, 6, "POLICY_VIOLATION", "INVALID_RECORD", reason="refused-by-broker"),
    *_errors(
        Api.PRODUCE, Expected.DENIED, 6, "TOPIC_AUTHORIZATION_FAILED", "CLUSTER_AUTHORIZATION_FAILED",
        reason="not-authorized",
    ),
    *_errors(Api.PRODUCE, Expected.REPLACED, 1, "OUT_OF_ORDER_SEQUENCE_NUMBER"),
    *_errors(
        Api.FETCH, Expected.DELIVERED, 3, "NOT_LEADER_FOR_PARTITION", "OFFSET_OUT_OF_RANGE", "UNKNOWN_TOPIC_OR_PART",
        "FENCED_LEADER_EPOCH", "UNKNOWN_LEADER_EPOCH", "KAFKA_STORAGE_ERROR", "OFFSET_NOT_AVAILABLE", "UNKNOWN",
    ),
    Error("an_error_unheard_of", Api.FETCH, (UNHEARD_OF,) * 3, Expected.DELIVERED),
    Error("connection_closed", Api.FETCH, (CLOSED,) * 3, Expected.DELIVERED),
    *_errors(Api.FETCH, Expected.REPLACED, 1, "TOPIC_AUTHORIZATION_FAILED"),
    *_errors(
        Api.OFFSET_COMMIT, Expected.DELIVERED, 3, "NOT_COORDINATOR", "COORDINATOR_LOAD_IN_PROGRESS",
        "COORDINATOR_NOT_AVAILABLE", "REBALANCE_IN_PROGRESS", "REQUEST_TIMED_OUT", "GROUP_AUTHORIZATION_FAILED",
        "TOPIC_AUTHORIZATION_FAILED", "UNKNOWN_TOPIC_OR_PART", "UNKNOWN",
    ),
    Error("an_error_unheard_of", Api.OFFSET_COMMIT, (UNHEARD_OF,) * 3, Expected.DELIVERED),
    Error("connection_closed", Api.OFFSET_COMMIT, (CLOSED,) * 3, Expected.DELIVERED),
    *_errors(Api.OFFSET_COMMIT, Expected.REPLACED, 1, "ILLEGAL_GENERATION", "UNKNOWN_MEMBER_ID"),
    *_errors(
        Api.HEARTBEAT, Expected.DELIVERED, 3, "NOT_COORDINATOR", "COORDINATOR_LOAD_IN_PROGRESS",
        "COORDINATOR_NOT_AVAILABLE", "REQUEST_TIMED_OUT", "UNKNOWN",
    ),
    Error("connection_closed", Api.HEARTBEAT, (CLOSED,) * 3, Expected.DELIVERED),
    *_errors(
        Api.HEARTBEAT, Expected.REPLACED, 1, "REBALANCE_IN_PROGRESS", "ILLEGAL_GENERATION", "UNKNOWN_MEMBER_ID",
    ),
    *_errors(
        Api.CONSUMER_GROUP_HEARTBEAT, Expected.DELIVERED, 3, "NOT_COORDINATOR", "COORDINATOR_LOAD_IN_PROGRESS",
        "COORDINATOR_NOT_AVAILABLE", "REQUEST_TIMED_OUT",
    ),
    Error("connection_closed", Api.CONSUMER_GROUP_HEARTBEAT, (CLOSED,) * 3, Expected.DELIVERED),
    *_errors(Api.CONSUMER_GROUP_HEARTBEAT, Expected.REPLACED, 1, "UNKNOWN_MEMBER_ID", "FENCED_MEMBER_EPOCH"),
]  # fmt: skip

# What is asked for at a start, and when partitions change hands: sequences, for each request comes seldom.
START_ERRORS: list[Error] = [
    _sequence(Api.FIND_COORDINATOR, "COORDINATOR_NOT_AVAILABLE", "COORDINATOR_LOAD_IN_PROGRESS"),
    _sequence(Api.FIND_COORDINATOR, "GROUP_AUTHORIZATION_FAILED"),
    _sequence(Api.JOIN_GROUP, "NOT_COORDINATOR", "COORDINATOR_LOAD_IN_PROGRESS", "UNKNOWN_MEMBER_ID"),
    _sequence(Api.JOIN_GROUP, "GROUP_AUTHORIZATION_FAILED", "REQUEST_TIMED_OUT"),
    _sequence(Api.SYNC_GROUP, "NOT_COORDINATOR", "REBALANCE_IN_PROGRESS", "ILLEGAL_GENERATION"),
    _sequence(Api.OFFSET_FETCH, "NOT_COORDINATOR", "COORDINATOR_LOAD_IN_PROGRESS", "UNSTABLE_OFFSET_COMMIT"),
    _sequence(Api.OFFSET_FETCH, "GROUP_AUTHORIZATION_FAILED", "UNKNOWN_TOPIC_OR_PART", "REQUEST_TIMED_OUT", "UNKNOWN"),
    _sequence(Api.LIST_OFFSETS, "NOT_LEADER_FOR_PARTITION", "LEADER_NOT_AVAILABLE", "KAFKA_STORAGE_ERROR"),
    _sequence(Api.LIST_OFFSETS, "UNKNOWN_TOPIC_OR_PART", "TOPIC_AUTHORIZATION_FAILED", "OFFSET_NOT_AVAILABLE"),
    _sequence(Api.INIT_PRODUCER_ID, "COORDINATOR_LOAD_IN_PROGRESS", "NOT_COORDINATOR", "COORDINATOR_NOT_AVAILABLE"),
    _sequence(Api.INIT_PRODUCER_ID, "REQUEST_TIMED_OUT", "UNKNOWN"),
    _sequence(Api.INIT_PRODUCER_ID, "CLUSTER_AUTHORIZATION_FAILED"),
]
