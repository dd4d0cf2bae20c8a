"""The one place of librdkafka keys: what each client of this program is configured with, and why.

Users' `KAFKA_*` properties are laid over ours; `config` has refused those that would break a promise.
"""

import contextlib
import logging
from collections.abc import Mapping
from typing import Any, Literal

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from fanout.settings import Settings

Config = dict[str, Any]
Protocol = Literal["classic", "consumer"]

# A batch or a record needs room for its own framing and for the headers of a dead letter.
HEADER_ROOM_BYTES = 65_536
DEFAULT_MESSAGE_MAX_BYTES = 1_048_588  # Kafka's default of max.message.bytes
# A broker closes the connection at a request above socket.request.max.bytes, 100 MB as shipped, and says nothing.
REQUEST_MAX_BYTES = 90_000_000
FETCH_BYTES = 4 * 1024 * 1024
FETCH_PARTITION_BYTES = 128 * 1024  # at least, where a worker holds many partitions
PEEK_PARTITION_BYTES = 16 * 1024  # a batch that is larger comes nevertheless, and then alone
BROKER_ANSWER_S = 10.0
TRANSACTION_MS = 60_000  # after which a broker aborts one that nobody ends
RECONNECT_MS = 1_000
CONNECTED_S = RECONNECT_MS / 1000  # by then a client has connected, if it knows where to and a broker is there

# A broker's answer that another one coordinates the group, or none at present.
COORDINATOR_AWAY = frozenset(
    {
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
    }
)

# Only the classic protocol takes these: with `consumer` they are the broker's.
CLASSIC_ONLY = frozenset({"session.timeout.ms", "heartbeat.interval.ms", "partition.assignment.strategy"})
SESSION_TIMEOUT_MS = 45_000


def _common(settings: Settings, logger: logging.Logger | None) -> Config:
    config: Config = {
        "bootstrap.servers": settings.endpoint,
        "client.id": settings.groupid,
        # Warnings and worse: what it says at level 6 (info) is of no use to who operates this.
        "log_level": 5,
        # Most of the 13 s that it took to move again after a broker's restart was reconnect backoff.
        "reconnect.backoff.ms": 100,
        "reconnect.backoff.max.ms": RECONNECT_MS,
    }
    if logger is not None:
        config["logger"] = logger
    return config


def member(settings: Settings, protocol: Protocol, logger: logging.Logger | None = None) -> Config:
    """The supervisor's consumer: the member of the group, which reads nothing."""
    config = _common(settings, logger) | {
        "group.id": settings.groupid,
        "group.protocol": protocol,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "allow.auto.create.topics": False,
        # New partitions, and a source topic made anew, are seen within this time.
        "topic.metadata.refresh.interval.ms": 5_000,
    }
    if protocol == "classic":
        config["partition.assignment.strategy"] = "cooperative-sticky"
    return config | settings.kafka | settings.kafka_consumer


