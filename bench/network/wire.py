"""Kafka's framing: where requests and answers begin in a stream that comes in pieces, and of what kind they are."""

import enum
import struct
from collections.abc import Iterator

_SIZE = struct.Struct(">i")
_INT16 = struct.Struct(">h")
_REQUEST = struct.Struct(">ihhi")  # size, kind, version, correlation id
_ANSWER = struct.Struct(">ii")  # size, correlation id
REQUEST_HEAD_BYTES = _REQUEST.size
ANSWER_HEAD_BYTES = _ANSWER.size
# Enough to reach the acks of a produce request, which stand behind the client's id and the transaction's.
PRODUCE_HEAD_BYTES = 1024
_FLEXIBLE_PRODUCE = 9
_TRANSACTIONAL_PRODUCE = 3


class ApiKey(enum.IntEnum):
    """Kinds of requests, by their number on the wire."""

    PRODUCE = 0
    FETCH = 1
    LIST_OFFSETS = 2
    METADATA = 3
    OFFSET_COMMIT = 8
    OFFSET_FETCH = 9
    FIND_COORDINATOR = 10
    JOIN_GROUP = 11
    HEARTBEAT = 12
    LEAVE_GROUP = 13
    SYNC_GROUP = 14
    API_VERSIONS = 18
    CREATE_TOPICS = 19
    INIT_PRODUCER_ID = 22
    DESCRIBE_CONFIGS = 32
    CONSUMER_GROUP_HEARTBEAT = 68


class NotKafkaError(ValueError):
    """A length that no frame of Kafka's has: another protocol, or TLS."""


class Frames:
    """Walks the frames of one direction. `head_bytes` is the least that has to be there to look at one.

    `deep_bytes` may be changed at any time: so much of a frame, or all of it, must be there before it is told.
    """

    def __init__(self, head_bytes: int) -> None:
        self._head_bytes = head_bytes
        self._ahead = 0  # bytes of the present frame that are still to come
        self.deep_bytes = head_bytes
        self.kept = 0

    def begin(self, data: memoryview) -> Iterator[tuple[int, int]]:
        """Place and size, its length field included, of each frame that begins in `data`.

        When all were told, `kept` is how many bytes at the end are the beginning of a frame that cannot be looked at
        yet: they have to stand before the next data. Raises NotKafkaError.
        """
        at = self._ahead
        while at + self._head_bytes <= len(data):
            size = _SIZE.size + int(_SIZE.unpack_from(data, at)[0])
            if size < self._head_bytes:
                raise NotKafkaError(f"a frame of {size} bytes: the stream is not Kafka's, or is encrypted")
            if at + min(size, self.deep_bytes) > len(data):
                break
            yield at, size
            at += size
        self._ahead = max(at - len(data), 0)
        self.kept = max(len(data) - at, 0)


def request_head(data: memoryview, at: int) -> tuple[int, int]:
    """Kind and correlation id of the request that begins at `at`."""
    _, kind, _, correlation = _REQUEST.unpack_from(data, at)
    return kind, correlation


def answer_head(data: memoryview, at: int) -> int:
    """Correlation id of the answer that begins at `at`."""
    return int(_ANSWER.unpack_from(data, at)[1])


def is_answered(data: memoryview, at: int) -> bool:
    """Will the broker answer the request at `at`? All but a produce request with acks=0.

    Needs PRODUCE_HEAD_BYTES of it; raises struct.error if the client's id is longer than that.
    """
    _, kind, version, _ = _REQUEST.unpack_from(data, at)
    if kind != ApiKey.PRODUCE:
        return True
    place = _behind_string(data, at + REQUEST_HEAD_BYTES)  # the client's id
    if version >= _FLEXIBLE_PRODUCE:
        place += 1  # the header's tagged fields: there are none
        length, place = _varint(data, place)  # the transaction's id: 0 is null, else one more than its length
        place += max(length - 1, 0)
    elif version >= _TRANSACTIONAL_PRODUCE:
        place = _behind_string(data, place)
    return bool(_INT16.unpack_from(data, place)[0] != 0)


def _behind_string(data: memoryview, at: int) -> int:
    return at + _INT16.size + max(int(_INT16.unpack_from(data, at)[0]), 0)  # -1 is null


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
