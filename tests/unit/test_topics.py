import socket
import time
from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaError, KafkaException

from fanout import client, link
from fanout.errors import FailureKind, Reason, WorkerFailureError
from fanout.worker.destination import Destination
from fanout.worker.envelope import key_function
from fanout.worker.limits import LIMITS_FOR_S, NO_LIMITS, UNHEARD_AGAIN_S, UNHEARD_S, Limits
from fanout.worker.link import WorkerLink
from fanout.worker.main import Worker
from fanout.worker.router import Router
from fanout.worker.routes import Refusal
from fanout.worker.topics import RETRY_S, Denied, State, Topics
from tests.unit.fakes import FakeAdmin, FakeProducer, FakeRecord, event, settings

DLQ = "cluster-events-dlq"


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("fanout.worker.topics.time", clock)
    monkeypatch.setattr("fanout.worker.limits.time", clock)
    return clock


def learned(admin: FakeAdmin, **changes: object) -> Topics:
    topics = Topics(admin.as_admin(), settings(**changes), 500_000, lambda: None)
    topics.learn()
    return topics


def test_topics_that_exist_are_ready() -> None:
    topics = learned(FakeAdmin(["a"]))
    assert topics.ensure("a") is State.READY
    assert topics.ensure("b") is State.PENDING


def test_a_topic_is_created_as_the_settings_say() -> None:
    admin = FakeAdmin()
    topics = learned(admin, topic_partitions=3, topic_replication=2, topic_config={"retention.ms": "5"})
    topics.ensure("a")
    topics.serve()
    (new,) = admin.created
    assert (new.topic, new.num_partitions, new.replication_factor, new.config) == ("a", 3, 2, {"retention.ms": "5"})
    topics.serve()
    assert topics.ensure("a") is State.READY


def test_the_dead_letter_topic_has_room_for_headers_and_takes_any_timestamp() -> None:
    admin = FakeAdmin()
    topics = learned(admin, topic_config={"retention.ms": "5"})
    topics.ensure(DLQ)
    topics.serve()
    (new,) = admin.created
    assert new.config == {
        "max.message.bytes": str(500_000 + client.HEADER_ROOM_BYTES),
        "message.timestamp.after.max.ms": str(2**63 - 1),
    }


def test_an_old_broker_gets_the_dead_letter_topic_without_the_limit_that_it_does_not_know() -> None:
    admin = FakeAdmin()
    admin.refusals[DLQ] = KafkaError.INVALID_CONFIG
    topics = learned(admin)
    topics.ensure(DLQ)
    topics.serve()
    topics.serve()
    assert list(admin.created[-1].config) == ["max.message.bytes"]


def test_two_workers_creating_the_same_topic_is_normal() -> None:
    admin = FakeAdmin()
    topics = learned(admin)
    topics.ensure("a")
    admin.topics["a"] = {}
    topics.serve()
    topics.serve()
    assert topics.ensure("a") is State.READY


def test_a_creation_that_failed_is_tried_again_and_stops_the_worker_where_the_broker_goes_on_refusing(
    clock: Clock,
) -> None:
    admin = FakeAdmin()
    admin.refusals["a"] = KafkaError.INVALID_REPLICATION_FACTOR
    topics = learned(admin, topic_create_timeout_ms=5_000)
    topics.ensure("a")

    def serve_on() -> None:
        for _ in range(20):
            topics.serve()
            clock.now += RETRY_S / 2

    with pytest.raises(WorkerFailureError) as caught:
        serve_on()
    assert caught.value.kind is FailureKind.TOPIC_NOT_CREATED
    assert 3 <= len(admin.created) <= 8
    assert "TOPIC_REPLICATION" in caught.value.reason


