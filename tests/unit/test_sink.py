from typing import cast

import pytest
from confluent_kafka import KafkaError, KafkaException

from fanout.errors import Reason
from fanout.worker import shard as shard_module
from fanout.worker.limits import NO_LIMITS, ORDINARY_BYTES, ORDINARY_FUTURE_MS, ORDINARY_PAST_MS
from fanout.worker.routes import Refusal
from fanout.worker.shard import Shard
from fanout.worker.sink import EPOCH_HOLD_S, EPOCH_S
from tests.unit.fakes import NOW_MS, FakeRecord, RecordWithUnreadableHeaders
from tests.unit.rig import Rig


@pytest.fixture(autouse=True)
def wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_module, "wall_ms", lambda: NOW_MS)


def test_value_key_timestamp_and_headers_are_handed_over_as_they_are() -> None:
    rig = Rig("a")
    rig.destination("a").know(NO_LIMITS)
    records = [
        FakeRecord(0, b"v", None, headers=[("h", b"1"), ("h", None)], timestamp=(1, NOW_MS - 5)),
        FakeRecord(1, b"", b""),
        FakeRecord(2, None, b"k", headers=None, timestamp=(2, NOW_MS)),
    ]
    rig.hand_on("a", records)
    sent = [(p.topic, p.value, p.key, p.partition, p.timestamp, p.headers) for p in rig.producer.produced]
    assert sent == [
        ("a", b"v", None, -1, NOW_MS - 5, [("h", b"1"), ("h", None)]),
        ("a", b"", b"", -1, NOW_MS, None),
        ("a", None, b"k", -1, NOW_MS, None),
    ]


def test_an_epoch_settles_only_when_nothing_is_outstanding() -> None:
    rig = Rig("a", "b")
    first, second = rig.send("a", b"1", b"2"), rig.send("b", b"3")
    rig.producer.deliver(2)
    rig.sink.poll()
    assert not first.done, "its producer still has a record: which one is not known"
    assert rig.sink.delivered == 0
    rig.producer.deliver()
    rig.sink.poll()
    assert first.done
    assert second.done
    assert rig.sink.delivered == 3
    assert not rig.sink.unsettled()


def test_a_window_on_two_producers_is_done_when_both_have_settled() -> None:
    rig = Rig("a", "b", producer_topics=1)
    records = rig.records(b"1", b"2")
    window = rig.tracker.open(2, 2, 2)
    rig.sink.send(rig.destination("a"), records[:1], window)
    rig.sink.send(rig.destination("b"), records[1:], window)
    window.give()
    rig.producers[0].deliver()
    rig.sink.poll()
    assert not window.done
    rig.producers[1].deliver()
    rig.sink.poll()
    assert window.done


def test_a_failed_record_keeps_its_window_open_and_holds_its_destination() -> None:
    rig = Rig("a")
    window = rig.send("a", b"1", b"2", b"3")
    rig.producer.fail(KafkaError.MSG_SIZE_TOO_LARGE, 1)
    rig.producer.deliver()
    rig.sink.poll()
    assert not window.done
    assert not rig.sink.unsettled()
    assert rig.destination("a").held
    (failure,) = rig.sink.failures
    assert failure.record.value() == b"1"
    assert failure.destination is rig.destination("a")
    assert isinstance(failure.cause, KafkaError)
    assert rig.sink.delivered == 2


def test_a_failure_is_matched_with_its_record_by_content_null_and_empty_told_apart_or_not() -> None:
    rig = Rig("a")
    values: list[bytes | None] = [b"x", None, b"", b"x", b"y"]
    rig.send("a", *values)
    rig.producer.fail(KafkaError.MSG_SIZE_TOO_LARGE)
    rig.sink.poll()
    assert sorted(failure.record.offset() for failure in rig.sink.failures) == [0, 1, 2, 3, 4]


def test_a_failure_is_never_taken_for_one_of_a_record_that_was_not_sent_yet() -> None:
    rig = Rig("a")
    rig.hand_on("a", [FakeRecord(0, b"same"), FakeRecord(1, b"x" * (ORDINARY_BYTES + 1)), FakeRecord(2, b"same")])
    rig.producer.fail(KafkaError.MSG_SIZE_TOO_LARGE)
    rig.sink.poll()
    assert [failure.record.offset() for failure in rig.sink.failures] == [0], "2 waits, and is sent in its turn"


