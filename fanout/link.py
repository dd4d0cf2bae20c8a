"""The link: messages between the supervisor and a worker, and their framing on one stream socket.

Frames are JSON, one on a line (msgspec never writes a raw newline), so that a trace of the socket can be read.
The end of file is the death notice both ways. Times are `time.monotonic()` seconds, one clock for all
processes of a host.
"""

import msgspec

from fanout.errors import FailureKind
from fanout.settings import Settings


class Start(msgspec.Struct, tag=True, frozen=True):
    """Down, once, first: what to read and where to begin."""

    settings: Settings
    offsets: dict[int, int]  # partition -> first offset to read; OFFSET_BEGINNING where there is no commit
    source_max_bytes: int  # largest record batch that the source topic takes, in bytes
    lease_until: float


class Lease(msgspec.Struct, tag=True, frozen=True):
    """Down, every second: the worker may produce until then, and read meanwhile unless told otherwise."""

    until: float
    reading: bool = True  # false while the group does not answer, so that it is not known whose the partitions are


class Stop(msgspec.Struct, tag=True, frozen=True):
    """Down: read no more, deliver what is in flight, report, exit; at the deadline at the latest."""

    deadline: float


class Letter(msgspec.Struct, frozen=True, array_like=True):
    """A dead letter that was written: where its record is in the source, and why. Never what is in it."""

    reason: str  # of `fanout.errors.Reason`
    partition: int
    offset: int


class Durations(msgspec.Struct, frozen=True, array_like=True):
    """What `fanout.metrics.tallies.Observations` holds."""

    counts: list[int]
    total_s: float


class Delivered(msgspec.Struct, tag=True, frozen=True, omit_defaults=True):
    """Up: every record below `offsets[partition]` is delivered, dead-lettered or skipped by a setting.

    What has a default is of the time since the last report that told of it.
    """

    offsets: dict[int, int]
    counters: dict[str, int]  # what happened since the last report, by the names of `fanout.counters`
    inflight_records: int
    inflight_bytes: int
    producers: int = 0  # Kafka producers that the worker has now
    refused: dict[str, int] = {}  # dead letters that were written, by reason
    letters: list[Letter] = []  # the last of them
    topics: dict[str, int] = {}  # records handed to each destination
    delivery: Durations | None = None  # of rounds, from reading to acknowledgement
    end_to_end: Durations | None = None  # of their oldest records, from the source's timestamp to acknowledgement


class Beat(msgspec.Struct, tag=True, frozen=True):
    """Up, at least once a second: the worker's loop turns."""


class Failed(msgspec.Struct, tag=True, frozen=True):
    """Up, last: the worker stops because it cannot go on without skipping records."""

    kind: FailureKind
    reason: str


Down = Start | Lease | Stop
Up = Delivered | Beat | Failed

_encoder = msgspec.json.Encoder()
_down: msgspec.json.Decoder[Down] = msgspec.json.Decoder(Down)
_up: msgspec.json.Decoder[Up] = msgspec.json.Decoder(Up)

FRAME_MAX_BYTES = 4 * 1024 * 1024


def encode(message: Down | Up) -> bytes:
    """One frame, with its newline."""
    return _encoder.encode(message) + b"\n"


def decode_down(frame: bytes) -> Down:
    """The message of one frame, in the worker. Raises msgspec.DecodeError."""
    return _down.decode(frame)


def decode_up(frame: bytes) -> Up:
    """The message of one frame, in the supervisor. Raises msgspec.DecodeError."""
    return _up.decode(frame)
