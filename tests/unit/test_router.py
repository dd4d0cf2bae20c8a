from collections.abc import Callable
from typing import cast

import pytest

from fanout.counters import Counter
from fanout.errors import Reason
from fanout.settings import Settings
from fanout.worker import router as router_module
from fanout.worker.destination import Destination, Route
from fanout.worker.envelope import key_function
from fanout.worker.router import Router, is_legal_topic
from fanout.worker.routes import Refusal, Skip
from fanout.worker.shard import Shard
from tests.unit.fakes import FakeRecord, event, settings


class Opened:
    """What the router asked to be opened."""

    def __init__(self, answer: Callable[[str], Refusal | None] = lambda _name: None) -> None:
        self.names: list[str] = []
        self._answer = answer

    def __call__(self, name: str) -> Destination | Refusal:
        self.names.append(name)
        return self._answer(name) or Destination(name, cast("Shard", None))


def route_of(value: bytes, opened: Opened | None = None, given: Settings | None = None) -> Route:
    given = given or settings()
    groups, _ = Router(given, key_function(given), opened or Opened()).grouped([FakeRecord(0, value)])
    (route,) = groups
    return route


def topic_of(namespace: str, **changes: object) -> str:
    route = route_of(event(namespace), given=settings(**changes))
    assert isinstance(route, Destination)
    return route.name


def reason_of(namespace: str, **changes: object) -> Reason:
    route = route_of(event(namespace), given=settings(**changes))
    assert isinstance(route, Refusal)
    return route.reason


def test_a_namespace_goes_to_the_topic_of_its_name() -> None:
    assert topic_of("team-a") == "team-a"
    assert topic_of("team-a", topic_template="k8s-events.{namespace}") == "k8s-events.team-a"
    assert topic_of("a", topic_template="{namespace}.{namespace}") == "a.a"


@pytest.mark.parametrize("name", ["a", "A.b_c-1", "x" * 249, "...", "_a"])
def test_names_that_kafka_allows(name: str) -> None:
    assert is_legal_topic(name)


@pytest.mark.parametrize("name", ["", ".", "..", "x" * 250, "a b", "a/b", "é", "a\n", "a\0", "{namespace}"])
def test_names_that_kafka_does_not_allow(name: str) -> None:
    assert not is_legal_topic(name)


@pytest.mark.parametrize("namespace", ["..", ".", "x" * 300, "a b", "é", "../etc"])
def test_a_namespace_that_kafka_does_not_allow_is_refused(namespace: str) -> None:
    assert reason_of(namespace) is Reason.BAD_NAMESPACE
    assert reason_of(namespace, topic_template="k8s-events.{namespace}") is Reason.BAD_NAMESPACE


def test_a_namespace_that_is_legal_alone_is_refused_where_its_topic_would_be_too_long() -> None:
    assert reason_of("x" * 245, topic_template="events.{namespace}") is Reason.BAD_NAMESPACE


@pytest.mark.parametrize(
    "namespace",
    [
        *("__consumer_offsets", "_schemas", "connect-offsets", "mm2-offsets", "strimzi.x", "strimzi"),
        *("cluster-events", "cluster-events-dlq"),
    ],
)
def test_a_topic_of_others_and_the_source_and_the_dead_letters_are_never_a_destination(namespace: str) -> None:
    assert reason_of(namespace) is Reason.RESERVED_TOPIC


def test_what_is_reserved_is_the_topic_and_not_the_namespace() -> None:
    assert topic_of("connect-x", topic_template="events.{namespace}") == "events.connect-x"
    assert reason_of("offsets", topic_template="connect-{namespace}") is Reason.RESERVED_TOPIC
    assert reason_of("events", topic_template="cluster-{namespace}") is Reason.RESERVED_TOPIC
    assert reason_of("letters", dlq_topic="letters") is Reason.RESERVED_TOPIC
    assert topic_of("_x", topics_reserved=()) == "_x"
    assert topic_of("__CONNECT-X", topics_reserved=("connect-*",)) == "__CONNECT-X"


def test_a_prefix_that_is_reserved_lets_nothing_through() -> None:
    assert reason_of("a", topic_template="_{namespace}") is Reason.RESERVED_TOPIC


