"""Records that cannot be routed, each with the reason that its dead letter has to carry."""

import random
from typing import NamedTuple

from fanout.errors import Reason


class Poison(NamedTuple):
    """One record that must become exactly one kind of dead letter."""

    key: bytes  # tells what is wrong with it; unique within one list
    value: bytes | None
    reason: Reason
    timestamp_ms: int = 0


def _namespaced(namespace: str) -> bytes:
    return (
        '{"verb":"ADDED","event":{"metadata":{"name":"poison.1","namespace":'
        + namespace
        + ',"creationTimestamp":null},"involvedObject":{},"reason":"poison","source":{},"firstTimestamp":null,'
        '"lastTimestamp":null,"eventTime":null,"reportingComponent":"","reportingInstance":""}}'
    ).encode()


def poison(seed: int, timestamp_ms: int = 0) -> list[Poison]:
    """One record of each kind, in an order and with details that the seed decides; all have the given timestamp."""
    rng = random.Random(seed)
    good = _namespaced('"team-a"')
    cut = rng.randrange(1, len(good) - 1)
    broken = rng.randrange(10, len(good) - 10)
    records = [
        ("tombstone", None, Reason.NOT_JSON),
        ("empty-value", b"", Reason.NOT_JSON),
        ("cut-short", good[:cut], Reason.NOT_JSON),
        ("not-utf-8", good[:broken] + b"\xff\xfe" + good[broken:], Reason.NOT_JSON),
        ("trailing-text", good + b" and more", Reason.NOT_JSON),
        ("deep-nesting", b"[" * 5_000 + b"]" * 5_000, Reason.NOT_JSON),
        ("null", b"null", Reason.NO_NAMESPACE),
        ("empty-object", b"{}", Reason.NO_NAMESPACE),
        ("empty-array", b"[]", Reason.NO_NAMESPACE),
        ("namespace-null", _namespaced("null"), Reason.NO_NAMESPACE),
        ("namespace-empty", _namespaced('""'), Reason.NO_NAMESPACE),
        ("namespace-number", _namespaced(str(rng.randrange(100))), Reason.NO_NAMESPACE),
        ("namespace-dots", _namespaced('".."'), Reason.BAD_NAMESPACE),
        ("namespace-too-long", _namespaced(f'"{"n" * 300}"'), Reason.BAD_NAMESPACE),
        ("namespace-internal-topic", _namespaced('"__consumer_offsets"'), Reason.RESERVED_TOPIC),
        ("namespace-source-topic", _namespaced('"cluster-events"'), Reason.RESERVED_TOPIC),
    ]
    rng.shuffle(records)
    return [Poison(f"poison-{name}".encode(), value, reason, timestamp_ms) for name, value, reason in records]
