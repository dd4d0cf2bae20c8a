"""A destination topic as a worker knows it: its producer, what it takes, and what waits for it."""

import time
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from confluent_kafka import KafkaError

from fanout.worker.limits import BATCH_BYTES, ORDINARY_BYTES, ORDINARY_FUTURE_MS, ORDINARY_PAST_MS, Limits
from fanout.worker.offsets import Window
from fanout.worker.records import Record
from fanout.worker.routes import Refusal, Skip


class Outlet(Protocol):
    """What a destination's records are sent through: one producer, shared with other destinations."""

    number: int
    epoch: int

    def unsettled(self) -> bool:
        """Whether the epoch has records that are not known to be delivered."""

    def send(
        self, destination: "Destination", records: Sequence[Record], window: Window, *, vetted: bool
    ) -> Sequence[Record]:
        """Hand over records; those that were not sent."""


class Batch(NamedTuple):
    """Records that wait for their destination, in source order. It holds one ticket of the window."""

    records: deque[Record]
    window: Window
    cause: KafkaError | Refusal | None  # how they failed, perhaps for the fault of another record of their batch


class Destination:
    """One destination topic. It never moves to another producer, or its order would be lost."""

    __slots__ = (
        "epoch", "future_ms", "held", "introduced", "is_dead_letters", "max_bytes", "name", "null_keys", "past_ms",
        "shard", "used_at", "waiting",
    )  # fmt: skip

    def __init__(self, name: str, shard: Outlet, *, is_dead_letters: bool = False) -> None:
        self.name = name
        self.shard = shard
        self.is_dead_letters = is_dead_letters
        self.held = False
        self.introduced = False  # its broker has taken a record of this producer: see `Redelivery._introduce`
        self.epoch = -1  # the shard's epoch in which it was last sent to,
        self.used_at = time.monotonic()  # and when that began
        self.waiting: deque[Batch] = deque()
        self.know(None)

    def know(self, limits: Limits | None) -> None:
        """Learn what this topic takes; None forgets it."""
        # Half of what it takes leaves room for key, headers and framing: above it, the size is reckoned exactly.
        self.max_bytes = limits.max_bytes // 2 if limits is not None else ORDINARY_BYTES
        if limits is not None and limits.max_bytes < BATCH_BYTES:
            self.max_bytes = -1  # none of its records is sent with others
        self.past_ms = limits.past_ms if limits is not None else ORDINARY_PAST_MS
        self.future_ms = limits.future_ms if limits is not None else ORDINARY_FUTURE_MS
        self.null_keys = limits is not None and limits.null_keys

    def in_flight(self) -> bool:
        """Whether records of it are with its producer."""
        return self.epoch == self.shard.epoch and self.shard.unsettled()


Route = Destination | Refusal | Skip
