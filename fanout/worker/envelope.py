"""Decode: the namespace of a record, with only what routing needs decoded; the whole value must be valid JSON.

Envelopes are told apart by shape: Eventrouter `{"verb", "event": {...}}`, the bare Event with `metadata` at the
top, and `{"type", "object": {...}}` (a Kubernetes watch). The top level is written by the source and not by the
authors of events, so its shape can be trusted; a record of two shapes at once is refused.

Only `metadata.namespace` of the Event itself is read: the API server guards it with RBAC, and
`involvedObject.namespace` can be forged.
"""

from collections.abc import Callable
from enum import Enum, auto
from functools import reduce
from typing import Any

import msgspec

from fanout.errors import Reason
from fanout.settings import Settings

# The namespace, which no cluster can have, that stands for cluster-scoped objects.
CLUSTER_SCOPED_NAMESPACE = "_cluster"


# What a decoder raises: TypeError is a null value, RecursionError thousands of nested brackets.
DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError)


class Special(Enum):
    """A routing key that no namespace can be."""

    RESYNC = auto()
    CLUSTER_SCOPED = auto()


RoutingKey = str | Special
KeyOf = Callable[[bytes | None], RoutingKey]


class UnroutableError(Exception):
    """The record has no namespace that could be read: `reason` and `detail` go to its dead letter."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class _Metadata(msgspec.Struct, gc=False):
    namespace: str | None = None


class _Event(msgspec.Struct, gc=False):
    metadata: _Metadata | None = None


class _Envelope(msgspec.Struct, gc=False):
    event: _Event | None = None
    object: _Event | None = None
    metadata: _Metadata | None = None


class _VersionedMetadata(msgspec.Struct, rename="camel", gc=False):
    namespace: str | None = None
    resource_version: str | None = None


class _Involved(msgspec.Struct, gc=False):
    namespace: str | None = None


class _DetailedEvent(msgspec.Struct, rename="camel", gc=False):
    metadata: _VersionedMetadata | None = None
    involved_object: _Involved | None = None
    regarding: _Involved | None = None  # the same in events.k8s.io/v1


class _DetailedEnvelope(msgspec.Struct, rename={"involved_object": "involvedObject"}, gc=False):
    verb: str | None = None
    event: _DetailedEvent | None = None
    old_event: _DetailedEvent | None = None
    object: _DetailedEvent | None = None
    metadata: _VersionedMetadata | None = None
    involved_object: _Involved | None = None
    regarding: _Involved | None = None


def key_function(settings: Settings) -> KeyOf:
    """The decoder for these settings: value -> routing key. It does not block, and raises UnroutableError."""
    if settings.namespace_path:
        return _at_path(settings.namespace_path)
    if settings.drop_resync or settings.split_cluster_scoped:
        return _detailed(drop_resync=settings.drop_resync, split=settings.split_cluster_scoped)
    return _by_shape()


def _by_shape() -> KeyOf:
    decode = msgspec.json.Decoder(_Envelope).decode

    def key_of(value: bytes | None) -> RoutingKey:
        try:
            record = decode(value)  # type: ignore[arg-type]  # None is a TypeError, handled with the rest
            if not value.isascii():  # type: ignore[union-attr]
                _ = value.decode()  # type: ignore[union-attr]  # msgspec does not look inside what it skips
        except DECODE_ERRORS as error:
            raise _unroutable(value, error) from None
        event = record.event
        if event is not None and record.object is None and record.metadata is None:
            metadata = event.metadata
        else:
            metadata = _only(event, record.object, record.metadata)
        if metadata is None or not metadata.namespace:
            raise UnroutableError(Reason.NO_NAMESPACE, "metadata.namespace of the event is missing or empty")
        return metadata.namespace

    return key_of


def _only(event: _Event | None, watched: _Event | None, metadata: _Metadata | None) -> _Metadata | None:
    shapes = [shape for shape in (event, watched, metadata) if shape is not None]
    if len(shapes) > 1:
        raise UnroutableError(Reason.NO_NAMESPACE, "more than one of event, object and metadata at the top level")
    if metadata is not None:
        return metadata
    inner = event or watched
    return inner.metadata if inner is not None else None


def _detailed(*, drop_resync: bool, split: bool) -> KeyOf:
    decode = msgspec.json.Decoder(_DetailedEnvelope).decode
    plain = _by_shape()

    def key_of(value: bytes | None) -> RoutingKey:
        namespace = plain(value)
        try:
            record = decode(value)  # type: ignore[arg-type]  # `plain` has refused None
        except msgspec.ValidationError:
            # An odd field that only the options look at: the event is routed as without them.
            return namespace
        event = record.event or record.object
        metadata = event.metadata if event is not None else record.metadata
        if drop_resync and record.verb == "UPDATED" and record.old_event is not None:
            old = record.old_event.metadata
            version = metadata.resource_version if metadata is not None else None
            if old is not None and version and old.resource_version == version:
                return Special.RESYNC
        if split and namespace == "default":
            source = event if event is not None else record
            involved = source.involved_object or source.regarding
            # A cluster-scoped object has a name and no namespace; an empty reference tells nothing.
            if involved is not None and not involved.namespace:
                return Special.CLUSTER_SCOPED
        return namespace

    return key_of


def _at_path(path: str) -> KeyOf:
    """A decoder for `a.b.c`: nested types made for this path, so that it costs what the known shapes cost."""
    names = path.split(".")
    leaf: Any = str

    def nest(inner: Any, name: str) -> Any:  # noqa: ANN401 - a type made at run time has no static type
        return msgspec.defstruct("At", [("inner", inner | None, None)], rename={"inner": name}, gc=False)

    decode = msgspec.json.Decoder(reduce(nest, reversed(names), leaf)).decode
    depth = range(len(names))

    def key_of(value: bytes | None) -> RoutingKey:
        try:
            found: Any = decode(value)  # type: ignore[arg-type]  # None is a TypeError, handled with the rest
            if not value.isascii():  # type: ignore[union-attr]
                _ = value.decode()  # type: ignore[union-attr]
        except DECODE_ERRORS as error:
            raise _unroutable(value, error) from None
        for _ in depth:
            found = found.inner if found is not None else None
        if not found:
            raise UnroutableError(Reason.NO_NAMESPACE, f"nothing at {path}")
        return str(found)

    return key_of


def _unroutable(value: bytes | None, error: Exception) -> UnroutableError:
    """What to tell of a value that could not be decoded: not JSON, or JSON of another shape."""
    if not value:
        return UnroutableError(Reason.NOT_JSON, "the value is empty" if value is not None else "the value is null")
    if isinstance(error, msgspec.ValidationError):
        # The decoder stopped at the wrong shape: the rest may still be broken, which is the graver fault.
        try:
            msgspec.json.decode(value, type=msgspec.Raw)
            _ = value.decode()
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as graver:
            return UnroutableError(Reason.NOT_JSON, str(graver))
        return UnroutableError(Reason.NO_NAMESPACE, str(error))
    return UnroutableError(Reason.NOT_JSON, str(error))
