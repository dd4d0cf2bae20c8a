"""What a replica says of events that become dead letters, for every reason that there is."""

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from functools import partial

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from bench.broker import LocalKafka
from fanout.errors import FailureKind, Reason
from fanout.status.kinds import FindingKind
from tests.status.scene import GOOD, Scene, replica
from tests.status.together import WITHIN_S, together
from tests.support.load import write
from tests.support.rawheader import Raw, produce_with_raw_header
from tests.support.samples import CREATE_TIME, event, events
from tests.support.topics import Record

REQUEST_S = 30.0
FAR_AHEAD = {"message.timestamp.after.max.ms": str(2**63 - 1)}
DAY_MS = 86_400_000

Config = Mapping[str, str]


def refused(
    kafka: LocalKafka, reason: Reason, happens: Callable[[Scene], None], *,
    destination: Config | None = None, **settings: object,
) -> None:  # fmt: skip
    """Good events, and one that is refused for this reason. `destination` is the configuration of theirs."""
    name = f"refused-{reason}-run"
    kafka.create_topic(f"{name}-source", config=FAR_AHEAD)
    kafka.create_topics([f"{name}.team-a"], config=destination)
    kafka.create_topics([f"{name}-source-dlq"], config={"max.message.bytes": "1114124"})
    with replica(kafka, name, **settings) as scene:
        scene.write(*scene.events())
        scene.calm(delivered=GOOD)
        happens(scene)
        scene.write(*scene.events())
        scene.says(
            f"refused-{reason}",
            FindingKind.DEAD_LETTERS,
            metric=f'refused_total{{reason="{reason}"}}',
            log="an event became a dead letter",
            caught_up=True,
        )
        assert scene.program.terminate() == 0


def value(content: bytes) -> Callable[[Scene], None]:
    return lambda scene: scene.write(Record(content, b"pod", partition=0))


def source_itself(scene: Scene) -> None:
    value(event(scene.source, "pod", 0))(scene)


def raw_header(scene: Scene) -> None:
    raw = Raw(0, b"pod", event("team-a", "pod", 0), (b"h\xff\xfe", b"1"))
    produce_with_raw_header(scene.kafka.bootstrap, scene.source, raw)


def a_day_ahead(scene: Scene) -> None:
    ahead = (CREATE_TIME, int(time.time() * 1000) + DAY_MS)
    scene.write(Record(event("team-a", "pod", 0), b"pod", (), ahead, 0))


def without_a_key(scene: Scene) -> None:
    scene.write(Record(event("team-a", "pod", 0), None, partition=0))


