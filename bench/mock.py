"""A mock Kafka that can be made to fail: answers with errors, late answers, moved leaders and coordinators.

It is librdkafka's mock cluster in a process of its own, `python -m bench.mock name=partitions...`, which takes its
commands as lines on its standard input: a JSON array of a function's name without `rd_kafka_mock_` and its arguments.
It answers each with a line, the function's result or `null`.

What the mock is not: it knows no sequence numbers, so a batch that comes again is appended again, and a batch behind
one that was refused is taken. A producer with one request in flight finds the order that a real broker would keep.
An error is answered instead of what was asked for; only a late answer comes after it. It keeps 5 MB and 100 000 records
of a partition at most.
"""

import ctypes
import sys
from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import ClassVar

import msgspec

from fanout.demo.cluster import (
    NUMBER,
    POINTER,
    SIGNATURES,
    TEXT,
    Cluster,
    ClusterError,
    Mock,
    Signatures,
    load_library,
    running,
    topics_of,
)

ALL_BROKERS = -1
PREFIX = "rd_kafka_mock_"
# Settings of a program that runs on it.
PROGRAM_SETTINGS: dict[str, object] = {
    "TOPIC_CREATE": "broker",
    # The mock takes a batch behind one that it refused: a real broker would not, and keeps the order.
    "KAFKA_PRODUCER_MAX_IN_FLIGHT_REQUESTS_PER_CONNECTION": 1,
    # It answers a fetch that finds nothing only after the whole wait.
    "KAFKA_CONSUMER_FETCH_WAIT_MAX_MS": 20,
}
_INT16, _INT32, _INT64 = ctypes.c_int16, ctypes.c_int32, ctypes.c_int64

# Those that end in `...` in C take further pairs or numbers behind these.
COMMANDS: Signatures = {
    "push_request_errors_array": (None, [POINTER, _INT16, ctypes.c_size_t, ctypes.POINTER(NUMBER)]),
    "clear_request_errors": (None, [POINTER, _INT16]),
    "broker_push_request_error_rtts": (NUMBER, [POINTER, _INT32, _INT16, ctypes.c_size_t]),
    "broker_error_stack_cnt": (NUMBER, [POINTER, _INT32, _INT16, ctypes.POINTER(ctypes.c_size_t)]),
    "partition_push_request_errors": (NUMBER, [POINTER, TEXT, _INT32, _INT16, ctypes.c_size_t]),
    "partition_set_leader": (NUMBER, [POINTER, TEXT, _INT32, _INT32]),
    "partition_delete_records": (NUMBER, [POINTER, TEXT, _INT32, _INT64]),
    "coordinator_set": (NUMBER, [POINTER, TEXT, TEXT, _INT32]),
    "topic_set_error": (None, [POINTER, TEXT, NUMBER]),
    "topic_create": (NUMBER, [POINTER, TEXT, NUMBER, NUMBER]),
    "topic_delete": (NUMBER, [POINTER, TEXT]),
    "broker_set_down": (NUMBER, [POINTER, _INT32]),
    "broker_set_up": (NUMBER, [POINTER, _INT32]),
    "broker_set_rtt": (NUMBER, [POINTER, _INT32, NUMBER]),
}


class Api(IntEnum):
    """Keys of Kafka's requests."""

    PRODUCE = 0
    FETCH = 1
    LIST_OFFSETS = 2
    METADATA = 3
    OFFSET_COMMIT = 8
    OFFSET_FETCH = 9
    FIND_COORDINATOR = 10
    JOIN_GROUP = 11
    HEARTBEAT = 12
    SYNC_GROUP = 14
    INIT_PRODUCER_ID = 22
    CONSUMER_GROUP_HEARTBEAT = 68