def reader(
    settings: Settings, source_max_bytes: int, logger: logging.Logger | None = None, *, partitions: int = 1
) -> Config:
    """A worker's consumer of so many partitions: assigned, never subscribed, never committing."""
    fetch_bytes = max(FETCH_BYTES, source_max_bytes)
    config = _common(settings, logger) | {
        # Demanded by the client and known to the ACLs; nothing is committed through it.
        "group.id": settings.groupid,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        # A record that expired unread is an error here, so that the loss is counted and not skipped.
        "auto.offset.reset": "error",
        "allow.auto.create.topics": False,
        "enable.partition.eof": False,
        # What is fetched ahead of the loop is outside the in-flight bounds: keep it as small as a round.
        "queued.min.messages": settings.inflight_records,
        "queued.max.messages.kbytes": max(1, settings.inflight_bytes // 2048),
        "fetch.queue.backoff.ms": 5,
        # A broker fills its answer partition by partition: one that is far behind must leave room for the others.
        "max.partition.fetch.bytes": max(fetch_bytes // partitions, FETCH_PARTITION_BYTES),
        "fetch.max.bytes": fetch_bytes,
        "receive.message.max.bytes": max(100_000_000, fetch_bytes + 1_000_000),
    }
    overrides = {**settings.kafka, **settings.kafka_consumer}
    return config | {key: value for key, value in overrides.items() if key not in CLASSIC_ONLY}


def peeker(settings: Settings, logger: logging.Logger | None = None) -> Config:
    """A consumer of single records: it fetches little, and little ahead."""
    return reader(settings, DEFAULT_MESSAGE_MAX_BYTES, logger) | {
        "auto.offset.reset": "earliest",
        "fetch.min.bytes": 1,
        "max.partition.fetch.bytes": PEEK_PARTITION_BYTES,
        "queued.min.messages": 1,
        "enable.partition.eof": True,  # behind the last record of a transaction there is its mark, and no record
    }


def producer(settings: Settings, source_max_bytes: int, logger: logging.Logger | None = None) -> Config:
    """A producer of a worker: ordered through retries, retrying without end, bounded by the worker and not here."""
    config = _common(settings, logger) | {
        "enable.idempotence": True,
        "acks": "all",
        "message.timeout.ms": 0,
        # Best at both ends: as cheap as 200 in a backlog, 3 ms from end to end when idle (design, section 8).
        "linger.ms": 1,
        # What a destination takes is its broker's to say. A record may also be larger than the source takes: its limit
        # was another one, or the record came compressed.
        "message.max.bytes": max(REQUEST_MAX_BYTES, source_max_bytes + HEADER_ROOM_BYTES),
        # In-flight work is bounded by INFLIGHT_RECORDS and INFLIGHT_BYTES; a second bound could only refuse.
        "queue.buffering.max.messages": 0,
        "queue.buffering.max.kbytes": 2_097_151,
        # A key lands where other clients would put it.
        "partitioner": "murmur2_random",
        "allow.auto.create.topics": settings.topic_create == "broker",
    }
    return config | settings.kafka | settings.kafka_producer


def shard(settings: Settings, source_max_bytes: int, logger: logging.Logger | None = None) -> Config:
    """A producer that calls back for failures only: a callback per success costs a quarter of all CPU."""
    return producer(settings, source_max_bytes, logger) | {"delivery.report.only.error": True}


def transactional_id(settings: Settings) -> str:
    """The name under which `replay` writes: a second one that is begun fences the first."""
    return f"{settings.groupid}-replay"


def transactional(settings: Settings, source_max_bytes: int, logger: logging.Logger | None = None) -> Config:
    """The producer of `replay`: what it sends is seen once its transaction is committed, or never."""
    config = producer(settings, source_max_bytes, logger) | {
        "transactional.id": transactional_id(settings),
        "transaction.timeout.ms": TRANSACTION_MS,
        # Of which a delivery must not take all. Given up is the transaction, and no record is lost by that.
        "message.timeout.ms": TRANSACTION_MS // 2,
    }
    config.pop("delivery.timeout.ms", None)  # the same by another name
    return config


def linger_ms(settings: Settings) -> float:
    """How long the producers wait for more records of a batch."""
    return float(producer(settings, 0)["linger.ms"])


def is_compressed(settings: Settings) -> bool:
    """Whether the producers compress, so that the size of a batch cannot be told beforehand."""
    overrides = {**settings.kafka, **settings.kafka_producer}
    return any(overrides.get(key, "none") != "none" for key in ("compression.type", "compression.codec"))


def admin(settings: Settings, logger: logging.Logger | None = None) -> Config:
    """An admin client."""
    return _common(settings, logger) | {"allow.auto.create.topics": False} | settings.kafka


def kept_ms(config: Mapping[str, str]) -> int | None:
    """For how long a topic of this configuration keeps records, in milliseconds; None for ever."""
    if "delete" not in config.get("cleanup.policy", "delete"):
        return None
    kept = int(config.get("retention.ms", -1))
    return kept if kept >= 0 else None


def hasten(producer: Producer, topic: str) -> None:
    """Have an idempotent producer get its id now. Blocks for 60 ms, and for 0.6 s at most where no broker answers.

    It asks for the id when metadata arrives over a connection that is up, else again after 500 ms: half of the time
    that a partition stood still after the death of its worker. The second answer finds the connection up.
    """
    for _ in range(2):
        with contextlib.suppress(KafkaException):
            producer.list_topics(topic, timeout=0.3)


def session_timeout_ms(settings: Settings) -> int:
    """The session time-out of the classic protocol."""
    configured = {**settings.kafka, **settings.kafka_consumer}.get("session.timeout.ms")
    return int(configured) if configured else SESSION_TIMEOUT_MS


def uses_classic_keys(*properties: Mapping[str, str]) -> bool:
    """Whether the user set a property that only the classic protocol takes."""
    return any(CLASSIC_ONLY & mapping.keys() for mapping in properties)


def choose_protocol(settings: Settings, logger: logging.Logger | None = None) -> Protocol:
    """The group protocol: as set, or the newest that the broker offers.

    Blocks for a broker's answers, 20 s at most; raises KafkaException where `auto` gets none. A broker that does
    not let us read its configuration gives `classic`, which every broker serves.
    """
    if settings.group_protocol != "auto":
        return settings.group_protocol
    if uses_classic_keys(settings.kafka, settings.kafka_consumer):
        return "classic"
    client = AdminClient(admin(settings, logger))
    try:
        brokers = client.list_topics(topic=settings.topic, timeout=BROKER_ANSWER_S).brokers
        if not brokers:  # as the last one of a cluster tells for a moment, when it stops or comes back
            raise KafkaException(KafkaError(KafkaError._TRANSPORT, "the broker tells of no brokers"))
        resource = ConfigResource(ResourceType.BROKER, str(next(iter(brokers))))
        try:
            answer = client.describe_configs([resource], request_timeout=BROKER_ANSWER_S)[resource].result()
        except KafkaException:
            return "classic"
    finally:
        client.poll(0)  # hands its lines to the logger
    entry = answer.get("group.coordinator.rebalance.protocols")
    return "consumer" if entry is not None and "consumer" in str(entry.value).split(",") else "classic"


def strays(error: BaseException) -> bool:
    """Whether a question failed because the client found no broker to ask: all are away, or it has forgotten them.

    The last broker of a cluster that shuts down tells of no brokers at all. librdkafka 2.16 then drops those that it
    knows and begins again with `bootstrap.servers`, unless the same answer, once taken, cancels that: such a client
    never connects again (its issue 5301), and cannot be told to.
    """
    return kafka_error(error).code() == KafkaError._TRANSPORT


def kafka_error(exception: BaseException) -> KafkaError:
    """The error inside an exception of the client."""
    if isinstance(exception, KafkaException) and exception.args and isinstance(exception.args[0], KafkaError):
        return exception.args[0]
    return KafkaError(KafkaError._FAIL, str(exception))
