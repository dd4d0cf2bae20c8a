"""What a topic takes, and whether it takes a record: a broker refuses a whole batch for one record in it."""

import time
from concurrent.futures import Future
from enum import Enum, auto
from typing import Any, NamedTuple

from confluent_kafka import KafkaError
from confluent_kafka.admin import AdminClient, ConfigEntry, ConfigResource, ResourceType

from fanout import client, log
from fanout.errors import Reason
from fanout.worker.faults import Fault, fault_of
from fanout.worker.records import Record, size_bounds, timestamp_to_send
from fanout.worker.routes import Refusal

# A record within these bounds is taken by any topic that is configured at all sensibly, and is sent unasked.
ORDINARY_BYTES = 8_192
ORDINARY_PAST_MS = 86_400_000
ORDINARY_FUTURE_MS = 30_000
UNBOUNDED = 2**62
BATCH_BYTES = 1_000_000  # the client's batch.size; a topic that takes less gets its records one by one

LIMITS_FOR_S = 300.0  # a topic's configuration is asked again after this long
REQUEST_S = 10.0
# A broker that has not heard of a topic yet, which another has just created, is asked again for so long, so often; and
# one that does not answer, for as long as it takes.
UNHEARD_S = 2.0
UNHEARD_AGAIN_S = 0.1

_repeats = log.Repeats(log.get("topics"))


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
    return Verdict.ALONE if most > limits.max_bytes or limits.max_bytes < BATCH_BYTES else Verdict.SEND


def wall_ms() -> int:
    """Wall-clock milliseconds: the clock that the broker compares timestamps with."""
    return time.time_ns() // 1_000_000


class TopicLimits:
    """The limits of topics, asked of the broker when they are needed. Nothing here blocks."""

    def __init__(self, admin: AdminClient, *, unheard_s: float = UNHEARD_S) -> None:
        self._admin = admin
        self._unheard_s = unheard_s
        self._known: dict[str, tuple[float, Limits]] = {}
        self._wanted: set[str] = set()
        self._asked: dict[str, Future[Any]] = {}
        self._unheard: dict[str, tuple[float, float]] = {}  # since when, and when to ask again

    def of(self, name: str) -> Limits | None:
        """What the topic takes; None while the broker is asked, NO_LIMITS where it does not say."""
        now = time.monotonic()
        entry = self._known.get(name)
        if entry is not None and now - entry[0] < LIMITS_FOR_S:
            return entry[1]
        if name not in self._asked and now >= self._unheard.get(name, (0.0, 0.0))[1]:
            self._wanted.add(name)
        return None

    def forget(self, name: str) -> None:
        """The topic is another one now."""
        self._known.pop(name, None)

    def serve(self) -> None:
        """Ask for what is wanted, in one request, and take what was answered."""
        if self._wanted:
            resources = [ConfigResource(ResourceType.TOPIC, name) for name in self._wanted]
            self._wanted.clear()
            futures = self._admin.describe_configs(resources, request_timeout=REQUEST_S)
            self._asked |= {resource.name: future for resource, future in futures.items()}
        for name, future in list(self._asked.items()):
            if future.done():
                del self._asked[name]
                self._take(name, future, time.monotonic())

    def _take(self, name: str, future: "Future[Any]", now: float) -> None:
        error = future.exception()
        if error is not None:
            since, _ = self._unheard.get(name, (now, 0.0))
            problem = client.kafka_error(error)
            unheard = problem.code() == KafkaError.UNKNOWN_TOPIC_OR_PART and now - since < self._unheard_s
            # A broker that is away says nothing of the topic: to go on without its limits would cost the order.
            if unheard or fault_of(problem) is Fault.PASSING:
                self._unheard[name] = since, now + UNHEARD_AGAIN_S
                return
            _repeats.warning(
                "topic configuration unknown", name, topic=name, error=problem.str(),
                advice="grant DESCRIBE_CONFIGS on it; until then what it refuses is learned from its refusals",
            )  # fmt: skip
        self._unheard.pop(name, None)
        self._known[name] = now, _limits_of(future.result()) if error is None else NO_LIMITS


def _limits_of(config: dict[str, ConfigEntry]) -> Limits:
    def number(name: str, default: int) -> int:
        entry = config.get(name)
        return int(entry.value) if entry is not None and entry.value not in (None, "") else default

    def text(name: str) -> str:
        entry = config.get(name)
        return str(entry.value or "") if entry is not None else ""

    dated_by_broker = text("message.timestamp.type") == "LogAppendTime"
    return Limits(
        max_bytes=number("max.message.bytes", client.DEFAULT_MESSAGE_MAX_BYTES),
        past_ms=UNBOUNDED if dated_by_broker else number("message.timestamp.before.max.ms", UNBOUNDED),
        future_ms=UNBOUNDED if dated_by_broker else number("message.timestamp.after.max.ms", UNBOUNDED),
        null_keys="compact" not in text("cleanup.policy").split(","),
    )
