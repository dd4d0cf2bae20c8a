import pytest

from fanout.worker.records import UNREADABLE, Rewritten, UnreadableHeaders, original_of, timestamp_to_send
from tests.unit.fakes import NOW_MS, FakeRecord


@pytest.mark.parametrize(
    ("timestamp", "sent"), [((1, NOW_MS), NOW_MS), ((2, NOW_MS), NOW_MS), ((0, -1), 0), ((1, 0), 1)]
)
def test_a_timestamp_is_kept_and_zero_is_never_sent_for_a_record_that_has_one(
    timestamp: tuple[int, int], sent: int
) -> None:
    assert timestamp_to_send(FakeRecord(timestamp=timestamp)) == sent


def test_a_rewritten_record_differs_from_its_original_in_value_and_headers_only() -> None:
    original = FakeRecord(3, b"old", None, headers=[("a", b"1")], partition=5)
    record = Rewritten(original, b"new", [("b", b"2")])
    assert (record.value(), record.headers()) == (b"new", [("b", b"2")])
    assert (record.key(), record.timestamp(), record.offset(), record.partition()) == (None, (1, NOW_MS), 3, 5)
    assert original_of(record) is original
    assert original_of(original) is original


def test_unreadable_headers_raise_each_time_without_asking_the_client_again() -> None:
    record = UnreadableHeaders(FakeRecord(3, b"v"))
    for _ in range(2):
        with pytest.raises(UNREADABLE):
            record.headers()
    assert record.value() == b"v"
