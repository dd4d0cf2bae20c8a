"""Values of records: the samples of a real cluster broken in every way, JSON that resembles them, and noise."""

import json
from typing import Any

from hypothesis import strategies as st

from tests.support import samples

Json = Any

_SAMPLES = sorted({record.value or b"" for record in samples.load(1)}, key=len)[::25]
# What decides about a route, and what decoders disagree on.
_NAMES = ("event", "object", "metadata", "namespace", "old_event", "verb", "involvedObject", "resourceVersion", "x", "")
_SCALARS = (
    "a",
    "team-a",
    "default",
    "",
    ".",
    "..",
    "a b",
    "_x",
    "__consumer_offsets",
    "cluster-events",
    "\ud800",
    "a\0",
)
_TOKENS = (
    b'{"metadata":{"namespace":"other"}}', b',"metadata":{"namespace":"other"}', b'"namespace":"other",', b"null", b'"',
    b"\\", b"\\u0000", b"\\ud800", b"\\u0061", b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\0", b"\n",
    b"{", b"}", b"[", b"]", b",", b":", b"NaN", b"-Infinity", b"1e999", b"-0", b"01", b"9" * 400, b"/**/", b"'",
    b"[" * 3_000, b'{"event":' * 2_000, b"\x01", b"\x7f", "é\u2028".encode(),
)  # fmt: skip

texts = st.sampled_from(_SCALARS) | st.text(max_size=6)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
names = st.sampled_from(_NAMES) | st.text(max_size=3)
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4), max_leaves=12
)
metadata = st.fixed_dictionaries({}, optional={"namespace": scalars | trees, "resourceVersion": scalars, "x": trees})
events = st.fixed_dictionaries(
    {}, optional={"metadata": metadata | trees, "involvedObject": metadata | trees, "regarding": metadata, "x": trees}
)
envelopes = st.fixed_dictionaries(
    {},
    optional={
        "verb": st.sampled_from(["ADDED", "UPDATED"]) | scalars,
        "event": events | trees, "old_event": events | trees, "object": events | trees, "metadata": metadata | trees,
        "involvedObject": metadata | trees,
    },
)  # fmt: skip


@st.composite
def _written(draw: st.DrawFn) -> bytes:
    """JSON as some encoder might write it; some keys are there twice."""
    text = json.dumps(
        draw(envelopes | envelopes | trees), ensure_ascii=draw(st.booleans()), indent=draw(st.none() | st.just(1))
    )
    if draw(st.booleans()):
        more = json.dumps(draw(envelopes))
        text = text.rstrip()[:-1] + ("," if text.strip("{} \n") and more != "{}" else "") + more[1:]
    return text.encode(errors="surrogatepass")


@st.composite
def _broken(draw: st.DrawFn) -> bytes:
    """A value with pieces taken out, put in, and put somewhere else."""
    value = draw(st.sampled_from(_SAMPLES) | _written())
    for _ in range(draw(st.integers(0, 4))):
        at, length = draw(st.integers(0, len(value))), draw(st.integers(0, 20))
        piece = draw(st.sampled_from(_TOKENS) | st.binary(max_size=3) | st.just(value[at : at + length * 5]))
        value = value[:at] + piece + value[at + draw(st.sampled_from([0, length])) :]
    return value


@st.composite
def _sampled(draw: st.DrawFn) -> bytes:
    """A sample with another namespace, or whatever, in one of the places that could be taken for it."""
    value: Json = json.loads(draw(st.sampled_from(_SAMPLES)))
    place = draw(st.sampled_from([("event", "metadata"), ("event", "involvedObject"), ("event",), ()]))
    inner = value
    for name in place:
        inner = inner[name]
    inner[draw(names)] = draw(scalars | trees | events)
    return json.dumps(value).encode()


values = st.one_of(_written(), _broken(), _sampled(), st.binary(max_size=40))


def read(value: bytes) -> Json:
    """The value as Python's json reads it. Raises ValueError or RecursionError where it is none."""
    return json.loads(value.decode(), parse_constant=_refused, parse_int=_number, parse_float=_number)


def _refused(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _number(_digits: str) -> int:
    return 0  # Python refuses integers of more than 4 300 digits, which are JSON