def test_a_broker_that_is_away_is_waited_for(clock: Clock) -> None:
    admin = FakeAdmin()
    admin.refusals["a"] = KafkaError._TIMED_OUT
    topics = learned(admin, topic_create_timeout_ms=1_000)
    topics.ensure("a")
    for _ in range(100):
        topics.serve()
        clock.now += 10
    del admin.refusals["a"]
    topics.serve()
    clock.now += 10
    topics.serve()
    topics.serve()
    assert topics.ensure("a") is State.READY


def test_denied_and_refused_are_told_once_and_asked_again(clock: Clock) -> None:
    admin = FakeAdmin()
    admin.refusals |= {"a": KafkaError.TOPIC_AUTHORIZATION_FAILED, "a.b": KafkaError.TOPIC_EXCEPTION}
    topics = learned(admin)
    for name in ("a", "a.b"):
        topics.ensure(name)
    topics.serve()
    topics.serve()
    denied = topics.ensure("a")
    assert isinstance(denied, Denied)
    assert denied.operation == "create"
    refused = topics.ensure("a.b")
    assert isinstance(refused, Refusal)
    assert refused.reason is Reason.BAD_NAMESPACE
    assert topics.ensure("a") is State.PENDING


def test_without_creation_a_topic_that_is_there_by_now_is_found_and_one_that_is_not_is_refused() -> None:
    admin = FakeAdmin()
    topics = learned(admin, topic_create="none")
    admin.topics["late"] = {}
    for name in ("late", "absent"):
        topics.ensure(name)
    topics.serve()
    topics.serve()
    assert topics.ensure("late") is State.READY
    refused = topics.ensure("absent")
    assert isinstance(refused, Refusal)
    assert refused.reason is Reason.UNKNOWN_TOPIC
    assert admin.created == []


def test_without_creation_a_missing_dead_letter_topic_stops_the_worker() -> None:
    topics = learned(FakeAdmin(), topic_create="none")
    topics.ensure(DLQ)
    topics.serve()
    with pytest.raises(WorkerFailureError, match="dead-letter topic"):
        topics.serve()


def test_the_broker_creates_where_it_is_told_to() -> None:
    admin = FakeAdmin()
    topics = learned(admin, topic_create="broker")
    assert topics.ensure("new") is State.READY
    topics.serve()
    assert admin.created == []


def test_the_limits_of_a_topic_are_asked_once_and_again_after_a_while(clock: Clock) -> None:
    admin = FakeAdmin(["a"])
    admin.topics["a"] = {"max.message.bytes": "77", "cleanup.policy": "compact", "message.timestamp.after.max.ms": "9"}
    topics = learned(admin)
    assert topics.limits.of("a") is None
    topics.serve()
    expected = Limits(max_bytes=77, past_ms=2**62, future_ms=9, null_keys=False)
    assert topics.limits.of("a") == expected
    clock.now += LIMITS_FOR_S - 1
    assert topics.limits.of("a") == expected
    assert len([kind for kind, _ in admin.requests if kind == "configs"]) == 1
    admin.topics["a"]["max.message.bytes"] = "99"
    clock.now += 2
    assert topics.limits.of("a") is None
    topics.serve()
    assert topics.limits.of("a") == expected._replace(max_bytes=99)


def test_a_topic_that_may_not_be_described_has_no_known_limits() -> None:
    admin = FakeAdmin(["a"])
    admin.refusals["a"] = KafkaError.TOPIC_AUTHORIZATION_FAILED
    topics = learned(admin)
    topics.limits.of("a")
    topics.serve()
    assert topics.limits.of("a") == NO_LIMITS


def test_a_topic_that_the_broker_has_not_heard_of_yet_is_asked_for_again(clock: Clock) -> None:
    admin = FakeAdmin()
    topics = learned(admin)
    topics.limits.of("a")
    topics.serve()
    assert topics.limits.of("a") is None
    topics.serve()
    assert [kind for kind, _ in admin.requests] == ["list", "configs"], "not at every turn"
    admin.topics["a"] = {"max.message.bytes": "77"}
    clock.now += UNHEARD_AGAIN_S
    topics.limits.of("a")
    topics.serve()
    limits = topics.limits.of("a")
    assert limits is not None
    assert limits.max_bytes == 77


