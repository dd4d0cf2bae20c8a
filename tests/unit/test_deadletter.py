from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from fanout.errors import FailureKind, Reason, WorkerFailureError
from fanout.worker.deadletter import Gap, Letter, Limiter
from fanout.worker.records import Record, Rewritten, UnreadableHeaders
from tests.unit.fakes import NOW_MS, FakeRecord, settings


def letter(record: Record, detail: str = "why") -> Letter:
    return Letter(record, "cluster-events", Reason.TOO_LARGE, detail)


def headers(of: Letter) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for name, value in of.headers() or []:
        assert isinstance(value, bytes)
        found[name] = value
    return found


def test_a_letter_is_the_original_with_where_and_why_in_its_headers() -> None:
    record = FakeRecord(7, b"value", None, headers=[("h", b"1"), ("h", b"2")], partition=3)
    dead = letter(record)
    assert (dead.value(), dead.key(), dead.timestamp()) == (b"value", None, (1, NOW_MS))
    assert (dead.offset(), dead.partition()) == (7, 3)
    assert (dead.headers() or [])[:2] == [("h", b"1"), ("h", b"2")]
    told = headers(dead)
    assert told["fanout.reason"] == b"too-large"
    assert told["fanout.detail"] == b"why"
    assert told["fanout.topic"] == b"cluster-events"
    assert told["fanout.partition"] == b"3"
    assert told["fanout.offset"] == b"7"
    assert told["fanout.time"].endswith(b"Z")
    assert record.headers() == [("h", b"1"), ("h", b"2")], "the original is left alone"


def test_the_letter_of_a_rewritten_record_carries_the_original() -> None:
    original = FakeRecord(1, b"whole", headers=[("h", b"1")])
    dead = letter(Rewritten(original, b"slim", [("other", b"2")]))
    assert dead.value() == b"whole"
    assert "h" in headers(dead)
    assert "other" not in headers(dead)


def test_the_letter_of_a_record_with_unreadable_headers_has_the_rest_of_it() -> None:
    dead = letter(UnreadableHeaders(FakeRecord(1, b"value")))
    assert dead.value() == b"value"
    assert all(name.startswith("fanout.") for name in headers(dead))


def test_a_detail_is_cut_and_never_fails_to_be_written() -> None:
    assert len(headers(letter(FakeRecord(), "x" * 10_000))["fanout.detail"]) == 500
    assert headers(letter(FakeRecord(), "\ud800"))["fanout.detail"] == b"?"


def test_a_letter_shrinks_once_to_size_and_digest() -> None:
    dead = letter(FakeRecord(1, b"value"))
    assert dead.shrink()
    assert dead.value() is None
    assert headers(dead)["fanout.size"] == b"5"
    assert headers(dead)["fanout.sha256"].decode() == sha256(b"value").hexdigest()
    assert not dead.shrink()


def test_a_letter_without_a_value_has_nothing_to_leave_out() -> None:
    assert not letter(FakeRecord(1, None)).shrink()


def test_a_letter_puts_its_timestamp_into_a_header_once() -> None:
    dead = letter(FakeRecord())
    assert dead.undate()
    assert dead.timestamp()[0] == 0
    assert headers(dead)["fanout.timestamp"] == str(NOW_MS).encode()
    assert not dead.undate()


def test_a_gap_stands_for_what_is_gone() -> None:
    gap = Gap(2, 40)
    assert (gap.value(), gap.key(), gap.headers(), gap.timestamp()) == (None, None, None, (0, 0))
    assert (gap.partition(), gap.offset()) == (2, 40)
    assert headers(letter(gap))["fanout.offset"] == b"40"


def stopped(limiter: Limiter, records: int, undecodable: list[int]) -> bool:
    try:
        limiter.note(records, undecodable)
    except WorkerFailureError as error:
        if error.kind is not FailureKind.DEAD_LETTER_LIMIT or "NAMESPACE_PATH" not in error.reason:
            raise
        return True
    return False


def test_a_run_of_undecodable_records_is_counted_across_rounds() -> None:
    limiter = Limiter(settings(dlq_max_run=5, dlq_max_ratio=1))
    assert not stopped(limiter, 4, [1, 2, 3])
    assert not stopped(limiter, 2, [0, 1])
    assert stopped(limiter, 1, [0])


def test_one_good_record_ends_a_run() -> None:
    limiter = Limiter(settings(dlq_max_run=5, dlq_max_ratio=1))
    for _ in range(100):
        assert not stopped(limiter, 5, [0, 1, 2, 3, 4])
        assert not stopped(limiter, 1, [])


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 6), st.integers(1, 9))
def test_the_length_of_a_run_does_not_depend_on_how_it_was_read(bad: list[bool], limit: int, size: int) -> None:
    longest = run = 0
    for is_bad in bad:
        run = run + 1 if is_bad else 0
        longest = max(longest, run)
    limiter = Limiter(settings(dlq_max_run=limit, dlq_max_ratio=1))
    rounds = [bad[start : start + size] for start in range(0, len(bad), size)]
    ended = any(stopped(limiter, len(group), [i for i, is_bad in enumerate(group) if is_bad]) for group in rounds)
    assert ended == (longest > limit)


def test_the_share_of_undecodable_records_stops_the_worker_once_a_window_is_full() -> None:
    limiter = Limiter(settings(dlq_window=100, dlq_max_ratio=0.5))
    for _ in range(9):
        assert not stopped(limiter, 10, [0, 1, 2, 3, 4, 5])
    assert stopped(limiter, 10, [0, 1, 2, 3, 4, 5])


def test_the_share_is_taken_over_the_last_records_only() -> None:
    limiter = Limiter(settings(dlq_window=100, dlq_max_ratio=0.5))
    for _ in range(1_000):
        assert not stopped(limiter, 10, [])
    results = [stopped(limiter, 10, [0, 2, 4, 6, 8, 9]) for _ in range(10)]
    assert results.index(True) in (8, 9), "a long good past does not hide it"


def test_a_share_at_the_limit_is_not_above_it_and_one_means_never() -> None:
    limiter = Limiter(settings(dlq_window=10, dlq_max_ratio=0.5))
    assert not any(stopped(limiter, 10, [0, 2, 4, 6, 8]) for _ in range(50))
    never = Limiter(settings(dlq_window=10, dlq_max_ratio=1, dlq_max_run=10**6))
    assert not any(stopped(never, 10, list(range(10))) for _ in range(50))
