"""Stamps of fault runs: what was written is known again wherever it is read, and whatever was changed in it."""

import pytest

from bench.stamp import Content, Place, Stamp, read_stamp, stamped

EVENT = Content(b'{"verb":"ADDED","event":{"metadata":{"namespace":"a"}}}', b"key", [("h", b"1")], 1_700_000_000_000)
PLACE = Place(3, 41)


@pytest.mark.parametrize("key", [None, b"", b"key"])
@pytest.mark.parametrize("headers", [[], [("h", None)], [("h", b""), ("h", b"2")]])
def test_a_record_is_known_by_its_stamp(key: bytes | None, headers: list[tuple[str, bytes | None]]) -> None:
    written = stamped(EVENT._replace(key=key, headers=headers), PLACE, "a")
    assert read_stamp(written) == Stamp(PLACE, "a", True)


@pytest.mark.parametrize("value", [None, b"", b"{", b"\xff\xfe", b"[1]"])
def test_what_is_no_object_has_its_stamp_in_a_header(value: bytes | None) -> None:
    written = stamped(EVENT._replace(value=value), PLACE, "")
    assert written.value == value
    assert read_stamp(written) == Stamp(PLACE, "", True)


@pytest.mark.parametrize(
    "change",
    [
        {"key": None},
        {"key": b""},
        {"key": b"other"},
        {"headers": []},
        {"headers": [("h", b"2")]},
        {"headers": [("h", b"1"), ("h", b"1")]},
        {"timestamp_ms": 1_700_000_000_001},
    ],
)
def test_whatever_is_changed_is_seen(change: dict[str, object]) -> None:
    stamp = read_stamp(stamped(EVENT, PLACE, "a")._replace(**change))  # type: ignore[arg-type] # any field
    assert stamp == Stamp(PLACE, "a", False)


def test_a_changed_value_is_seen() -> None:
    written = stamped(EVENT, PLACE, "a")
    assert written.value is not None
    assert read_stamp(written._replace(value=written.value.replace(b"ADDED", b"added"))) == Stamp(PLACE, "a", False)
    assert read_stamp(written._replace(value=b" " + written.value)) == Stamp(PLACE, "a", False)


@pytest.mark.parametrize("value", [None, b"", b"{}", b'{"a":1,"stamp":"nonsense"}', b'{"stamp":"1/2/a/zz"}'])
def test_a_record_without_a_stamp_has_none(value: bytes | None) -> None:
    assert read_stamp(Content(value, None, [], 0)) is None