class MockKafka(Cluster):
    """The mock cluster's process, from `with` to its end. Its brokers are numbered from 1.

    `topics` (name -> partitions) are there from the start. Every method blocks until the mock has taken the command,
    10 s at most, and raises ClusterError if it refuses or does not answer.
    """

    _module: ClassVar[str] = "bench.mock"

    def __init__(self, topics: Mapping[str, int], brokers: int = 1) -> None:
        super().__init__(dict(topics))
        self._brokers = brokers

    def _arguments(self) -> list[str]:
        return [f"--brokers={self._brokers}", *super()._arguments()]

    def push(self, key: Api, codes: Sequence[int]) -> None:
        """The next requests of this kind, whichever broker they come to, are answered with these errors."""
        self._do("push_request_errors_array", key, len(codes), list(codes))

    def clear(self, key: Api) -> None:
        """Forget what `push` was told and no request has come for."""
        self._do("clear_request_errors", key)

    def push_to(self, broker: int, key: Api, answers: Sequence[tuple[int, int]]) -> None:
        """The next requests of this kind to this broker: an error each (0 for none), and how many ms it takes."""
        self._do("broker_push_request_error_rtts", broker, key, len(answers), *(n for pair in answers for n in pair))

    def left(self, broker: int, key: Api) -> int:
        """How many answers of `push_to` no request has come for."""
        return int(self._do("broker_error_stack_cnt", broker, key))

    def push_partition(self, topic: str, partition: int, key: Api, codes: Sequence[int]) -> None:
        """The next Produce or Fetch requests are answered with these errors for this partition."""
        self._do("partition_push_request_errors", topic, partition, key, len(codes), *codes)

    def partition_set_leader(self, topic: str, partition: int, broker: int) -> None:
        """Move a partition to another broker; -1 leaves it without a leader."""
        self._do("partition_set_leader", topic, partition, broker)

    def delete_records(self, topic: str, partition: int, before: int) -> None:
        """Let everything below this offset expire."""
        self._do("partition_delete_records", topic, partition, before)

    def set_coordinator(self, group: str, broker: int) -> None:
        """Move the coordinator of a group to another broker."""
        self._do("coordinator_set", "group", group, broker)

    def topic_set_error(self, topic: str, code: int) -> None:
        """Metadata says this error of the topic until it is told 0."""
        self._do("topic_set_error", topic, code)

    def create_topic(self, topic: str, partitions: int = 1) -> None:
        """Make a topic."""
        self._do("topic_create", topic, partitions, 1)

    def delete_topic(self, topic: str) -> None:
        """Delete a topic and what it holds."""
        self._do("topic_delete", topic)

    def broker_down(self, broker: int = ALL_BROKERS) -> None:
        """Close a broker's connections and take no new ones. Its partitions stay its own."""
        self._do("broker_set_down", broker)

    def broker_up(self, broker: int = ALL_BROKERS) -> None:
        """Take connections again."""
        self._do("broker_set_up", broker)

    def set_delay(self, broker: int, delay_ms: int) -> None:
        """Every answer of this broker takes so long, until it is told 0."""
        self._do("broker_set_rtt", broker, delay_ms)

    def _do(self, command: str, *arguments: object) -> int:
        self._tell(msgspec.json.encode([command, *arguments]).decode() + "\n")
        result = msgspec.json.decode(self._read_line(f"did not answer {command}"))
        if isinstance(result, str):
            raise ClusterError(f"{command} {arguments}: {result}")
        return int(result or 0)


def serve(topics: Mapping[str, int], brokers: int) -> int:
    """Run the mock cluster and do what standard input says until it closes; the exit code."""
    signatures = SIGNATURES | {PREFIX + name: signature for name, signature in COMMANDS.items()}
    with running(load_library(signatures), topics, brokers) as mock:
        print(mock.bootstrap, flush=True)
        for line in sys.stdin:
            print(msgspec.json.encode(_obey(mock, *msgspec.json.decode(line))).decode(), flush=True)
    return 0


def _obey(mock: Mock, command: str, *arguments: object) -> int | str:
    """Call the function; a number that it returns or counts, or the text of its error."""
    function = getattr(mock.library, PREFIX + command)
    counted = ctypes.c_size_t()
    converted = [_converted(argument) for argument in arguments]
    if command == "broker_error_stack_cnt":
        converted.append(ctypes.byref(counted))
    error = function(mock.cluster, *converted)
    return str(mock.library.rd_kafka_err2str(error).decode()) if error else counted.value


def _converted(argument: object) -> object:
    if isinstance(argument, list):
        return (NUMBER * len(argument))(*argument)
    return argument.encode() if isinstance(argument, str) else argument


if __name__ == "__main__":
    option, *names = sys.argv[1:]
    sys.exit(serve(topics_of(names), int(option.removeprefix("--brokers="))))
