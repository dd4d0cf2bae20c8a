"""What is under way for a destination that is held: its failures, the record that was sent alone, when to try again."""

from confluent_kafka import KafkaError, Message

from fanout.worker.records import Record
from fanout.worker.routes import Refusal
from fanout.worker.shard import Failure


class Alone:
    """One record that is on its way alone."""

    __slots__ = ("error", "finished", "record")

    def __init__(self, record: Record) -> None:
        self.record = record
        self.finished = False
        self.error: KafkaError | Refusal | None = None

    def called_back(self, error: KafkaError | None, _message: Message) -> None:
        """The client's delivery callback."""
        self.finished = True
        self.error = error


class Hold:
    """What is under way for one held destination."""

    __slots__ = ("alone", "attempts", "delivered_before", "denied", "denied_until", "failed", "introducing",
                 "retry_at", "since")  # fmt: skip

    def __init__(self, now: float, delivered_before: int) -> None:
        self.since = now
        self.delivered_before = delivered_before
        self.retry_at = now
        self.attempts = 0
        self.alone: Alone | None = None
        self.failed: list[Failure] = []
        self.introducing = False
        self.denied: Refusal | None = None
        self.denied_until = 0.0
