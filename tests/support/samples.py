"""Events for tests: the samples of a real cluster, and made ones that can be told apart."""

from collections.abc import Iterable
from pathlib import Path
from zlib import crc32

import msgspec

from tests.support.topics import Headers, Record

SAMPLES = Path(__file__).parent.parent / "samples" / "cluster-events.jsonl"
CREATE_TIME = 1
PADDING = 'Back-off restarting failed container "x" in pod, again and again. ' * 6


class _Sample(msgspec.Struct):
    key: str | None
    timestamp_ms: int
    value: str


class _Metadata(msgspec.Struct):
    namespace: str


class _Event(msgspec.Struct):
    metadata: _Metadata


class _Envelope(msgspec.Struct):
    event: _Event


def load(partitions: int) -> list[Record]:
    """The samples in their order, each with its key and timestamp and the partition that its key belongs to."""
    decoder = msgspec.json.Decoder(_Sample)
    found = []
    for number, line in enumerate(SAMPLES.read_bytes().splitlines()):
        sample = decoder.decode(line)
        key = sample.key.encode() if sample.key is not None else None
        partition = partition_of(key, partitions) if key is not None else number % partitions
        found.append(Record(sample.value.encode(), key, (), (CREATE_TIME, sample.timestamp_ms), partition))
    return found


def namespace_of(record: Record) -> str:
    """The namespace of an Eventrouter record, read by another decoder than the program's types."""
    assert record.value is not None
    return msgspec.json.decode(record.value, type=_Envelope).event.metadata.namespace


def partition_of(key: bytes, partitions: int) -> int:
    """Where the records of a key go, so that one object's events are in one partition."""
    return crc32(key) % partitions


def event(namespace: object, name: str, number: int, *, padding: str = PADDING, **metadata: object) -> bytes:
    """An Eventrouter record of an object's `number`th event: a value that exists once."""
    return msgspec.json.encode(
        {
            "verb": "ADDED",
            "event": {
                "metadata": {
                    "name": f"{name}.{number}",
                    "namespace": namespace,
                    "resourceVersion": str(number),
                    **metadata,
                },
                "involvedObject": {"kind": "Pod", "namespace": namespace, "name": name},
                "reason": "BackOff",
                "message": padding,
                "type": "Warning",
            },
        }
    )


def events(
    namespaces: Iterable[str],
    count: int,
    *,
    partitions: int = 1,
    objects: int = 4,
    headers: Headers = (),
    start: int = 0,
) -> list[Record]:
    """`count` records, namespaces and objects in turn; the events of one object are numbered in their order."""
    names = list(namespaces)
    made = []
    for number in range(start, start + count):
        namespace = names[number % len(names)]
        name = f"pod-{number // len(names) % objects}"
        key = f"{namespace}/{name}".encode()
        made.append(Record(event(namespace, name, number), key, headers, partition=partition_of(key, partitions)))
    return made