def test_a_topic_that_the_broker_never_heard_of_is_not_waited_for(clock: Clock) -> None:
    topics = learned(FakeAdmin())
    for _ in range(int(UNHEARD_S / UNHEARD_AGAIN_S) + 2):
        topics.limits.of("a")
        topics.serve()
        clock.now += UNHEARD_AGAIN_S
    assert topics.limits.of("a") == NO_LIMITS


@pytest.mark.parametrize("code", [KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError.REQUEST_TIMED_OUT])
def test_a_broker_that_is_away_is_asked_for_limits_again_for_as_long_as_it_takes(clock: Clock, code: int) -> None:
    """Taken for unknown they cost the order: what the topic refuses would spoil batches that others overtake."""
    admin = FakeAdmin(["a"])
    admin.refusals["a"] = code
    topics = learned(admin)
    for _ in range(int(UNHEARD_S / UNHEARD_AGAIN_S) * 10):
        assert topics.limits.of("a") is None
        topics.serve()
        clock.now += UNHEARD_AGAIN_S
    del admin.refusals["a"]
    topics.limits.of("a")
    topics.serve()
    assert topics.limits.of("a") not in (None, NO_LIMITS)


def test_what_the_admin_client_says_of_itself_is_heard() -> None:
    admin = FakeAdmin(["a"])
    topics = learned(admin)
    assert admin.polled
    admin.polled = False
    topics.serve()
    assert admin.polled


def test_a_topic_that_is_gone_is_forgotten_with_its_limits() -> None:
    admin = FakeAdmin(["a"])
    topics = learned(admin)
    topics.limits.of("a")
    topics.serve()
    topics.forget("a")
    assert not topics.ready("a")
    assert topics.limits.of("a") is None


def test_at_the_limit_on_topics_the_cluster_is_looked_at_again_but_not_all_the_time(clock: Clock) -> None:
    admin = FakeAdmin(["a", "b"])
    topics = learned(admin, topics_max=2)
    assert topics.room_for("a")
    assert not topics.room_for("c")
    clock.now += 60
    assert not topics.room_for("c")
    listings = len(admin.requests)
    assert not any(topics.room_for(f"n{number}") for number in range(100))
    assert len(admin.requests) == listings
    del admin.topics["b"]
    clock.now += 60
    assert topics.room_for("c")


def test_a_broker_that_is_away_at_the_limit_on_topics_is_no_reason_to_stop(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = FakeAdmin(["a"])
    topics = learned(admin, topics_max=1)
    clock.now += 60

    def away(timeout: float) -> None:
        raise KafkaException(KafkaError(KafkaError._TRANSPORT))

    monkeypatch.setattr(admin, "list_topics", away)
    assert not topics.room_for("b")


@pytest.fixture
def connection() -> Iterator[socket.socket]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours


@pytest.mark.parametrize("topic_create", ["admin", "broker"])
def test_no_round_opens_more_destinations_than_the_limit_on_topics_leaves_room_for(
    topic_create: str, connection: socket.socket
) -> None:
    """Fault 10 of the original: whoever can create a namespace can create topics without limit."""
    given = settings(topics_max=10, topic_create=topic_create)
    made = Worker(link.Start(given, {0: 0}, 1_000_000, time.monotonic() + 60), WorkerLink(connection))
    made._topics._admin = FakeAdmin(["x", "y"]).as_admin()
    made._topics.learn()
    made._sink._make_producer = FakeProducer().as_producer
    router = Router(given, key_function(given), made._open)
    groups, _ = router.grouped([FakeRecord(n, event(f"ns-{n}")) for n in range(100)])
    opened = [route for route in groups if isinstance(route, Destination)]
    assert len(opened) == 8
    refused = {route.reason for route in groups if isinstance(route, Refusal)}
    assert refused == {Reason.TOPICS_MAX}
