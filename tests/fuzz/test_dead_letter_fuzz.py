"""Dead letters: whatever the record was, its letter says truly where it was and why, and the client takes it."""

import hashlib

from confluent_kafka import Producer
from hypothesis import given
from hypothesis import strategies as st

from fanout.errors import Reason
from fanout.worker.deadletter import Letter
from fanout.worker.limits import NO_LIMITS, Verdict, judge
from fanout.worker.records import UNREADABLE, Headers, Record, Rewritten, timestamp_to_send
from tests.fuzz.values import texts
from tests.models.profile import examples
from tests.unit.fakes import NOW_MS, FakeRecord, RecordWithUnreadableHeaders

OURS = ("fanout.reason", "fanout.detail", "fanout.topic", "fanout.partition", "fanout.offset", "fanout.time")

# As the client gives them: names are text, and some of them are forged.
header_names = st.sampled_from([*OURS, "fanout.sha256", "", "x"]) | st.text(st.characters(exclude_categories=["Cs"]))
header_lists: st.SearchStrategy[Headers] = st.none() | st.lists(
    st.tuples(header_names, st.none() | st.binary(max_size=9)), max_size=5
)
payloads = st.none() | st.binary(max_size=50)
stamps = st.tuples(st.integers(0, 2), st.integers(-1, 2**62))
details = texts | st.text(st.characters(), max_size=1_000)


@st.composite
def records(draw: st.DrawFn) -> FakeRecord:
    kind = draw(st.sampled_from([FakeRecord, FakeRecord, RecordWithUnreadableHeaders]))
    return kind(
        draw(st.integers(0, 2**62)), draw(payloads), draw(payloads),
        headers=draw(header_lists), timestamp=draw(stamps), partition=draw(st.integers(0, 10_000)),
    )  # fmt: skip


def last(headers: Headers, name: str) -> bytes:
    value = [value for header, value in headers or [] if header == name][-1]
    assert isinstance(value, bytes)
    return value


@given(records(), st.sampled_from(Reason), details, st.booleans())
@examples(200)
def test_a_letter_is_the_record_as_it_was_read_with_where_and_why_behind_its_own_headers(
    record: FakeRecord, reason: Reason, detail: str, rewritten: bool
) -> None:
    given_record: Record = Rewritten(record, b"slim", [("more", b"1")]) if rewritten else record
    letter = Letter(given_record, "cluster-events", reason, detail)
    headers = letter.headers() or []
    own = [] if isinstance(record, RecordWithUnreadableHeaders) else record.headers() or []
    assert headers[: len(own)] == own
    assert [name for name, _ in headers[len(own) :]] == list(OURS)
    assert (letter.value(), letter.key(), letter.timestamp()) == (record.value(), record.key(), record.timestamp())
    assert (letter.partition(), letter.offset()) == (record.partition(), record.offset())
    assert last(headers, "fanout.reason").decode() == reason.value
    assert (int(last(headers, "fanout.partition")), int(last(headers, "fanout.offset"))) == (
        record.partition(),
        record.offset(),
    )
    told = last(headers, "fanout.detail").decode()
    assert len(told) <= 500
    assert told == detail[:500].encode(errors="replace").decode()


@given(records(), st.lists(st.sampled_from(["shrink", "undate"]), max_size=4))
@examples(120)
def test_a_letter_is_made_smaller_only_once_and_loses_nothing_that_can_be_said(
    record: FakeRecord, steps: list[str]
) -> None:
    letter = Letter(record, "cluster-events", Reason.TOO_LARGE, "")
    for number, step in enumerate(steps):
        could = record.value() is not None if step == "shrink" else record.timestamp()[0] != 0
        assert (letter.shrink() if step == "shrink" else letter.undate()) == (could and step not in steps[:number])
    value = record.value()
    if "shrink" in steps and value is not None:
        assert letter.value() is None
        assert int(last(letter.headers(), "fanout.size")) == len(value)
        assert last(letter.headers(), "fanout.sha256").decode() == hashlib.sha256(value).hexdigest()
    if "undate" in steps and record.timestamp()[0]:
        assert letter.timestamp() == (0, 0)
        assert int(last(letter.headers(), "fanout.timestamp")) == (record.timestamp()[1] or 1)


def test_the_real_client_takes_every_letter() -> None:
    producer = Producer({"bootstrap.servers": "127.0.0.1:1", "log_level": 0, "client.id": "letters"})

    @given(records(), st.sampled_from(Reason), details)
    @examples(200)
    def takes(record: FakeRecord, reason: Reason, detail: str) -> None:
        letter = Letter(record, "cluster-events", reason, detail)
        producer.produce(
            "cluster-events-dlq", letter.value(), letter.key(), -1, None, None, timestamp_to_send(letter),
            letter.headers(),
        )  # fmt: skip

    takes()
    producer.purge()
    producer.poll(0)


@given(records())
@examples(200)
def test_where_nothing_is_known_of_a_topic_every_record_is_tried(record: FakeRecord) -> None:
    try:
        assert judge(record, NO_LIMITS, NOW_MS, compressed=False) is Verdict.SEND
    except UNREADABLE:
        assert isinstance(record, RecordWithUnreadableHeaders)
