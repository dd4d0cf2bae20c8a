"""A destination topic as a worker knows it: its producer, what it takes, and what waits for it."""

import time
from collections import deque
from enum import Enum, auto
from typing import TYPE_CHECKING, NamedTuple

from confluent_kafka import KafkaError

from fanout.counters import Counter
from fanout.errors import Reason
from fanout.worker.offsets import Window
from fanout.worker.records import Record, size_bounds, timestamp_to_send

if TYPE_CHECKING:
    from fanout.worker.sink import Shard

# A record within these bounds is taken by any topic that is configured at all sensibly, and is sent unasked.
ORDINARY_BYTES = 8_192
ORDINARY_PAST_MS = 86_400_000
ORDINARY_FUTURE_MS = 30_000
UNBOUNDED = 2**62


class Refusal(NamedTuple):
    """A route to the dead-letter topic."""

    reason: Reason
    detail: str


class Skip(NamedTuple):
    """A route to nowhere, by a setting of the user; counted."""

    counter: Counter


class Limits(NamedTuple):
    """What a topic takes, from its configuration."""

    max_bytes: int
    past_ms: int  # how far before now a timestamp may be
    future_ms: int  # how far after now
    null_keys: bool  # a compacted topic refuses them


# Of a topic that we may not describe: what it refuses is then learned from its refusals.
NO_LIMITS = Limits(max_bytes=UNBOUNDED, past_ms=UNBOUNDED, future_ms=UNBOUNDED, null_keys=True)


class Verdict(Enum):
    """What is to be done with one record, given what its destination takes."""

    SEND = auto()
    ALONE = auto()  # it might spoil a batch: it is sent in a request of its own


class Batch(NamedTuple):
    """Records that wait for their destination, in source order. It holds one ticket of the window."""

    records: deque[Record]
    window: Window
    cause: KafkaError | Refusal | None  # how they failed, perhaps for the fault of another record of their batch


class Destination:
    """One destination topic. It never moves to another producer, or its order would be lost."""

    __slots__ = (
        "epoch", "future_ms", "held", "is_dead_letters", "max_bytes", "name", "null_keys", "past_ms", "shard",
        "waiting",
    )  # fmt: skip

    def __init__(self, name: str, shard: "Shard", *, is_dead_letters: bool = False) -> None:
        self.name = name
        self.shard = shard
        self.is_dead_letters = is_dead_letters
        self.held = False
        self.epoch = -1  # the shard's epoch in which it was last sent to
        self.waiting: deque[Batch] = deque()
        self.know(None)

    def know(self, limits: Limits | None) -> None:
        """Learn what this topic takes; None forgets it."""
        # Half of what it takes leaves room for key, headers and framing: above it, the size is reckoned exactly.
        self.max_bytes = limits.max_bytes // 2 if limits is not None else ORDINARY_BYTES
        self.past_ms = limits.past_ms if limits is not None else ORDINARY_PAST_MS
        self.future_ms = limits.future_ms if limits is not None else ORDINARY_FUTURE_MS
        self.null_keys = limits is not None and limits.null_keys

    def in_flight(self) -> bool:
        """Whether records of it are with its producer."""
        return self.epoch == self.shard.epoch and self.shard.unsettled()


Route = Destination | Refusal | Skip


def judge(record: Record, limits: Limits, now_ms: int, *, compressed: bool) -> Verdict | Refusal:
    """Whether a topic with these limits takes the record. Where batches are compressed, their size cannot be told."""
    least, most = size_bounds(record)
    if least > limits.max_bytes and not compressed:
        return Refusal(Reason.TOO_LARGE, f"{least} bytes, and its destination takes {limits.max_bytes}")
    timestamp = timestamp_to_send(record) or now_ms
    if timestamp > now_ms + limits.future_ms:
        return Refusal(Reason.BAD_TIMESTAMP, f"{timestamp - now_ms} ms ahead, its destination takes {limits.future_ms}")
    if timestamp < now_ms - limits.past_ms:
        return Refusal(Reason.BAD_TIMESTAMP, f"{now_ms - timestamp} ms ago, its destination takes {limits.past_ms}")
    if record.key() is None and not limits.null_keys:
        return Refusal(Reason.NULL_KEY, "no key, and its destination is compacted")
    return Verdict.ALONE if most > limits.max_bytes else Verdict.SEND


def wall_ms() -> int:
    """Wall-clock milliseconds: the clock that the broker compares timestamps with."""
    return time.time_ns() // 1_000_000
