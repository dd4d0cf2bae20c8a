"""Poison of every kind between good records: each is once in the dead letters, and every good one arrives."""

import time
from typing import NamedTuple

import msgspec
import pytest

from bench.broker import LocalKafka
from bench.program import Program
from tests.support.comparing import assert_exactly, body, wait_caught_up
from tests.support.rawheader import Raw, produce_with_raw_header
from tests.support.samples import CREATE_TIME, event, events
from tests.support.topics import Headers, Record, produce, read_all, read_topics, topics

SOURCE = "poisoned"
GOOD = ("poison-a", "poison-b")
PARTITIONS = 2
DAY_MS = 86_400_000
# Each record in a batch of its own: the largest, at Kafka's default of max.message.bytes, leave no room for others.
ALONE = {"batch.num.messages": 1, "message.max.bytes": 1_048_588}
FITTING = 1_048_400  # a value that, with key and framing, is just within it
RAW_HEADER = (b"h\xff\xfe", b"1")
HEADERS: Headers = (("traceparent", b"00-1"), ("null", None), ("twice", b"1"), ("twice", b""))


class Poison(NamedTuple):
    """A value that is to be refused, and for which reason."""

    reason: str
    value: bytes | None


def _eventer() -> bytes:
    inner = event(GOOD[0], "pod", 0).decode()
    return msgspec.json.encode({"EventValue": inner, "EventTime": "2026-11-23T01:31:37Z", "Cluster": "c"})


def _otlp() -> bytes:
    log = {
        "body": {"stringValue": "x"},
        "attributes": [{"key": "k8s.namespace.name", "value": {"stringValue": GOOD[0]}}],
    }
    return msgspec.json.encode({"resourceLogs": [{"scopeLogs": [{"logRecords": [log, log]}]}]})


def _padded(value: bytes) -> bytes:
    return value + b" " * (FITTING - len(value))


POISON = {
    "empty": Poison("not-json", b""),
    "tombstone": Poison("not-json", None),
    "null": Poison("no-namespace", b"null"),
    "object": Poison("no-namespace", b"{}"),
    "array": Poison("no-namespace", b"[]"),
    "number": Poison("no-namespace", b"42"),
    "cut": Poison("not-json", event(GOOD[0], "pod", 0)[:-20]),
    "cut-after-the-namespace": Poison("not-json", b'{"verb":"ADDED","event":{"metadata":{"namespace":"poison-a"}}'),
    "not-utf8": Poison("not-json", b"\xff\xfe\x00\x01"),
    "not-utf8-in-the-message": Poison("not-json", event(GOOD[0], "pod", 0).replace(b"Back-off", b"Back\xff\xfe")),
    "text": Poison("not-json", b"an event"),
    "trailing": Poison("not-json", event(GOOD[0], "pod", 0) + b" and more"),
    "two-at-once": Poison("not-json", event(GOOD[0], "pod", 0) * 2),
    "brackets": Poison("not-json", b"[" * 5_000),
    "closed-brackets": Poison("not-json", b'{"event":' * 5_000 + b"1" + b"}" * 5_000),
    "skipped-brackets": Poison("not-json", b'{"x":' + b"[" * 5_000 + b"]" * 5_000 + b"}"),
    "namespace-number": Poison("no-namespace", event(7, "pod", 0)),
    "namespace-null": Poison("no-namespace", event(None, "pod", 0)),
    "namespace-empty": Poison("no-namespace", event("", "pod", 0)),
    "namespace-dots": Poison("bad-namespace", event("..", "pod", 0)),
    "namespace-slash": Poison("bad-namespace", event("a/b", "pod", 0)),
    "namespace-newline": Poison("bad-namespace", event("poison-a\n", "pod", 0)),
    "namespace-300": Poison("bad-namespace", event("n" * 300, "pod", 0)),
    "namespace-internal": Poison("reserved-topic", event("__consumer_offsets", "pod", 0)),
    "namespace-source": Poison("reserved-topic", event(SOURCE, "pod", 0)),
    "namespace-dead-letters": Poison("reserved-topic", event(f"{SOURCE}-dlq", "pod", 0)),
    "metadata-array": Poison("no-namespace", b'{"verb":"ADDED","event":{"metadata":["poison-a"]}}'),
    "two-shapes": Poison(
        "no-namespace", b'{"event":{"metadata":{"namespace":"poison-a"}},"metadata":{"namespace":"b"}}'
    ),
    "kube-eventer": Poison("no-namespace", _eventer()),
    "otlp": Poison("no-namespace", _otlp()),
    "as-large-as-allowed": Poison("not-json", b"x" * FITTING),
    "a-day-ahead": Poison("bad-timestamp", event(GOOD[0], "pod", 1_000_001)),
    "raw-header": Poison("bad-headers", event(GOOD[1], "pod", 1_000_002)),
}
GOOD_LARGE = Record(_padded(event(GOOD[0], "large", 1)), b"large", HEADERS, (CREATE_TIME, 1_790_000_000_000), 0)


