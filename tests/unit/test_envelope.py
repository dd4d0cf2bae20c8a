import json
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fanout.errors import Reason
from fanout.worker.envelope import KeyOf, RoutingKey, Special, UnroutableError, key_function
from tests.unit.fakes import event, settings

SMALLEST = (
    b'{"verb":"ADDED","event":{"metadata":{"name":"my-test-event","namespace":"test-ns","creationTimestamp":null},'
    b'"involvedObject":{},"reason":"foobar","source":{},"firstTimestamp":null,"lastTimestamp":null,"eventTime":null,'
    b'"reportingComponent":"","reportingInstance":""}}'
)

PLAIN = key_function(settings())
DETAILED = key_function(settings(drop_resync=True, split_cluster_scoped=True))
AT_PATH = key_function(settings(namespace_path="a.b.c"))
ALL = pytest.mark.parametrize("key_of", [PLAIN, DETAILED, AT_PATH], ids=["plain", "detailed", "path"])
BY_SHAPE = pytest.mark.parametrize("key_of", [PLAIN, DETAILED], ids=["plain", "detailed"])


def refused(key_of: KeyOf, value: bytes | None) -> Reason:
    with pytest.raises(UnroutableError) as caught:
        key_of(value)
    assert caught.value.detail
    return caught.value.reason


@BY_SHAPE
@pytest.mark.parametrize(
    "value",
    [
        SMALLEST,
        b'{"verb":"UPDATED","event":{"metadata":{"namespace":"test-ns"}},"old_event":{"metadata":{"namespace":"x"}}}',
        b'{"kind":"Event","metadata":{"namespace":"test-ns","name":"x"},"involvedObject":{"namespace":"forged"}}',
        b'{"type":"ADDED","object":{"metadata":{"namespace":"test-ns"},"involvedObject":{"namespace":"forged"}}}',
        b'{"metadata":{"namespace":"test-ns"},"regarding":{"namespace":"forged"},"note":"n"}',
        ' {"event" : {"metadata": {"namespace":"test-ns"}, "message":"\u00e9\u2028"}} '.encode(),
        b'{"event":{"metadata":{"namespace":"test-ns"}},"object":null,"metadata":null}',
        b'{"event":{"metadata":{"namespace":"\\u0074est-ns"}}}',
    ],
    ids=["smallest", "updated", "bare", "watch", "events.k8s.io", "spaces", "nulls", "escaped"],
)
def test_the_namespace_is_the_events_own_in_every_shape(key_of: KeyOf, value: bytes) -> None:
    assert key_of(value) == "test-ns"


@ALL
@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"   ",
        SMALLEST[:-1],
        SMALLEST + b"x",
        SMALLEST + b"{}",
        b'{"event":{"metadata":{"namespace":"a"},"message":"\xff"}}',
        b'{"event":{"metadata":{"namespace":"\xff"}}}',
        b'{"a":{"b":{"c":"x","message":"\xc3"}}}',
        b"\xff\xfe",
        b"[" * 5_000 + b"]" * 5_000,
        b'{"x":' * 5_000 + b"1" + b"}" * 5_000,
        b"{'event': 1}",
        b'{"event":5,"x":}',
        b'{"a":5,"x":}',
        b"NaN",
    ],
    ids=[
        "null value", "empty", "blank", "cut", "trailing text", "two documents", "skipped text not UTF-8",
        "namespace not UTF-8", "text at the path not UTF-8", "no text at all", "5000 brackets", "5000 braces",
        "single quotes", "wrong shape, then broken", "wrong shape at the path, then broken", "NaN",
    ],
)  # fmt: skip
def test_what_is_not_json_is_refused_as_such(key_of: KeyOf, value: bytes | None) -> None:
    assert refused(key_of, value) is Reason.NOT_JSON


@ALL
@pytest.mark.parametrize(
    "value",
    [
        b"null",
        b"{}",
        b"[]",
        b"1",
        b'"text"',
        b'{"event":{}}',
        b'{"event":null}',
        b'{"event":{"metadata":{}}}',
        b'{"event":{"metadata":null}}',
        b'{"event":{"metadata":{"namespace":null}}}',
        b'{"event":{"metadata":{"namespace":""}}}',
        b'{"event":{"metadata":{"namespace":7}}}',
        b'{"event":{"metadata":{"namespace":["a"]}}}',
        b'{"event":"text"}',
        b'{"event":{"involvedObject":{"namespace":"forged"}}}',
        b'{"event":{"metadata":{"namespace":"a"}},"metadata":{"namespace":"b"}}',
        b'{"event":{"metadata":{"namespace":"a"}},"object":{"metadata":{"namespace":"b"}}}',
        b'{"old_event":{"metadata":{"namespace":"a"}}}',
        b'{"resourceLogs":[{"scopeLogs":[]}]}',
        b'{"EventValue":"{\\"metadata\\":{\\"namespace\\":\\"a\\"}}"}',
        b'{"a":{"b":{"c":""}}}',
        b'{"a":{"b":{"c":5}}}',
        b'{"a":{"b":"c"}}',
        b'{"a":{"b":null}}',
        b'{"a":null}',
    ],
)
def test_what_has_no_namespace_is_refused_as_such(key_of: KeyOf, value: bytes) -> None:
    assert refused(key_of, value) is Reason.NO_NAMESPACE


