import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanout.worker.envelope import UnroutableError, key_function
from fanout.worker.records import Record, UnreadableHeaders, original_of
from fanout.worker.rewrite import rewrite_function
from tests.unit.fakes import FakeRecord, RecordWithUnreadableHeaders, settings


def rewritten(record: Record, **changes: object) -> Record:
    rewrite = rewrite_function(settings(**changes))
    assert rewrite is not None
    records: Sequence[Record] = rewrite([record])
    (result,) = records
    return result


def slim(value: bytes) -> bytes | None:
    return rewritten(FakeRecord(value=value), slim=True).value()


def test_nothing_is_rewritten_unless_asked() -> None:
    assert rewrite_function(settings()) is None


def test_slim_removes_managed_fields_and_the_old_event_and_leaves_all_other_bytes() -> None:
    odd = b'"message":"\\u00e9 \\/ \xc3\xa9","n":1.50e+3,"z":{ "b" : [1, 2] }'
    value = (
        b'{"verb":"UPDATED","event":{"metadata":{"name":"x","managedFields":[{"a":"]}"}],"namespace":"a","uid":"u"},'
        + odd
        + b'},"old_event":{"metadata":{"namespace":"a"}},"x":  [ 1 ]}'
    )
    expected = b'{"verb":"UPDATED","event":{"metadata":{"name":"x","namespace":"a","uid":"u"},' + odd + b'},"x":[ 1 ]}'
    assert slim(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        b'{"verb":"ADDED","event":{"metadata":{"namespace":"a"},"message":"managedFields"}}',
        b'{"metadata":{"namespace":"a"},"x":1.0}',
        b'{"event":{"metadata":{"namespace":"a"}},"object":null,"metadata":null}',
        b'{"event":{"message":"x","metadata":{"namespace":"a"},"managedFields":[1]}}',
    ],
)
def test_slim_leaves_a_value_that_has_nothing_to_remove_byte_for_byte(value: bytes) -> None:
    assert slim(value) == value


def test_slim_knows_the_other_envelopes() -> None:
    assert slim(b'{"metadata":{"managedFields":[],"namespace":"a"},"n":1}') == b'{"metadata":{"namespace":"a"},"n":1}'
    assert (
        slim(b'{"type":"ADDED","object":{"metadata":{"namespace":"a","managedFields":[]}}}')
        == b'{"type":"ADDED","object":{"metadata":{"namespace":"a"}}}'
    )


def test_slim_keeps_key_headers_and_timestamp() -> None:
    record = FakeRecord(3, b'{"event":{"metadata":{"namespace":"a"}}}', None, headers=[("h", b"1")], timestamp=(1, 5))
    result = rewritten(record, slim=True)
    assert (result.key(), result.headers(), result.timestamp()) == (None, [("h", b"1")], (1, 5))


@pytest.mark.parametrize(
    "value",
    [
        b'{"ns":"a","event":"text"}',
        b'{"ns":"a","metadata":5}',
        b'{"ns":"a","object":[1]}',
        b'{"ns":"a","event":{"metadata":"text"}}',
    ],
)
def test_slim_leaves_alone_what_is_no_event_where_a_path_says_where_the_namespace_is(value: bytes) -> None:
    given = settings(namespace_path="ns")
    assert key_function(given)(value) == "a"
    assert slim(value) == value


any_json = st.recursive(
    st.none() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["metadata", "managedFields", "namespace", "event", "x"]), inner, max_size=3)
    ),
)


@given(st.dictionaries(st.sampled_from(["event", "object", "metadata", "old_event", "x"]), any_json))
def test_slim_changes_nothing_else_in_anything_that_can_be_routed(envelope: dict[str, object]) -> None:
    value = json.dumps(envelope, separators=(",", ":")).encode()
    try:
        namespace = key_function(settings())(value)
    except UnroutableError:
        return
    result = slim(value)
    assert result is not None
    assert key_function(settings())(result) == namespace
    expected: dict[str, object] = {name: field for name, field in envelope.items() if name != "old_event"}
    for part in (expected, expected.get("event"), expected.get("object")):
        if isinstance(part, dict) and isinstance(part.get("metadata"), dict):
            part["metadata"].pop("managedFields", None)
    assert json.loads(result) == expected


def test_provenance_is_added_to_the_headers_that_are_there() -> None:
    record = FakeRecord(9, b"{}", headers=[("h", None)], partition=4)
    result = rewritten(record, provenance_headers=True)
    assert result.headers() == [
        ("h", None),
        ("fanout.topic", b"cluster-events"),
        ("fanout.partition", b"4"),
        ("fanout.offset", b"9"),
    ]
    assert result.value() == b"{}"
    assert original_of(result) is record


def test_both_rewritings_go_together() -> None:
    record = FakeRecord(1, b'{"event":{"metadata":{"namespace":"a"}},"old_event":{}}')
    result = rewritten(record, slim=True, provenance_headers=True)
    assert result.value() == b'{"event":{"metadata":{"namespace":"a"}}}'
    assert len(result.headers() or []) == 3
    assert original_of(result) is record


@pytest.mark.parametrize(
    "changes", [{"slim": True}, {"provenance_headers": True}, {"slim": True, "provenance_headers": True}]
)
def test_headers_that_cannot_be_read_are_asked_for_once_only(changes: dict[str, object]) -> None:
    record = RecordWithUnreadableHeaders(1, b'{"event":{"metadata":{"namespace":"a"}}}')
    assert isinstance(rewritten(record, **changes), UnreadableHeaders)
    assert record.asked == 1