class Run(NamedTuple):
    """What was written, and what became of it."""

    good: list[Record]
    poison: dict[str, Record]
    letters: dict[str, list[Record]]  # by key
    created: set[str]
    deaths: list[int]  # exit codes of workers that died


@pytest.fixture(scope="module")
def run(kafka: LocalKafka) -> Run:
    """Write good and bad in turn, and run the program over it until all is committed."""
    now = int(time.time() * 1000)
    kafka.create_topic(SOURCE, PARTITIONS, config={"message.timestamp.after.max.ms": str(2**63 - 1)})
    good: list[Record] = []
    poison: dict[str, Record] = {}
    written: list[Record] = []
    for number, (name, (_, value)) in enumerate(POISON.items()):
        between = events(GOOD, 6, partitions=PARTITIONS, start=6 * number, headers=HEADERS)
        timestamp = (CREATE_TIME, now + DAY_MS) if name == "a-day-ahead" else (CREATE_TIME, now - 1_000 * number)
        poison[name] = Record(value, name.encode(), HEADERS, timestamp, partition=number % PARTITIONS)
        good += between
        written += [*between, poison[name]]
    raw = written.pop()
    produce(kafka.bootstrap, SOURCE, written, ALONE)
    assert raw.key is not None
    assert raw.value is not None
    produce_with_raw_header(kafka.bootstrap, SOURCE, Raw(raw.partition, raw.key, raw.value, RAW_HEADER))
    last = [GOOD_LARGE, *events(GOOD, 6, partitions=PARTITIONS, start=6 * len(POISON), headers=HEADERS)]
    produce(kafka.bootstrap, SOURCE, last, ALONE)
    good += last
    before = topics(kafka.bootstrap)
    with Program(kafka.bootstrap, SOURCE, "poison").may_break() as program:
        wait_caught_up(kafka.bootstrap, "poison", SOURCE)
        assert program.terminate() == 0
        totals = program.totals()
        assert (totals["delivered"], totals["dead_letters"]) == (len(good), len(POISON))
        deaths = [line["exit_code"] for line in program.lines("worker died")]
    letters: dict[str, list[Record]] = {name: [] for name in POISON}
    for letter in read_all(kafka.bootstrap, f"{SOURCE}-dlq"):
        letters[(letter.key or b"").decode()].append(letter)
    return Run(good, poison, letters, topics(kafka.bootstrap) - before, deaths)