def test_a_namespace_path_finds_the_namespace_wherever_it_is() -> None:
    assert AT_PATH(b'{"x":1,"a":{"b":{"c":"deep","d":2}},"event":{"metadata":{"namespace":"not this"}}}') == "deep"
    assert key_function(settings(namespace_path="ns"))(b'{"ns":"top"}') == "top"
    assert key_function(settings(namespace_path="metadata.labels.team"))(b'{"metadata":{"labels":{"team":"t"}}}') == "t"


@pytest.mark.parametrize("wrap", [b'{"verb":"UPDATED","event":%s,"old_event":%s}'.__mod__], ids=["eventrouter"])
def test_an_update_with_an_equal_resource_version_is_a_resync(wrap: Callable[[object], bytes]) -> None:
    def version(number: str) -> bytes:
        return b'{"metadata":{"namespace":"a","resourceVersion":"%s"}}' % number.encode()

    drop = key_function(settings(drop_resync=True))
    assert drop(wrap((version("7"), version("7")))) is Special.RESYNC
    assert drop(wrap((version("8"), version("7")))) == "a"
    assert drop(wrap((version(""), version("")))) == "a"
    assert drop(wrap((b'{"metadata":{"namespace":"a"}}', b'{"metadata":{"namespace":"a"}}'))) == "a"
    assert drop(b'{"verb":"ADDED","event":%s,"old_event":%s}' % (version("7"), version("7"))) == "a"
    assert key_function(settings(split_cluster_scoped=True))(wrap((version("7"), version("7")))) == "a"


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (b'{"event":{"metadata":{"namespace":"default"},"involvedObject":{"kind":"Node"}}}', Special.CLUSTER_SCOPED),
        (b'{"metadata":{"namespace":"default"},"regarding":{"kind":"Node","namespace":""}}', Special.CLUSTER_SCOPED),
        (b'{"object":{"metadata":{"namespace":"default"},"involvedObject":{"name":"n"}}}', Special.CLUSTER_SCOPED),
        (b'{"event":{"metadata":{"namespace":"default"},"involvedObject":{"namespace":"default"}}}', "default"),
        (b'{"event":{"metadata":{"namespace":"other"},"involvedObject":{"kind":"Node"}}}', "other"),
        (b'{"event":{"metadata":{"namespace":"default"}}}', "default"),
    ],
)
def test_events_of_cluster_scoped_objects_are_told_apart_only_when_asked(value: bytes, key: RoutingKey) -> None:
    assert key_function(settings(split_cluster_scoped=True))(value) == key
    assert key_function(settings(drop_resync=True))(value) in ("default", "other")


@BY_SHAPE
@pytest.mark.parametrize(
    "value",
    [
        b'{"verb":1,"event":{"metadata":{"namespace":"a"}}}',
        b'{"event":{"metadata":{"namespace":"a","resourceVersion":5}}}',
        b'{"event":{"metadata":{"namespace":"default"},"involvedObject":"node"}}',
        b'{"metadata":{"namespace":"default"},"regarding":[]}',
        b'{"verb":"UPDATED","event":{"metadata":{"namespace":"a"}},"old_event":[]}',
        b'{"event":{"metadata":{"namespace":"default"},"involvedObject":{"namespace":1}}}',
    ],
)
def test_an_odd_field_beside_the_namespace_spoils_neither_the_event_nor_the_worker(key_of: KeyOf, value: bytes) -> None:
    assert key_of(value) in ("a", "default")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just("default"),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["event", "object", "metadata", "namespace", "verb", "old_event", "involvedObject", "regarding",
             "resourceVersion", "a", "b", "c"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@ALL
@given(st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()))
@example(event("a") + b"\xff")
@example(b'{"event":{"metadata":{"namespace":"\\ud800"}}}')
def test_no_value_raises_anything_but_a_refusal(key_of: KeyOf, value: bytes) -> None:
    answer: RoutingKey | Reason
    try:
        answer = key_of(value)
    except UnroutableError as error:
        answer = error.reason
    assert answer, "an empty namespace is none"
    assert not isinstance(answer, Reason) or answer in (Reason.NOT_JSON, Reason.NO_NAMESPACE)