def test_namespaces_that_are_not_wanted_are_skipped_and_counted() -> None:
    def skipped(namespace: str, **changes: object) -> bool:
        return route_of(event(namespace), given=settings(**changes)) == Skip(Counter.SKIPPED)

    assert skipped("kube-system", namespaces_deny=("kube-*",))
    assert not skipped("team", namespaces_deny=("kube-*",))
    assert skipped("other", namespaces_allow=("team-*", "b"))
    assert not skipped("team-a", namespaces_allow=("team-*", "b"))
    assert skipped("team-a", namespaces_allow=("team-*",), namespaces_deny=("team-a",))
    assert skipped("..", namespaces_deny=("*",)), "what is not wanted is no dead letter either"


def test_resyncs_are_counted_as_such() -> None:
    version = b'{"metadata":{"namespace":"a","resourceVersion":"7"}}'
    value = b'{"verb":"UPDATED","event":%s,"old_event":%s}' % (version, version)
    assert route_of(value, given=settings(drop_resync=True)) == Skip(Counter.RESYNCS_DROPPED)


def test_cluster_scoped_events_have_a_destination_of_their_own_that_no_namespace_can_reach() -> None:
    value = b'{"event":{"metadata":{"namespace":"default"},"involvedObject":{"kind":"Node"}}}'
    route = route_of(value, given=settings(split_cluster_scoped=True))
    assert isinstance(route, Destination)
    assert route.name == "_cluster"
    assert reason_of("_cluster", split_cluster_scoped=True) is Reason.RESERVED_TOPIC


def test_records_are_grouped_by_route_in_source_order_and_undecodable_ones_are_told_by_index() -> None:
    given, opened = settings(), Opened()
    records = [
        FakeRecord(offset, value)
        for offset, value in enumerate(
            [event("a"), b"x", event("b"), event("a", n="2"), None, event("b"), event(".."), event("a")]
        )
    ]
    groups, undecodable = Router(given, key_function(given), opened).grouped(records)
    assert undecodable == [1, 4]
    offsets = {
        route.name if isinstance(route, Destination) else route: [record.offset() for record in group]
        for route, group in groups.items()
    }
    assert offsets["a"] == [0, 3, 7]
    assert offsets["b"] == [2, 5]
    refused = {route.reason: group for route, group in offsets.items() if isinstance(route, Refusal)}
    assert refused[Reason.BAD_NAMESPACE] == [6]
    assert sum(map(len, offsets.values())) == len(records)
    assert opened.names == ["a", "b"]


def test_two_keys_of_one_topic_share_its_destination() -> None:
    given, opened = settings(topic_template="all"), Opened()
    router = Router(given, key_function(given), opened)
    groups, _ = router.grouped([FakeRecord(0, event("a")), FakeRecord(1, event("b"))])
    assert len(groups) == 1
    assert opened.names == ["all"]


def test_what_the_limit_on_topics_refused_is_asked_again() -> None:
    full = True
    opened = Opened(lambda _name: Refusal(Reason.TOPICS_MAX, "full") if full else None)
    given = settings()
    router = Router(given, key_function(given), opened)
    (refused,) = router.grouped([FakeRecord(0, event("a"))]).groups
    assert isinstance(refused, Refusal)
    full = False
    (route,) = router.grouped([FakeRecord(1, event("a"))]).groups
    assert isinstance(route, Destination)


def test_a_closed_destination_is_opened_anew() -> None:
    given, opened = settings(), Opened()
    router = Router(given, key_function(given), opened)
    router.grouped([FakeRecord(0, event("a")), FakeRecord(1, event("b")), FakeRecord(2, event(".."))])
    router.forget(["a", "never-opened"])
    router.grouped([FakeRecord(3, event("a")), FakeRecord(4, event("b"))])
    assert opened.names == ["a", "b", "a"]


def test_what_strangers_name_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router_module, "_REMEMBERED", 100)
    given, opened = settings(namespaces_deny=("no-*",)), Opened()
    router = Router(given, key_function(given), opened)
    router.grouped([FakeRecord(0, event("a"))])
    router.grouped([FakeRecord(n, event(f"{kind}-{n}")) for n in range(500) for kind in ("no", "__")])
    assert len(router._routes) <= 101
    router.grouped([FakeRecord(0, event("a"))])
    assert opened.names == ["a"], "destinations are not forgotten"
