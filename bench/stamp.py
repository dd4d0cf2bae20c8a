"""Stamps: what a record of a fault run carries. Wherever it turns up, it tells where it belongs and if it is whole.

A stamp is `partition/sequence/namespace/checksum`: the partition of the source that it was written to, its number in
that partition, the namespace that it is for, and a CRC-32 of value, key, headers and timestamp. It is a field of the
value beside the envelope's own, which no decoder looks at; a value that is no JSON object has it in a header.
"""

import zlib
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

Headers = Sequence[tuple[str, bytes | None]]

HEADER = "stamp"
_MARK = b',"stamp":"'
_encode = msgspec.msgpack.Encoder().encode


class Place(NamedTuple):
    """Where a record was written: partition of the source, and its number in it, from 0."""

    partition: int
    sequence: int


class Stamp(NamedTuple):
    """What a record says of itself. `intact` is whether it is what was written."""

    place: Place
    namespace: str
    intact: bool


class Content(NamedTuple):
    """What a checksum is taken of: all that must not change on the way."""

    value: bytes | None
    key: bytes | None
    headers: Headers
    timestamp_ms: int


def stamped(content: Content, place: Place, namespace: str) -> Content:
    """The record with its stamp: in its value if that is a JSON object that says `namespace`, else in a header."""
    text = f"{place.partition}/{place.sequence}/{namespace}/{_checksum(content):08x}".encode()
    if namespace and content.value is not None:
        return content._replace(value=b'%b%b%b"}' % (content.value[:-1], _MARK, text))
    return content._replace(headers=[*content.headers, (HEADER, text)])


def read_stamp(content: Content) -> Stamp | None:
    """The stamp of a record, wherever it was read; None where there is none that could be read."""
    body, mark, tail = (content.value or b"").rpartition(_MARK)
    if mark:
        text, original = tail.removesuffix(b'"}'), content._replace(value=body + b"}")
    else:
        found = [header for header in content.headers if header[0] == HEADER]
        text = (found[-1][1] if found else None) or b""
        original = content._replace(headers=[header for header in content.headers if header[0] != HEADER])
    try:
        partition, sequence, namespace, checksum = text.decode().split("/")
        place = Place(int(partition), int(sequence))
        return Stamp(place, namespace, int(checksum, 16) == _checksum(original))
    except ValueError:
        return None


def _checksum(content: Content) -> int:
    return zlib.crc32(_encode((content.value, content.key, list(content.headers), content.timestamp_ms)))