@pytest.mark.parametrize("name", POISON)
def test_poison_is_once_in_the_dead_letters_with_its_reason_and_as_it_was(run: Run, name: str) -> None:
    letters, original = run.letters[name], run.poison[name]
    assert len(letters) == 1
    letter = letters[0]
    own = {key: value.decode() for key, value in letter.headers if key.startswith("fanout.") and value is not None}
    assert own["fanout.reason"] == POISON[name].reason
    assert own["fanout.topic"] == SOURCE
    assert own["fanout.partition"] == str(original.partition)
    assert own["fanout.detail"]
    assert int(own["fanout.offset"]) >= 0
    assert own["fanout.time"].startswith("20")
    assert (letter.value, letter.key) == (original.value, original.key)
    if name != "raw-header":  # its other headers cannot be read, and its timestamp is not ours
        assert tuple(pair for pair in letter.headers if not pair[0].startswith("fanout.")) == original.headers
        assert letter.timestamp == original.timestamp


def test_poison_kills_no_worker(run: Run) -> None:
    assert not run.deaths


def test_dead_letters_name_the_offset_of_their_record(run: Run) -> None:
    offsets = [
        (dict(letter.headers)["fanout.partition"], dict(letter.headers)["fanout.offset"])
        for letters in run.letters.values()
        for letter in letters
    ]
    assert len(set(offsets)) == len(POISON)


def test_every_good_record_between_poison_arrives_once_as_it_was(kafka: LocalKafka, run: Run) -> None:
    assert_exactly(kafka.bootstrap, run.good)
    large = [record for record in read_all(kafka.bootstrap, GOOD[0]) if record.key == b"large"]
    assert [(body(record), record.timestamp) for record in large] == [(body(GOOD_LARGE), GOOD_LARGE.timestamp)]


def test_poison_makes_no_topics(run: Run) -> None:
    assert run.created == {*GOOD, f"{SOURCE}-dlq"}


ENVELOPES = {
    "bare": b'{"kind":"Event","metadata":{"name":"e","namespace":"%s"},"involvedObject":{"namespace":"x"}}',
    "watch": b'{"type":"ADDED","object":{"metadata":{"namespace":"%s"},"involvedObject":{"namespace":"x"}}}',
    "events.k8s.io": b'{"metadata":{"namespace":"%s"},"regarding":{"namespace":"x"},"note":"n","deprecatedCount":1}',
    "updated": b'{"verb":"UPDATED","event":{"metadata":{"namespace":"%s"}},"old_event":{"metadata":{"namespace":"x"}}}',
    "spaced": b' {\n "event" : {"metadata" : {"x": "\\u00e9\\ud83d\\ude00", "namespace" : "%s" } } }\n',
    "escaped-namespace": b'{"event":{"metadata":{"namespace":"%s"}},"message":"\xc3\xa9\xf0\x9f\x98\x80"}',
}


def test_every_envelope_is_told_by_its_shape(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(prefix)
    sent = {f"{prefix}-{name}": template % f"{prefix}-{name}".encode() for name, template in ENVELOPES.items()}
    produce(kafka.bootstrap, prefix, [Record(value) for value in sent.values()])
    with Program(kafka.bootstrap, prefix, prefix) as program:
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        assert program.terminate() == 0
    found = read_topics(kafka.bootstrap, sent)
    assert {name: [record.value for record in records] for name, records in found.items()} == {
        name: [value] for name, value in sent.items()
    }


def test_a_path_names_the_namespace_of_an_unknown_envelope(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(prefix)
    good = b'{"data":{"k8s":{"ns":"%s-there"}},"metadata":{"namespace":"%s-not-there"}}' % ((prefix.encode(),) * 2)
    produce(kafka.bootstrap, prefix, [Record(good), Record(b'{"data":{"k8s":{}}}'), Record(b'{"data":{"k8s":7}}')])
    with Program(kafka.bootstrap, prefix, prefix, NAMESPACE_PATH="data.k8s.ns") as program:
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        assert program.terminate() == 0
    assert [record.value for record in read_all(kafka.bootstrap, f"{prefix}-there")] == [good]
    letters = read_all(kafka.bootstrap, f"{prefix}-dlq")
    assert [dict(letter.headers)["fanout.reason"] for letter in letters] == [b"no-namespace"] * 2
    assert f"{prefix}-not-there" not in topics(kafka.bootstrap)