def without_a_key_where_it_was_allowed(scene: Scene) -> None:
    """What a topic takes is asked for again after minutes: until then the broker's own words are all there is."""
    entry = ConfigEntry("cleanup.policy", "compact", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, scene.destination(), incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": scene.kafka.bootstrap})
    admin.incremental_alter_configs([resource])[resource].result(REQUEST_S)
    without_a_key(scene)


REFUSED: dict[Reason, Callable[[LocalKafka], None]] = {
    Reason.NOT_JSON: partial(refused, reason=Reason.NOT_JSON, happens=value(b"no json")),
    Reason.NO_NAMESPACE: partial(refused, reason=Reason.NO_NAMESPACE, happens=value(b'{"verb":"ADDED","event":{}}')),
    Reason.BAD_NAMESPACE: partial(refused, reason=Reason.BAD_NAMESPACE, happens=value(event("a/b", "pod", 0))),
    Reason.BAD_HEADERS: partial(refused, reason=Reason.BAD_HEADERS, happens=raw_header),
    Reason.RESERVED_TOPIC: partial(
        refused, reason=Reason.RESERVED_TOPIC, happens=value(event("secret", "pod", 0)), TOPICS_RESERVED="*.secret"
    ),
    Reason.TOPICS_MAX: partial(
        refused, reason=Reason.TOPICS_MAX, happens=value(event("team-b", "pod", 0)), TOPICS_MAX=1
    ),
    Reason.UNKNOWN_TOPIC: partial(
        refused, reason=Reason.UNKNOWN_TOPIC, happens=value(event("team-b", "pod", 0)), TOPIC_CREATE="none"
    ),
    Reason.TOO_LARGE: partial(
        refused, reason=Reason.TOO_LARGE, happens=value(event("team-a", "pod", 0, padding="x" * 60_000)),
        destination={"max.message.bytes": "40000"},
    ),
    Reason.BAD_TIMESTAMP: partial(refused, reason=Reason.BAD_TIMESTAMP, happens=a_day_ahead),
    Reason.NULL_KEY: partial(
        refused, reason=Reason.NULL_KEY, happens=without_a_key, destination={"cleanup.policy": "compact"}
    ),
    Reason.REFUSED_BY_BROKER: partial(
        refused, reason=Reason.REFUSED_BY_BROKER, happens=without_a_key_where_it_was_allowed
    ),
}  # fmt: skip


def expired(kafka: LocalKafka) -> None:
    """The group is at 10 when the broker deletes what is below 40."""
    name = "expired-run"
    source = f"{name}-source"
    kafka.create_topic(source, config={"retention.ms": "7200000"})
    write(kafka.bootstrap, source, events(["team-a"], 2 * GOOD))
    group = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": name, "enable.auto.commit": False})
    group.commit(offsets=[TopicPartition(source, 0, 10)], asynchronous=False)
    group.close()
    place = TopicPartition(source, 0, 40)
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.delete_records([place])[place].result(REQUEST_S)
    with replica(kafka, name) as scene:
        scene.mark_start()
        scene.says(
            "expired", FindingKind.EXPIRED, caught_up=True, metric='records_total{outcome="expired"}',
            log="records expired before they were read",
        )  # fmt: skip
        assert scene.program.terminate() == 0


def too_many(kafka: LocalKafka) -> None:
    """What comes is no event at all: another envelope, mostly."""
    name = "too-many-not-readable-run"
    kafka.create_topic(f"{name}-source")
    with replica(kafka, name, DLQ_MAX_RUN=20) as scene:
        scene.calm()
        scene.write(*[Record(b"no json", b"pod", partition=0)] * 50)
        scene.says(
            "too-many-not-readable", FindingKind.WORKER_FAILED, log="worker failed",
            metric=f'worker_restarts_total{{cause="{FailureKind.DEAD_LETTER_LIMIT}"}}',
        )  # fmt: skip


def not_created(kafka: LocalKafka) -> None:
    name = "topic-not-created-run"
    kafka.create_topic(f"{name}-source")
    with replica(kafka, name, TOPIC_REPLICATION=3, TOPIC_CREATE_TIMEOUT_MS=1_000) as scene:
        scene.calm()
        scene.write(*scene.events())
        scene.says(
            "topic-not-created", FindingKind.WORKER_FAILED, log="worker failed",
            metric=f'worker_restarts_total{{cause="{FailureKind.TOPIC_NOT_CREATED}"}}',
        )  # fmt: skip
        kafka.create_topic(scene.destination())
        scene.is_over(FindingKind.WORKER_FAILED)
        assert scene.program.terminate() == 0


CASES: dict[str, Callable[[LocalKafka], None]] = {
    **{reason.value: case for reason, case in REFUSED.items()},
    Reason.EXPIRED.value: expired,
    "too-many-not-readable": too_many,
    "topic-not-created": not_created,
}


@pytest.fixture(scope="module")
def running(kafka: LocalKafka) -> Iterator[dict[str, Future[None]]]:
    with together(CASES, kafka) as futures:
        yield futures


@pytest.mark.timeout(WITHIN_S)
@pytest.mark.parametrize("case", CASES)
def test_it_is_told(running: dict[str, Future[None]], case: str) -> None:
    running[case].result(WITHIN_S)
