import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanout.errors import Reason
from fanout.worker.limits import NO_LIMITS, UNBOUNDED, Limits, Verdict, judge
from fanout.worker.records import size_bounds
from fanout.worker.routes import Refusal
from tests.unit.fakes import NOW_MS, FakeRecord

HOUR_MS = 3_600_000
LIMITS = Limits(max_bytes=1_000, past_ms=HOUR_MS, future_ms=HOUR_MS, null_keys=False)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch of the client is small here, so that small limits can stand for large ones."""
    monkeypatch.setattr("fanout.worker.limits.BATCH_BYTES", 100)
    monkeypatch.setattr("fanout.worker.destination.BATCH_BYTES", 100)


def verdict(record: FakeRecord, limits: Limits = LIMITS, *, compressed: bool = False) -> Verdict | Reason:
    answer = judge(record, limits, NOW_MS, compressed=compressed)
    return answer.reason if isinstance(answer, Refusal) else answer


def test_an_ordinary_record_is_sent() -> None:
    assert verdict(FakeRecord()) is Verdict.SEND


def test_a_record_that_surely_is_too_large_is_refused_and_one_that_may_be_is_sent_alone() -> None:
    least, most = size_bounds(FakeRecord(value=b"", key=b""))
    assert verdict(FakeRecord(value=b"x" * (1_000 - least + 1), key=b"")) is Reason.TOO_LARGE
    assert verdict(FakeRecord(value=b"x" * (1_000 - least), key=b"")) is Verdict.ALONE
    assert verdict(FakeRecord(value=b"x" * (1_000 - most + 1), key=b"")) is Verdict.ALONE
    assert verdict(FakeRecord(value=b"x" * (1_000 - most), key=b"")) is Verdict.SEND


def test_keys_and_headers_count_in_the_size() -> None:
    assert verdict(FakeRecord(value=b"", key=b"x" * 2_000)) is Reason.TOO_LARGE
    assert verdict(FakeRecord(value=b"", headers=[("h", b"x" * 2_000)])) is Reason.TOO_LARGE
    assert verdict(FakeRecord(value=b"", headers=[("x" * 2_000, None)])) is Reason.TOO_LARGE


def test_where_batches_are_compressed_a_large_record_may_fit_and_is_tried_alone() -> None:
    assert verdict(FakeRecord(value=b"x" * 100_000), compressed=True) is Verdict.ALONE


@pytest.mark.parametrize(("ahead_ms", "answer"), [
    (HOUR_MS, Verdict.SEND), (HOUR_MS + 1, Reason.BAD_TIMESTAMP), (-HOUR_MS, Verdict.SEND),
    (-HOUR_MS - 1, Reason.BAD_TIMESTAMP),
])  # fmt: skip
def test_a_timestamp_that_the_topic_does_not_take_is_refused(ahead_ms: int, answer: Verdict | Reason) -> None:
    assert verdict(FakeRecord(timestamp=(1, NOW_MS + ahead_ms))) is answer


def test_a_record_without_a_timestamp_is_dated_now() -> None:
    assert verdict(FakeRecord(timestamp=(0, -1))) is Verdict.SEND


def test_a_record_of_the_epoch_is_very_old_and_not_dated_now() -> None:
    assert verdict(FakeRecord(timestamp=(1, 0))) is Reason.BAD_TIMESTAMP


def test_a_null_key_is_refused_by_a_compacted_topic_and_an_empty_one_is_not() -> None:
    assert verdict(FakeRecord(key=None)) is Reason.NULL_KEY
    assert verdict(FakeRecord(key=b"")) is Verdict.SEND
    assert verdict(FakeRecord(key=None), LIMITS._replace(null_keys=True)) is Verdict.SEND


def test_a_topic_that_does_not_say_what_it_takes_is_sent_everything() -> None:
    odd = FakeRecord(value=b"x" * 10_000_000, key=None, timestamp=(1, 2**60))
    assert verdict(odd, NO_LIMITS) is Verdict.SEND
    assert UNBOUNDED > 2**60


def varint(number: int) -> int:
    """Bytes of a zigzag varint, as Kafka writes lengths."""
    zigzag = (number << 1) ^ (number >> 63)
    return max(1, (zigzag.bit_length() + 6) // 7)


def encoded_size(record: FakeRecord) -> int:
    """Bytes of a record batch of version 2 that holds this record alone, after Kafka's protocol guide."""
    size = 1 + varint(0) + varint(0)  # attributes, timestamp delta, offset delta
    for part in (record.key(), record.value()):
        size += varint(len(part) if part is not None else -1) + len(part or b"")
    headers = record.headers() or []
    size += varint(len(headers))
    for name, value in headers:
        assert not isinstance(value, str)
        size += varint(len(name.encode())) + len(name.encode())
        size += varint(len(value) if value is not None else -1) + len(value or b"")
    return 61 + varint(size) + size


maybe_bytes = (
    st.none() | st.binary(max_size=300) | st.sampled_from([63, 64, 8_191, 8_192, 1_048_575, 1_048_576]).map(bytes)
)


@given(maybe_bytes, maybe_bytes, st.none() | st.lists(st.tuples(st.text(max_size=20), maybe_bytes), max_size=4))
def test_the_size_of_a_batch_of_one_lies_within_the_bounds(
    value: bytes | None, key: bytes | None, headers: list[tuple[str, str | bytes | None]] | None
) -> None:
    record = FakeRecord(value=value, key=key, headers=headers)
    least, most = size_bounds(record)
    assert least <= encoded_size(record) <= most


def test_what_takes_less_than_a_batch_gets_each_record_alone() -> None:
    assert verdict(FakeRecord(value=b"x"), LIMITS._replace(max_bytes=99 + size_bounds(FakeRecord())[1])) is Verdict.SEND
    narrow = LIMITS._replace(max_bytes=99)
    assert judge(FakeRecord(value=b"", key=b"k"), narrow, NOW_MS, compressed=True) is Verdict.ALONE
