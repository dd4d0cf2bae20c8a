"""Records up to the largest that the broker takes: delivered as they are, or dead letters; neighbours unharmed."""

import os
from collections.abc import Iterator
from hashlib import sha256

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from bench.broker import LocalKafka
from bench.program import Program
from tests.limits.conftest import BROKER_MAX_BYTES
from tests.support.comparing import committed, wait_caught_up
from tests.support.samples import event
from tests.support.topics import Record, produce, read_all, topics, wait_until
from tests.support.watching import MEGABYTE, Watch

LARGE = int(os.environ.get("LIMITS_LARGE_RECORDS", "14"))
PLAIN_MAX_BYTES = 1_048_588  # Kafka's default of max.message.bytes
FRAMING = 100  # of a batch with one record, its key and its value
# The largest, the smallest that a plain topic does not take, the largest that it does, and those about a batch's size.
SIZES = (
    BROKER_MAX_BYTES - FRAMING, PLAIN_MAX_BYTES, PLAIN_MAX_BYTES - FRAMING, BROKER_MAX_BYTES // 2, 1_000_001, 999_999,
    600_000,
)  # fmt: skip
NEIGHBOURS = 5  # small ones after each large one
# Not compressed by the writer: what is asked of the broker is the value's own size.
WRITER: dict[str, str | int] = {
    "message.max.bytes": BROKER_MAX_BYTES,
    "enable.idempotence": False,
    "acks": "all",
    "max.in.flight": 1,
}
# 32 MB in flight, each once as it was read and once in a producer; 24 MB fetched ahead; 40 MB of program; and reserve.
WORKER_MAX = 300 * MEGABYTE
REQUEST_S = 15.0


def sized(namespace: str, number: int, nbytes: int) -> Record:
    """An event whose value has this many bytes."""
    bare = len(event(namespace, "large", number, padding=""))
    return Record(event(namespace, "large", number, padding="x" * (nbytes - bare)), b"large", partition=0)


def mixed(namespaces: tuple[str, ...]) -> Iterator[Record]:
    """Large ones of all sizes in turn, for all namespaces, each with small neighbours behind it."""
    number = 0
    for large in range(LARGE):
        for namespace in namespaces:
            yield sized(namespace, number, SIZES[large % len(SIZES)])
            number += 1
            for _ in range(NEIGHBOURS):
                yield sized(namespace, number, 400)
                number += 1


def of(namespace: str, records: list[Record]) -> list[Record]:
    """The records of a namespace, in their order."""
    mark = b'"namespace":"%s"' % namespace.encode()
    return [record for record in records if mark in (record.value or b"")[:300]]


def size(record: Record) -> int:
    """Bytes of the value."""
    return len(record.value or b"")


@pytest.mark.parametrize("letters_max", [None, PLAIN_MAX_BYTES])
@pytest.mark.timeout(300)
def test_large_records_arrive_or_become_dead_letters(kafka: LocalKafka, prefix: str, letters_max: int | None) -> None:
    roomy, plain = f"{prefix}-roomy", f"{prefix}-plain"
    kafka.create_topics([prefix, roomy])
    if letters_max is not None:
        kafka.create_topic(f"{prefix}-dlq", config={"max.message.bytes": str(letters_max)})
    sent = list(mixed((roomy, plain)))
    produce(kafka.bootstrap, prefix, sent, WRITER)
    settings = {"TOPIC_CONFIG": f"max.message.bytes={PLAIN_MAX_BYTES}"}
    with Program(kafka.bootstrap, prefix, prefix, **settings) as program:
        with Watch(program.workers) as watch:
            wait_caught_up(kafka.bootstrap, prefix, prefix, 120)
        assert not program.lines("worker died")
        assert program.terminate() == 0
    refused = [record for record in of(plain, sent) if size(record) >= PLAIN_MAX_BYTES]
    assert [r.value for r in read_all(kafka.bootstrap, roomy)] == [r.value for r in of(roomy, sent)]
    assert [r.value for r in read_all(kafka.bootstrap, plain)] == [
        r.value for r in of(plain, sent) if size(r) < PLAIN_MAX_BYTES
    ]
    letters = read_all(kafka.bootstrap, f"{prefix}-dlq")
    assert [headers(letter)["fanout.reason"] for letter in letters] == ["too-large"] * len(refused)
    offsets = [headers(letter)["fanout.offset"] for letter in letters]
    assert offsets == [str(offset) for offset, record in enumerate(sent) if record in refused]
    if letters_max is None:
        assert [letter.value for letter in letters] == [record.value for record in refused]
    else:
        assert {letter.value for letter in letters} == {None}
        assert [(headers(letter)["fanout.size"], headers(letter)["fanout.sha256"]) for letter in letters] == [
            (str(size(record)), sha256(record.value or b"").hexdigest()) for record in refused
        ]
    total = sum(map(size, sent)) / MEGABYTE
    print(f"{len(sent)} records, {total:.0f} MB, the largest {max(map(size, sent))} bytes: worker {watch.most}")
    assert watch.most.rss < WORKER_MAX


def headers(letter: Record) -> dict[str, str]:
    """The headers of a dead letter, as text."""
    return {name: (value or b"").decode() for name, value in letter.headers}


def test_a_limit_of_the_source_that_is_raised_meanwhile_is_noticed(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(f"{prefix}-a")
    kafka.create_topic(prefix, config={"max.message.bytes": str(PLAIN_MAX_BYTES)})
    first, large, last = (sized(f"{prefix}-a", number, nbytes) for number, nbytes in enumerate((400, 4_000_000, 400)))
    produce(kafka.bootstrap, prefix, [first], WRITER)
    with Program(kafka.bootstrap, prefix, prefix) as program:
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        raise_limit(kafka, prefix)
        produce(kafka.bootstrap, prefix, [large, last], WRITER)
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        assert program.terminate() == 0
    assert_delivered(kafka, prefix, [first, large, last])


def test_a_record_that_is_large_when_it_is_unpacked_arrives_where_it_fits(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(f"{prefix}-a")
    kafka.create_topic(prefix, config={"max.message.bytes": str(PLAIN_MAX_BYTES)})
    sent = [sized(f"{prefix}-a", number, nbytes) for number, nbytes in enumerate((400, 4_000_000, 400))]
    produce(kafka.bootstrap, prefix, sent, WRITER | {"compression.type": "zstd"})
    with Program(kafka.bootstrap, prefix, prefix) as program:
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        assert program.terminate() == 0
    assert_delivered(kafka, prefix, sent)


def raise_limit(kafka: LocalKafka, topic: str) -> None:
    """Let the topic take what the broker takes, and wait until it does."""
    value = str(BROKER_MAX_BYTES)
    entry = ConfigEntry("max.message.bytes", value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.incremental_alter_configs([resource])[resource].result(REQUEST_S)
    asked = ConfigResource(ResourceType.TOPIC, topic)
    wait_until(
        lambda: admin.describe_configs([asked])[asked].result(REQUEST_S)["max.message.bytes"].value == value,
        REQUEST_S, "the limit to be raised",
    )  # fmt: skip


def assert_delivered(kafka: LocalKafka, source: str, sent: list[Record]) -> None:
    """All of it is in the one destination, in order, and nothing is in the dead letters."""
    letters = read_all(kafka.bootstrap, f"{source}-dlq") if f"{source}-dlq" in topics(kafka.bootstrap) else []
    assert [headers(letter) for letter in letters] == []
    assert [record.value for record in read_all(kafka.bootstrap, f"{source}-a")] == [record.value for record in sent]
    assert committed(kafka.bootstrap, source, source) == {0: len(sent)}
