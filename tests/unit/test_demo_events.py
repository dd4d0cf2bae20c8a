"""The generator makes what Eventrouter makes, reproducibly, and its order can be checked."""

import json
from collections import Counter
from typing import Any

import pytest

from fanout.demo.events import Event, Generator, namespace_names, poison, read_origin
from fanout.demo.templates import go_json
from fanout.errors import Reason
from fanout.settings import Settings
from fanout.worker.envelope import UnroutableError, key_function
from fanout.worker.router import is_legal_topic

FIELDS = (
    "metadata", "involvedObject", "reason", "message", "source", "firstTimestamp", "lastTimestamp", "count", "type",
    "eventTime", "series", "action", "related", "reportingComponent", "reportingInstance",
)  # fmt: skip
METADATA = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp", "managedFields")


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return list(Generator(7, 12).records(20_000))


@pytest.fixture(scope="module")
def decoded(events: list[Event]) -> list[dict[str, Any]]:
    return [json.loads(event.value) for event in events]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_gives_others() -> None:
    first, again, other = (list(Generator(seed, 5).records(500)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_records_asked_for_in_parts_go_on_where_they_stopped() -> None:
    parts = Generator(3, 4)
    sequences = [event.sequence for event in [*parts.records(300), *parts.records(300)] if event.key == b""]
    assert sequences == list(range(1, len(sequences) + 1))


def test_no_two_records_have_the_same_value(events: list[Event]) -> None:
    assert len({event.value for event in events}) == len(events)


def test_every_value_is_compact_json_in_the_order_of_the_fields_of_go(
    events: list[Event], decoded: list[dict[str, Any]]
) -> None:
    for event, record in zip(events, decoded, strict=True):
        unescaped = event.value.decode()
        for character in "<>&\u2028":
            unescaped = unescaped.replace(f"\\u{ord(character):04x}", character)
        assert unescaped == json.dumps(record, ensure_ascii=False, separators=(",", ":"))
        assert list(record) in (["verb", "event"], ["verb", "event", "old_event"])
        for body in (record["event"], record.get("old_event", record["event"])):
            assert list(body) == [name for name in FIELDS if name in body]
            assert list(body["metadata"]) == list(METADATA)


def test_namespace_and_key_are_those_of_the_event(events: list[Event], decoded: list[dict[str, Any]]) -> None:
    for event, record in zip(events, decoded, strict=True):
        assert event.namespace == record["event"]["metadata"]["namespace"]
        assert event.key == record["event"]["involvedObject"].get("name", "").encode()


def test_the_sequence_of_an_object_counts_from_one_and_can_be_read_from_the_value(events: list[Event]) -> None:
    latest: Counter[tuple[str, bytes | None]] = Counter()
    for event in events:
        latest[event.namespace, event.key] += 1
        assert event.sequence == latest[event.namespace, event.key]
        origin = read_origin(event.value)
        assert (origin.namespace, origin.name.encode(), origin.sequence) == (event.namespace, event.key, event.sequence)


def test_the_old_event_of_an_update_is_the_one_before_or_the_same_in_a_resync(decoded: list[dict[str, Any]]) -> None:
    previous: dict[str, dict[str, Any]] = {}
    kinds: Counter[str] = Counter()
    for record in decoded:
        body = record["event"]
        if record["verb"] == "UPDATED":
            resync = record["old_event"] == body
            kinds["resync" if resync else "update"] += 1
            assert resync or record["old_event"] == previous[body["metadata"]["uid"]]
        previous[body["metadata"]["uid"]] = body
    assert kinds["update"] > 10 * kinds["resync"] / 2 > 0


def test_both_recorder_styles_occur(decoded: list[dict[str, Any]]) -> None:
    bodies = [record["event"] for record in decoded]
    modern = [body for body in bodies if body["eventTime"] is not None]
    assert 0.1 < len(modern) / len(bodies) < 0.5
    assert any("series" in body and "related" in body for body in modern)
    for body in modern:
        assert (body["source"], body["firstTimestamp"], body["action"] != "") == ({}, None, True)
        assert "count" not in body
    assert all(body["source"]["component"] for body in bodies if body["eventTime"] is None)


def test_messages_carry_quotes_newlines_unicode_and_forged_namespaces(events: list[Event]) -> None:
    values = b"".join(event.value for event in events)
    for escape in (
        rb"\"default-editor\"",
        rb"\n",
        rb"\t",
        rb"\u2028",
        rb"\u0026",
        rb"\u003c",
        "größe 漢字 😀".encode(),
    ):
        assert escape in values
    assert rb"{\"metadata\":{\"namespace\":\"forged\"}}" in values


def test_events_of_nodes_are_in_default_with_no_namespace_of_their_object(decoded: list[dict[str, Any]]) -> None:
    nodes = [record["event"] for record in decoded if record["event"]["involvedObject"]["kind"] == "Node"]
    assert nodes
    assert {body["metadata"]["namespace"] for body in nodes} == {"default"}
    assert not any("namespace" in body["involvedObject"] for body in nodes)


def test_an_object_without_a_name_gives_the_empty_key(events: list[Event]) -> None:
    assert {event.namespace for event in events if event.key == b""} == {"default"}


def test_sizes_are_those_of_real_events(events: list[Event]) -> None:
    sizes: dict[bytes, list[int]] = {b"ADDED": [], b"UPDATED": []}
    for event in events:
        sizes[event.value.split(b'"', 4)[3]].append(len(event.value))
    assert 860 <= min(sizes[b"ADDED"]) <= max(sizes[b"ADDED"]) <= 1_142
    assert 1_710 <= min(sizes[b"UPDATED"]) <= max(sizes[b"UPDATED"]) <= 2_274
    assert 0.1 < len(sizes[b"UPDATED"]) / len(events) < 0.25


def test_a_size_can_be_asked_for() -> None:
    sizes = {len(event.value) for event in Generator(1, 3, size_bytes=1_500, updated=0).records(500)}
    assert sizes == {1_500}


def test_namespaces_are_skewed_as_told() -> None:
    flat = Counter(event.namespace for event in Generator(1, 10, skew=0).records(10_000))
    steep = Counter(event.namespace for event in Generator(1, 10, skew=2).records(10_000))
    assert max(flat.values()) < 1.3 * min(flat.values())
    assert steep.most_common(1)[0][1] > 5_000


@pytest.mark.parametrize("count", [1, 2, 3, 12, 1_000])
def test_names_of_namespaces_are_distinct_legal_and_include_default(count: int) -> None:
    names = namespace_names(count)
    assert len(set(names)) == count
    assert "default" in names
    assert all(is_legal_topic(name) for name in names)


def test_headers_occur_only_when_asked_for() -> None:
    assert not any(event.headers for event in Generator(1, 3).records(500))
    with_headers = [event.headers for event in Generator(1, 3, headers=0.5).records(500) if event.headers]
    assert 150 < len(with_headers) < 350
    assert any(value is None for headers in with_headers for _, value in headers)


def test_timestamps_rise_at_the_rate_that_is_told() -> None:
    stamps = [event.timestamp_ms for event in Generator(1, 3, start_ms=5_000, per_second=100).records(101)]
    assert stamps == sorted(stamps)
    assert (stamps[0], stamps[-1]) == (5_000, 6_000)


def test_text_is_escaped_like_go_does() -> None:
    assert go_json('a"b\\c\n<&>\u2028é') == r"a\"b\\c\n\u003c\u0026\u003e\u2028é"


def test_every_poison_is_refused_by_the_decoder_or_names_a_topic_that_cannot_be() -> None:
    key_of = key_function(Settings(endpoint="x", topic="cluster-events"))
    for record in poison(5):
        if record.reason in (Reason.BAD_NAMESPACE, Reason.RESERVED_TOPIC):
            namespace = key_of(record.value)
            assert isinstance(namespace, str)
            assert is_legal_topic(namespace) == (record.reason is Reason.RESERVED_TOPIC)
        else:
            with pytest.raises(UnroutableError) as refused:
                key_of(record.value)
            assert refused.value.reason is record.reason


def test_poison_has_a_key_of_its_own_for_each_kind_and_is_decided_by_the_seed() -> None:
    records = poison(1, timestamp_ms=9)
    assert len({record.key for record in records}) == len(records) >= 15
    assert {record.timestamp_ms for record in records} == {9}
    assert records == poison(1, timestamp_ms=9)
    assert records != poison(2, timestamp_ms=9)