def test_what_comes_for_a_held_destination_waits_in_order_and_others_go_on() -> None:
    rig = Rig("a", "b")
    rig.send("a", b"1")
    rig.producer.fail(KafkaError.MSG_SIZE_TOO_LARGE)
    rig.sink.poll()
    waiting = rig.send("a", b"2", b"3")
    rig.send("b", b"4")
    assert rig.producer.values() == [b"1", b"4"]
    assert [record.value() for batch in rig.destination("a").waiting for record in batch.records] == [b"2", b"3"]
    rig.producer.deliver()
    rig.sink.poll()
    assert not waiting.done


@pytest.mark.parametrize(
    "odd",
    [
        FakeRecord(1, b"x" * (ORDINARY_BYTES + 1)),
        FakeRecord(1, b"x", None),
        FakeRecord(1, b"x", timestamp=(1, NOW_MS - ORDINARY_PAST_MS - 1)),
        FakeRecord(1, b"x", timestamp=(1, NOW_MS + ORDINARY_FUTURE_MS + 1)),
        FakeRecord(1, b"x", timestamp=(0, -1)),
    ],
    ids=["large", "no key", "old", "ahead", "undated"],
)
def test_what_a_destination_might_refuse_waits_with_all_that_follows_it(odd: FakeRecord) -> None:
    rig = Rig("a")
    rig.destination("a").know(None)
    rig.hand_on("a", [FakeRecord(0, b"1"), odd, FakeRecord(2, b"3")])
    assert rig.producer.values() == [b"1"]
    assert rig.destination("a").held
    (batch,) = rig.destination("a").waiting
    assert [record.offset() for record in batch.records] == [1, 2]


def test_what_the_client_refuses_at_once_is_a_failure_and_what_follows_waits() -> None:
    rig = Rig("a")
    rig.destination("a")
    rig.producer.refuse(b"2", KafkaException(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)))
    window = rig.send("a", b"1", b"2", b"3")
    assert rig.producer.values() == [b"1"]
    (failure,) = rig.sink.failures
    assert failure.record.value() == b"2"
    assert [record.value() for batch in rig.destination("a").waiting for record in batch.records] == [b"3"]
    rig.producer.deliver()
    rig.sink.poll()
    assert rig.sink.delivered == 1
    assert not window.done


def test_a_full_queue_of_the_client_loses_nothing() -> None:
    rig = Rig("a")
    rig.destination("a")
    rig.producer.refuse(b"1", BufferError("queue full"))
    window = rig.send("a", b"1", b"2")
    (failure,) = rig.sink.failures
    assert isinstance(failure.cause, KafkaError)
    rig.sink.poll()
    assert not window.done


def test_headers_that_cannot_be_read_are_the_records_own_fault_and_are_not_asked_for_again() -> None:
    rig = Rig("a")
    record = RecordWithUnreadableHeaders(0, b"1")
    rig.hand_on("a", [record, FakeRecord(1, b"2")])
    (failure,) = rig.sink.failures
    assert isinstance(failure.cause, Refusal)
    assert failure.cause.reason is Reason.BAD_HEADERS
    rig.settle()
    (letter,) = rig.letters()
    assert (letter.value, letter.header("fanout.reason")) == (b"1", "bad-headers")
    assert rig.producer.values("a") == [b"2"]
    assert record.asked == 1
    assert rig.tracker.committable() == 2


def test_destinations_fill_one_producer_after_the_other_and_never_move() -> None:
    rig = Rig("a", "b", "c", "d", "e", producer_topics=2, producers_max=2)
    shards = [rig.destination(name).shard for name in "abcde"]
    assert len(rig.producers) == 2
    assert shards[0] is shards[1]
    assert shards[2] is shards[3]
    assert shards[0] is not shards[2]
    assert shards[4] in shards[:4], "beyond the limit the least loaded takes it"


