"""The user's own cluster: what is made on it, what is never touched, and what is left when it is over. It is a fake."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.cimpl import NewTopic

from bench.broker import OwnKafka, OwnKafkaError, terms
from bench.broker.removal import AGAIN_S, AT_ONCE, REMOVE_S
from bench.load import Shape

ADDRESS = "kafka.example:9092"
THEIRS_TOPICS = {"team-a", "default", "fanout-bench-of-another"}
THEIRS_GROUPS = {"theirs", "events-fanout"}


def answer(result: object = None, code: int | None = None) -> "Future[Any]":
    future: Future[Any] = Future()
    if code is None:
        future.set_result(result)
    else:
        future.set_exception(KafkaException(KafkaError(code)))
    return future


class FakeAdmin:
    """A cluster of three brokers, and what was asked of it. `refusals` has codes by name, of creating and deleting."""

    def __init__(self) -> None:
        self.config: Mapping[str, object] = {}
        self.topics = set(THEIRS_TOPICS)
        self.groups = set(THEIRS_GROUPS)
        # What a broker lists because it has not heard yet that it is gone.
        self.still: dict[str, set[str]] = {"topics": set(), "groups": set()}
        self.made: list[NewTopic] = []
        self.requests: list[int] = []  # names in each request to delete
        self.refusals: dict[str, int] = {}
        self.before_deleting: Callable[[], None] = lambda: None

    def list_topics(self, timeout: float) -> SimpleNamespace:
        return SimpleNamespace(
            topics=dict.fromkeys(self.topics | self.still["topics"]), brokers=dict.fromkeys(range(3))
        )

    def list_consumer_groups(self, **_: object) -> "Future[Any]":
        return answer(
            SimpleNamespace(valid=[SimpleNamespace(group_id=name) for name in self.groups | self.still["groups"]])
        )

    def create_topics(self, wanted: list[NewTopic], **_: object) -> "dict[str, Future[Any]]":
        answers = {}
        for topic in wanted:
            code = KafkaError.TOPIC_ALREADY_EXISTS if topic.topic in self.topics else self.refusals.get(topic.topic)
            answers[topic.topic] = answer(code=code)
            if code is None:
                self.made.append(topic)
                self.topics.add(topic.topic)
        return answers

    def list_offsets(self, places: Iterable[Any], **_: object) -> "dict[Any, Future[Any]]":
        return {place: answer(SimpleNamespace(offset=0)) for place in places}

    def delete_topics(self, names: list[str], **_: object) -> "dict[str, Future[Any]]":
        return self._delete(self.topics, names, KafkaError.UNKNOWN_TOPIC_OR_PART)

    def delete_consumer_groups(self, names: list[str], **_: object) -> "dict[str, Future[Any]]":
        return self._delete(self.groups, names, KafkaError.GROUP_ID_NOT_FOUND)

    def _delete(self, there: set[str], names: list[str], unknown: int) -> "dict[str, Future[Any]]":
        self.before_deleting()
        self.requests.append(len(names))
        answers = {}
        for name in names:
            code = self.refusals.get(name) if name in there else unknown
            answers[name] = answer(code=code)
            if code is None:
                there.remove(name)
        return answers


class Clock:
    """Time passes when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.then: dict[float, Callable[[], None]] = {}

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        for at in [at for at in self.then if at <= self.now]:
            self.then.pop(at)()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("bench.broker.removal.time", made)
    return made


