"""Rewrite: the optional changes to a record before it is sent, SLIM and PROVENANCE_HEADERS; both off by default."""

from collections.abc import Callable, Sequence

import msgspec

from fanout.settings import Settings
from fanout.worker.records import UNREADABLE, Headers, Record, Rewritten, UnreadableHeaders, headers_of

Rewrite = Callable[[Sequence[Record]], Sequence[Record]]

_Fields = dict[str, msgspec.Raw]
_fields = msgspec.json.Decoder(_Fields)
_encoder = msgspec.json.Encoder()


def rewrite_function(settings: Settings) -> Rewrite | None:
    """The rewriting that these settings ask for, or None."""
    steps: list[Callable[[Record], Record]] = []
    if settings.slim:
        steps.append(_slim)
    if settings.provenance_headers:
        topic = settings.topic.encode()
        steps.append(lambda record: _with_provenance(record, topic))
    if not steps:
        return None

    def rewrite(records: Sequence[Record]) -> Sequence[Record]:
        rewritten = []
        for original in records:
            record = original
            for step in steps:
                record = step(record)
            rewritten.append(record)
        return rewritten

    return rewrite


def _slim(record: Record) -> Record:
    """Without managedFields and old_event; everything else as the bytes it was. What is no event stays as it is."""
    try:
        value = record.value()
        envelope = _fields.decode(value or b"")
        envelope.pop("old_event", None)
        for name in ("event", "object"):
            if name in envelope:
                envelope[name] = msgspec.Raw(_encoder.encode(_without_managed_fields(_fields.decode(envelope[name]))))
        return _with_value(record, _encoder.encode(_without_managed_fields(envelope)))
    except msgspec.DecodeError:
        # Another envelope, with NAMESPACE_PATH: there is nothing in it that could be known to be too much.
        return record


def _without_managed_fields(event: _Fields) -> _Fields:
    if "metadata" in event:
        metadata = _fields.decode(event["metadata"])
        if metadata.pop("managedFields", None) is not None:
            event["metadata"] = msgspec.Raw(_encoder.encode(metadata))
    return event


def _with_value(record: Record, value: bytes) -> Record:
    try:
        return Rewritten(record, value, headers_of(record))
    except UNREADABLE:
        return UnreadableHeaders(record)


def _with_provenance(record: Record, topic: bytes) -> Record:
    try:
        headers: Headers = [
            *(headers_of(record) or []),
            ("fanout.topic", topic),
            ("fanout.partition", str(record.partition()).encode()),
            ("fanout.offset", str(record.offset()).encode()),
        ]
    except UNREADABLE:
        return UnreadableHeaders(record)
    original = record.original if isinstance(record, Rewritten) else record
    return Rewritten(original, record.value(), headers)