def test_dead_letters_have_a_producer_of_their_own() -> None:
    rig = Rig("a")
    rig.send("a", b"1")
    window = rig.refuse(Refusal(Reason.NOT_JSON, "x"), b"2")
    assert rig.producers[0].values() == [b"1"]
    assert rig.producers[1].values() == [b"2"]
    rig.producers[0].deliver()
    rig.sink.poll()
    assert not window.done, "its letter is not acknowledged"
    rig.producers[1].deliver()
    rig.sink.poll()
    assert window.done
    assert (rig.sink.delivered, rig.sink.dead_letters) == (1, 1)


def test_an_old_epoch_is_not_fed_so_that_it_can_settle_but_not_for_ever() -> None:
    rig = Rig("a")
    rig.send("a", b"1")
    shard = cast("Shard", rig.destination("a").shard)
    opened = shard._opened_at
    assert rig.sink.feeding(opened + EPOCH_S * 0.9)
    at = opened + EPOCH_S
    assert not rig.sink.feeding(at)
    assert not rig.sink.feeding(at + EPOCH_HOLD_S * 0.9)
    fed = [rig.sink.feeding(at + EPOCH_HOLD_S + step * EPOCH_S / 10) for step in range(10)]
    assert all(fed), "a destination that hangs must not stop the others"
    later = [rig.sink.feeding(at + EPOCH_HOLD_S + EPOCH_S + step * 0.01) for step in range(1, 100)]
    assert 0 < later.count(False) < 40, "it is asked to settle again and again, for a small part of the time"


def test_a_settled_epoch_is_fed_at_once() -> None:
    rig = Rig("a")
    rig.send("a", b"1")
    opened = cast("Shard", rig.destination("a").shard)._opened_at
    assert not rig.sink.feeding(opened + EPOCH_S)
    rig.producer.deliver()
    rig.sink.poll()
    assert rig.sink.feeding(opened + EPOCH_S + 0.001)
    assert rig.sink.feeding(opened + 1_000)


def test_producers_without_records_for_long_are_closed_with_their_destinations() -> None:
    rig = Rig("a", "b", "c", producer_topics=1, producer_idle_ms=1_000)
    for name in "abc":
        rig.send(name, name.encode())
    rig.producers[0].deliver()
    rig.producers[2].deliver()
    rig.sink.poll()
    rig.sink.hold(rig.destination("c"))
    used = max(rig.destination(name).used_at for name in "abc")
    assert rig.sink.close_idle(used + 0.9) == []
    assert rig.sink.close_idle(used + 1.1) == ["a"], "b has a record in flight, c is held"
    assert rig.sink.open("a").shard is not rig.destination("a").shard


def used(rig: Rig, name: str, at: float) -> None:
    """Say when a destination had its last record."""
    rig.destination(name).used_at = at


def test_a_full_producer_most_of_whose_destinations_are_silent_is_closed_for_the_few_that_are_not() -> None:
    rig = Rig("a", "b", "c", producer_topics=3, producer_idle_ms=1_000)
    for name in "abc":
        rig.send(name, name.encode())
        used(rig, name, 0.0)
    used(rig, "c", 10.0)
    assert rig.sink.close_idle(10.5) == [], "its records are in flight"
    rig.settle()
    assert rig.sink.close_idle(10.5) == ["a", "b", "c"]
    assert rig.sink.open("c").shard is not rig.destination("c").shard


@pytest.mark.parametrize(("topics", "silent"), [(3, "a"), (4, "ab")], ids=["most are busy", "it has room"])
def test_a_producer_that_is_of_use_is_kept_with_its_silent_destinations(topics: int, silent: str) -> None:
    rig = Rig("a", "b", "c", producer_topics=topics, producer_idle_ms=1_000)
    for name in "abc":
        rig.send(name, name.encode())
        used(rig, name, 0.0 if name in silent else 10.0)
    rig.settle()
    assert rig.sink.close_idle(10.5) == []


def test_a_producer_that_waits_for_its_first_destination_is_kept() -> None:
    rig = Rig(producer_idle_ms=1_000)
    rig.sink.warm()
    assert rig.sink.close_idle(1e9) == []
    rig.destination("a")
    assert len(rig.producers) == 1
