"""What the record of an event says of itself. Everything in it was written by strangers."""

from typing import Any, NamedTuple

import msgspec

from fanout.settings import Settings
from fanout.worker.envelope import DECODE_ERRORS


class Event(NamedTuple):
    """Texts as they are in the record; empty where there are none."""

    name: str
    kind: str  # of the object
    object: str
    reason: str


NOTHING = Event("", "", "", "")


def describe(settings: Settings, value: bytes | None) -> Event:
    """The event in a record. What cannot be read is empty."""
    try:
        found: Any = msgspec.json.decode(value or b"")
    except DECODE_ERRORS:
        return NOTHING
    event = _inner(settings, _fields(found))
    involved = _fields(event.get("involvedObject") or event.get("regarding"))
    return Event(
        _text(_fields(event.get("metadata")).get("name")),
        _text(involved.get("kind")),
        _text(involved.get("name")),
        _text(event.get("reason")),
    )


def is_about(event: Event, name: str) -> bool:
    """Whether it is about the object of this name, or is itself called so."""
    return name in (event.object, event.name)


def _inner(settings: Settings, record: dict[str, Any]) -> dict[str, Any]:
    """The event in its envelope; with NAMESPACE_PATH=a.b.metadata.namespace it is at a.b."""
    for part in settings.namespace_path.split(".")[:-2]:
        record = _fields(record.get(part))
    if settings.namespace_path:
        return record
    return _fields(record.get("event") or record.get("object") or record)


def _fields(found: object) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


def _text(found: object) -> str:
    return found if isinstance(found, str) else ""