@pytest.fixture
def admin(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Iterator[FakeAdmin]:
    """The cluster. Whatever a test does to it, what others have there is there afterwards."""
    fake = FakeAdmin()

    def client(config: Mapping[str, object]) -> FakeAdmin:
        fake.config = config
        return fake

    monkeypatch.setattr("bench.broker.own.AdminClient", client)
    yield fake
    assert fake.topics >= THEIRS_TOPICS
    assert fake.groups >= THEIRS_GROUPS


class Own:
    """OwnKafka, and what it says."""

    def __init__(self, client: dict[str, str] | None = None) -> None:
        self.said: list[str] = []
        self.kafka = OwnKafka(ADDRESS, client or {}, {}, self.said.append)
        self.prefix = self.kafka.terms.prefix

    def name(self, name: str) -> str:
        return f"{self.prefix}{name}"

    def left(self) -> list[str]:
        """What it says that is not removed."""
        return [text for text in self.said if text.startswith("NOT REMOVED")]


@pytest.fixture
def own(admin: FakeAdmin) -> Own:
    return Own()


def test_each_run_has_a_prefix_of_its_own_and_says_it(own: Own) -> None:
    assert len({Own().prefix for _ in range(20)}) == 20
    assert own.prefix.startswith("fanout-bench-")
    assert len(own.prefix) == len("fanout-bench-12345678-")
    with own.kafka as kafka:
        assert own.prefix in own.said[0]
        assert terms(kafka).prefix == own.prefix


def test_every_namespace_of_a_load_begins_with_the_prefix_and_is_one() -> None:
    prefix = Own().prefix
    generator = Shape(namespaces=5_000).generator(prefix)
    assert len(set(generator.namespaces)) == 5_000
    assert all(name.startswith(prefix) and len(name) <= 63 for name in generator.namespaces)
    plain = Shape(namespaces=5_000).generator()
    for event, other in zip(generator.records(2_000), plain.records(2_000), strict=True):
        assert event.namespace == f"{prefix}{other.namespace}"
        assert event.key == other.key
        assert f'"namespace":"{event.namespace}"'.encode() in event.value


def stamped_by(topic: NewTopic) -> tuple[str, str]:
    """How long it keeps records, and whose time stamps."""
    config = topic.config or {}
    return config["retention.ms"], config["message.timestamp.type"]


def test_topics_get_the_clusters_replication_and_keep_old_events(own: Own, admin: FakeAdmin) -> None:
    with own.kafka as kafka:
        kafka.create_topic(own.name("source"), 4)
        kafka.create_topics([own.name("a"), own.name("b")], config={"message.timestamp.type": "LogAppendTime"})
    source, *others = admin.made
    assert (source.num_partitions, source.replication_factor) == (4, -1)
    assert stamped_by(source) == ("-1", "CreateTime")
    assert [(each.num_partitions, each.replication_factor) for each in others] == [(1, -1)] * 2
    assert [stamped_by(each) for each in others] == [("-1", "LogAppendTime")] * 2


@pytest.mark.parametrize("ends", [None, ValueError, KeyboardInterrupt])
def test_all_that_was_made_is_removed_however_it_ends(
    own: Own, admin: FakeAdmin, ends: type[BaseException] | None
) -> None:
    with contextlib.suppress(*([ends] if ends else [])), own.kafka as kafka:
        kafka.create_topics([own.name("source"), own.name("team-a")])
        admin.topics.add(own.name("source-dlq"))  # as the program does
        admin.groups.add(own.name("events-fanout-1234"))
        if ends:
            raise ends
    assert (admin.topics, admin.groups) == (THEIRS_TOPICS, THEIRS_GROUPS)
    assert own.left() == []
    assert any(text.startswith("broken off: removing") for text in own.said) is bool(ends)


def test_a_thousand_topics_are_removed_some_hundreds_at_a_time(own: Own, admin: FakeAdmin) -> None:
    with own.kafka as kafka:
        kafka.create_topics([own.name(f"tenant-{number}") for number in range(2 * AT_ONCE + 1)])
    assert admin.requests == [AT_ONCE, AT_ONCE, 1]
    assert admin.topics == THEIRS_TOPICS


def test_where_the_prefix_is_used_already_nothing_is_made(own: Own, admin: FakeAdmin) -> None:
    for there in (admin.topics, admin.groups):
        there.add(own.name("x"))
        with pytest.raises(OwnKafkaError, match=f"{own.name('x')} is on {ADDRESS} already"), own.kafka:
            pytest.fail("entered")
        there.remove(own.name("x"))
    assert (admin.made, admin.requests) == ([], [])


def test_a_topic_that_somebody_else_has_made_meanwhile_stops_it_and_stays(own: Own, admin: FakeAdmin) -> None:
    def use() -> None:
        with own.kafka as kafka:
            kafka.create_topic(own.name("source"))
            admin.topics.add(own.name("team-a"))
            kafka.create_topics([own.name("default"), own.name("team-a")])

    with pytest.raises(OwnKafkaError, match=f"{own.name('team-a')} is on {ADDRESS} already"):
        use()
    assert admin.topics == THEIRS_TOPICS | {own.name("team-a")}


def test_a_topic_that_is_not_named_as_ours_are_is_not_made(own: Own, admin: FakeAdmin) -> None:
    with own.kafka as kafka, pytest.raises(OwnKafkaError, match="events would be no topic of this measurement"):
        kafka.create_topics([own.name("a"), "events"])
    assert admin.made == []


def test_what_a_cluster_refuses_to_make_is_its_error(own: Own, admin: FakeAdmin) -> None:
    admin.refusals[own.name("source")] = KafkaError.TOPIC_AUTHORIZATION_FAILED
    with pytest.raises(KafkaException, match="TOPIC_AUTHORIZATION_FAILED"), own.kafka as kafka:
        kafka.create_topic(own.name("source"))


def test_what_cannot_be_removed_is_named_with_the_command_that_removes_it(own: Own, admin: FakeAdmin) -> None:
    names = [own.name(f"tenant-{number}") for number in range(5)]
    with own.kafka as kafka:
        kafka.create_topics([*names, own.name("source")])
        admin.groups.add(own.name("group"))
        admin.refusals |= dict.fromkeys([*names, own.name("group")], KafkaError.TOPIC_AUTHORIZATION_FAILED)
    topics, groups = own.left()
    assert f"topics {', '.join(names[:3])} and 2 more (Broker: Topic authorization failed)" in topics
    assert f"kafka-topics.sh --bootstrap-server {ADDRESS} --delete --topic '{own.prefix}.*'" in topics
    assert f"groups {own.name('group')} (" in groups
    assert f"kafka-consumer-groups.sh --bootstrap-server {ADDRESS} --delete $(" in groups
    assert admin.topics == THEIRS_TOPICS | set(names)


def test_who_has_to_log_in_is_told_that_the_tools_have_to_as_well(admin: FakeAdmin) -> None:
    own = Own({"sasl.password": "secret"})
    with own.kafka as kafka:
        assert admin.config["sasl.password"] == "secret"
        kafka.create_topic(own.name("source"))
        admin.refusals[own.name("source")] = KafkaError.TOPIC_DELETION_DISABLED
    [told] = own.left()
    assert f"--bootstrap-server {ADDRESS} --command-config FILE --delete" in told
    assert "secret" not in told + repr(own.kafka.terms)


@pytest.mark.parametrize("kind", ["topics", "groups"])
def test_what_a_broker_lists_still_is_looked_at_again_until_it_is_gone(
    own: Own, admin: FakeAdmin, clock: Clock, kind: str
) -> None:
    with own.kafka:
        admin.still[kind].add(own.name("source"))
        clock.then[2.0] = admin.still[kind].clear
    assert 2.0 <= clock.now < 2.0 + 3 * AGAIN_S
    assert own.left() == []


def test_a_group_whose_program_was_killed_is_waited_for(own: Own, admin: FakeAdmin, clock: Clock) -> None:
    group = own.name("group")
    with own.kafka:
        admin.groups.add(group)
        admin.refusals[group] = KafkaError.NON_EMPTY_GROUP
        clock.then[45.0] = admin.refusals.clear
    assert admin.groups == THEIRS_GROUPS
    assert 45.0 <= clock.now < 45.0 + 3 * AGAIN_S
    assert own.left() == []


def test_and_not_for_ever(own: Own, admin: FakeAdmin, clock: Clock) -> None:
    with own.kafka:
        admin.groups.add(own.name("group"))
        admin.refusals[own.name("group")] = KafkaError.NON_EMPTY_GROUP
    assert REMOVE_S <= clock.now < REMOVE_S + 3 * AGAIN_S
    [told] = own.left()
    assert f"{own.name('group')} (Broker: The group is not empty)" in told


def test_a_second_ctrl_c_tells_what_may_be_left(own: Own, admin: FakeAdmin) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    def use() -> None:
        with own.kafka as kafka:
            kafka.create_topic(own.name("source"))
            admin.before_deleting = interrupt

    with pytest.raises(KeyboardInterrupt):
        use()
    topics, groups = own.left()
    assert f"topics {own.name('source')} (interrupted)" in topics
    assert f"groups {own.prefix}*, if there are any (interrupted)" in groups


def test_a_cluster_that_is_gone_at_the_end_does_not_hide_why(own: Own, admin: FakeAdmin, clock: Clock) -> None:
    def gone(timeout: float) -> SimpleNamespace:
        raise KafkaException(KafkaError(KafkaError.BROKER_NOT_AVAILABLE))

    def use() -> None:
        with own.kafka as kafka:
            kafka.create_topic(own.name("source"))
            admin.list_topics = gone  # type: ignore[method-assign]
            raise ValueError("the reason")

    with pytest.raises(ValueError, match="the reason"):
        use()
    [told] = own.left()
    assert f"topics {own.prefix}*, if there are any (Broker: Broker not available)" in told
    assert clock.now < REMOVE_S
