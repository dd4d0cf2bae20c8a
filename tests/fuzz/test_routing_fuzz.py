"""Decode and route: whatever a record holds, it is counted, and goes nowhere but to the topic of its own namespace."""

import json
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fanout.errors import Reason
from fanout.settings import Settings
from fanout.worker.destination import Destination, Route
from fanout.worker.envelope import key_function
from fanout.worker.rewrite import rewrite_function
from fanout.worker.router import Router, is_legal_topic
from fanout.worker.routes import Refusal, Skip
from fanout.worker.shard import Shard
from tests.fuzz.values import read, values
from tests.models.profile import examples
from tests.unit.fakes import FakeRecord, settings

DEPTH = 200  # brackets within brackets that every decoder reads

PLAIN = settings()
PREFIXED = settings(topic_template="k8s-events.{namespace}", namespaces_deny=("team-*",))
AT_PATH = settings(namespace_path="event.involvedObject.namespace")
DETAILED = settings(drop_resync=True, split_cluster_scoped=True, topic_template="{namespace}-x")
SLIM = settings(slim=True, provenance_headers=True)


def routed(value: bytes | None, config: Settings) -> Route:
    records = [FakeRecord(0, value)]
    router = Router(config, key_function(config), lambda name: Destination(name, cast("Shard", None)))
    groups, undecodable = router.grouped(records)
    (route,) = groups
    assert groups == {route: records}
    could_not_be_decoded = isinstance(route, Refusal) and route.reason in (Reason.NOT_JSON, Reason.NO_NAMESPACE)
    assert undecodable == ([0] if could_not_be_decoded else [])
    return route


def namespace_in(value: bytes) -> str | None:
    """The namespace of the one event in this value, as Python's json reads it; None where there is none."""
    try:
        record = read(value)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    shapes = [name for name in ("event", "object", "metadata") if record.get(name) is not None]
    if len(shapes) != 1:
        return None
    inner = record[shapes[0]] if shapes == ["metadata"] else within(record[shapes[0]], "metadata")
    return text_in(inner, "namespace")


def within(outer: Any, name: str) -> Any:  # noqa: ANN401 - any JSON
    return outer.get(name) if isinstance(outer, dict) else None


def text_in(outer: Any, name: str) -> str | None:  # noqa: ANN401 - any JSON
    text = within(outer, name)
    return text if isinstance(text, str) and text else None


def is_beyond_doubt(value: bytes) -> bool:
    """Not what decoders differ on: very deep nesting, and escapes that are half a character, which ours refuses."""
    text = json.dumps(read(value), ensure_ascii=False)
    return value.count(b"[") + value.count(b"{") <= DEPTH and text == text.encode(errors="replace").decode()


@given(values)
@examples(500)
@example(b"[" * 100_000)
@example(b'{"metadata":{"namespace":"a"},"metadata":{"namespace":"b"}}')
@example(b'\xef\xbb\xbf{"metadata":{"namespace":"a"}}')
@example(b'{"metadata":{"namespace":"a"},"x":"\xed\xa0\x80"}')
def test_a_record_goes_to_the_topic_of_its_namespace_as_json_reads_it_and_else_to_the_dead_letters(
    value: bytes,
) -> None:
    route = routed(value, PLAIN)
    namespace = namespace_in(value)
    if isinstance(route, Destination):
        assert route.name == namespace
        return
    assert isinstance(route, Refusal)
    if namespace is not None and is_beyond_doubt(value):
        assert route.reason in (Reason.BAD_NAMESPACE, Reason.RESERVED_TOPIC)
        assert not is_legal_topic(namespace) or namespace.startswith(("_", "connect-", "mm2-", "strimzi", PLAIN.topic))


@given(values)
@examples(120)
def test_a_template_and_what_is_not_wanted_change_nothing_about_whose_event_it_is(value: bytes) -> None:
    route = routed(value, PREFIXED)
    namespace = namespace_in(value)
    if isinstance(route, Destination):
        assert route.name == f"k8s-events.{namespace}"
    elif isinstance(route, Skip):
        assert namespace is not None
        assert namespace.startswith("team-")


@given(values)
@examples(120)
def test_the_namespace_at_a_path_is_the_one_that_json_reads_there(value: bytes) -> None:
    route = routed(value, AT_PATH)
    if isinstance(route, Destination):
        assert route.name == text_in(within(read(value)["event"], "involvedObject"), "namespace")


@given(values)
@examples(120)
def test_the_options_that_look_closer_send_no_event_to_another_tenant(value: bytes) -> None:
    route = routed(value, DETAILED)
    namespace = namespace_in(value)
    if isinstance(route, Destination):
        assert route.name == f"{namespace}-x" or (namespace == "default" and route.name == "_cluster-x")
    elif isinstance(route, Skip):
        record = read(value)
        assert namespace is not None
        assert record["verb"] == "UPDATED"
        old = within(record["old_event"], "metadata")
        event = record.get("event") or record.get("object")
        new = event["metadata"] if event is not None else record["metadata"]
        assert old["resourceVersion"] == new["resourceVersion"]


@given(values)
@examples(120)
def test_what_slim_leaves_still_belongs_to_the_same_tenant(value: bytes) -> None:
    rewrite = rewrite_function(SLIM)
    assert rewrite is not None
    before = routed(value, PLAIN)
    if not isinstance(before, Destination):
        return  # it is never rewritten
    (slim,) = rewrite([FakeRecord(7, value)])
    assert slim.headers() == [("fanout.topic", b"cluster-events"), ("fanout.partition", b"0"), ("fanout.offset", b"7")]
    after = routed(slim.value(), PLAIN)
    assert isinstance(after, Destination)
    assert after.name == before.name


@given(st.lists(values, max_size=5))
@examples(50)
def test_every_record_of_a_round_is_in_exactly_one_group_and_in_its_order(made: list[bytes]) -> None:
    records = [FakeRecord(offset, value) for offset, value in enumerate(made)]
    router = Router(PLAIN, key_function(PLAIN), lambda name: Destination(name, cast("Shard", None)))
    groups, undecodable = router.grouped(records)
    offsets = [[record.offset() for record in group] for group in groups.values()]
    assert sorted(offset for group in offsets for offset in group) == list(range(len(made)))
    assert all(group == sorted(group) for group in offsets)
    assert undecodable == sorted(undecodable)


@pytest.mark.parametrize("value", [None, b""])
@pytest.mark.parametrize("config", [PLAIN, PREFIXED, AT_PATH, DETAILED])
def test_a_record_without_a_value_is_a_dead_letter(value: bytes | None, config: Settings) -> None:
    route = routed(value, config)
    assert isinstance(route, Refusal)
    assert route.reason is Reason.NOT_JSON
