from typing import cast

import pytest
from confluent_kafka import KafkaError, KafkaException

from fanout.errors import FailureKind, Reason, WorkerFailureError
from fanout.worker import redelivery as redelivery_module
from fanout.worker import shard as shard_module
from fanout.worker.redelivery import DENIED_ALL_S, DENIED_FOR_S, RETRY_MAX_S, UNKNOWN_FAULTS_MAX
from fanout.worker.routes import Refusal
from fanout.worker.shard import Shard
from tests.unit.fakes import NOW_MS, FakeRecord, RecordWithUnreadableHeaders
from tests.unit.rig import DLQ, Rig

TOO_LARGE = KafkaError.MSG_SIZE_TOO_LARGE
DENIED = KafkaError.TOPIC_AUTHORIZATION_FAILED
REFUSAL = Refusal(Reason.NOT_JSON, "not JSON")


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch of the client is small here, so that small limits can stand for large ones."""
    monkeypatch.setattr("fanout.worker.limits.BATCH_BYTES", 100)
    monkeypatch.setattr("fanout.worker.destination.BATCH_BYTES", 100)


@pytest.fixture(autouse=True)
def wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_module, "wall_ms", lambda: NOW_MS)
    monkeypatch.setattr(redelivery_module, "wall_ms", lambda: NOW_MS)


def test_what_failed_is_sent_again_alone_in_source_order_before_what_waited() -> None:
    rig = Rig("a")
    rig.send("a", b"1", b"2", b"3")
    rig.producer.fail(TOO_LARGE, 1)
    rig.turn()
    last = rig.send("a", b"4")
    rig.producer.fail(TOO_LARGE)
    sent = []
    for _ in range(20):
        sent += rig.careful.deliver()
        assert len(rig.careful.outstanding) == 0, "one at a time"
        rig.turn()
        assert len(rig.careful) <= 1
    assert rig.alone() == [b"1", b"2", b"3"]
    assert rig.producer.values() == [b"1", b"2", b"3", b"4"]
    assert not last.done
    rig.settle()
    assert rig.tracker.committable() == 4
    assert rig.redelivery.redelivered == 3
    assert (rig.sink.delivered, rig.sink.dead_letters) == (4, 0)
    rig.send("a", b"5")
    assert rig.producer.values()[-1] == b"5", "it is not held any more"


def test_nothing_is_sent_again_while_a_record_of_the_destination_is_in_flight() -> None:
    rig = Rig("a")
    rig.send("a", b"1", b"2", b"3")
    rig.producer.fail(TOO_LARGE, 1)
    rig.turns()
    assert rig.alone() == [], "2 and 3 may fail yet, and would come before 1"
    rig.producer.deliver()
    rig.turns()
    assert rig.alone() == [b"1"]


def test_failures_that_are_told_out_of_order_are_sent_again_in_source_order() -> None:
    rig = Rig("a")
    rig.send("a", b"1", b"2")
    rig.send("a", b"3")
    third = rig.producer.outstanding.pop()
    rig.producer.outstanding.insert(0, third)
    rig.producer.fail(TOO_LARGE)
    rig.turn()
    rig.settle()
    assert rig.alone() == [b"1", b"2", b"3"]


def test_only_the_record_that_fails_alone_becomes_a_dead_letter() -> None:
    rig = Rig("a")
    window = rig.send("a", b"1", b"large", b"3")
    rig.producer.fail(TOO_LARGE)
    rig.turn()
    rig.careful.deliver()
    rig.turn()
    assert rig.alone() == [b"1", b"large"]
    rig.careful.fail(TOO_LARGE)
    rig.turn()
    (letter,) = rig.letters()
    assert (letter.value, letter.header("fanout.reason"), letter.header("fanout.offset")) == (
        b"large",
        "too-large",
        "1",
    )
    rig.careful.deliver()
    rig.turns()
    assert not window.done, "its letter is not acknowledged yet"
    assert rig.tracker.committable() is None
    rig.settle()
    assert rig.tracker.committable() == 3
    assert rig.alone() == [b"1", b"large", b"3"]
    assert (rig.sink.delivered, rig.sink.dead_letters) == (2, 1)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (KafkaError.MSG_SIZE_TOO_LARGE, Reason.TOO_LARGE),
        (KafkaError.RECORD_LIST_TOO_LARGE, Reason.TOO_LARGE),
        (KafkaError.INVALID_TIMESTAMP, Reason.BAD_TIMESTAMP),
        (KafkaError.INVALID_RECORD, Reason.REFUSED_BY_BROKER),
        (KafkaError.POLICY_VIOLATION, Reason.REFUSED_BY_BROKER),
    ],
)
def test_a_fault_of_the_record_is_told_in_its_dead_letter(code: int, reason: Reason) -> None:
    rig = Rig("a")
    rig.send("a", b"1")
    rig.producer.fail(code)
    rig.turn()
    rig.careful.fail(code)
    rig.turn()
    (letter,) = rig.letters()
    assert letter.header("fanout.reason") == reason.value


def test_a_passing_fault_is_tried_again_later_and_later_and_never_becomes_a_dead_letter() -> None:
    rig = Rig("a")
    rig.send("a", b"1")
    rig.producer.fail(KafkaError.NOT_ENOUGH_REPLICAS)
    rig.turn()
    assert rig.alone() == [b"1"]
    rig.careful.fail(KafkaError.NOT_ENOUGH_REPLICAS)
    rig.turns()
    assert rig.alone() == [b"1"], "not at once"
    rig.turns(2, RETRY_MAX_S)
    assert rig.alone() == [b"1", b"1"]
    rig.settle()
    assert rig.letters() == []
    assert rig.tracker.committable() == 1


def test_a_fault_that_no_one_knows_does_not_hold_its_destination_for_ever() -> None:
    rig = Rig("a")
    rig.send("a", b"1")
    rig.producer.fail(KafkaError.UNKNOWN)
    for _ in range(3 * UNKNOWN_FAULTS_MAX):
        rig.turn(RETRY_MAX_S)
        rig.careful.fail(KafkaError.UNKNOWN)
    assert len(rig.alone()) == UNKNOWN_FAULTS_MAX
    (letter,) = rig.letters()
    assert letter.header("fanout.reason") == "refused-by-broker"
    rig.settle()


def test_a_client_that_is_broken_for_good_stops_the_worker() -> None:
    rig = Rig("a")
    rig.send("a", b"1")
    rig.producer.fail(KafkaError._FATAL)
    with pytest.raises(WorkerFailureError) as caught:
        rig.turn()
    assert caught.value.kind is FailureKind.CLIENT_FATAL


def test_what_the_client_refuses_at_once_is_sent_again_in_its_place() -> None:
    rig = Rig("a")
    rig.destination("a")
    rig.producer.refuse(b"2", BufferError("queue full"))
    rig.send("a", b"1", b"2", b"3")
    rig.turns()
    assert rig.alone() == []
    rig.settle()
    assert rig.alone() == [b"2"]
    assert rig.producer.values() == [b"1", b"3"]
    assert rig.tracker.committable() == 3


def test_what_the_client_refuses_at_once_even_alone_is_a_dead_letter() -> None:
    rig = Rig("a")
    rig.destination("a")
    error = KafkaException(KafkaError(TOO_LARGE))
    rig.producer.refuse(b"1", error)
    rig.careful.refuse(b"1", error)
    rig.send("a", b"1", b"2")
    rig.settle()
    assert [letter.value for letter in rig.letters()] == [b"1"]
    assert rig.producer.values("a") == [b"2"]
    assert rig.tracker.committable() == 2


def test_a_large_record_is_judged_by_its_topics_configuration_before_it_can_spoil_a_batch() -> None:
    rig = Rig("a")
    rig.admin.topics["a"]["max.message.bytes"] = "20000"
    rig.admin.silent = True
    large, fits = b"x" * 30_000, b"y" * 15_000
    rig.send("a", b"1", large, fits, b"4")
    rig.turns()
    assert rig.producer.values() == [b"1"]
    rig.admin.silent = False
    rig.admin.answer()
    rig.settle()
    assert rig.producer.values("a") == [b"1", fits, b"4"]
    assert [(letter.value, letter.header("fanout.reason")) for letter in rig.letters()] == [(large, "too-large")]
    assert rig.alone() == []
    assert rig.tracker.committable() == 4


def test_a_record_that_may_be_too_large_is_sent_alone_in_its_place() -> None:
    rig = Rig("a")
    rig.admin.topics["a"]["max.message.bytes"] = "20000"
    borderline = b"x" * (20_000 - 80)
    order: list[bytes | None] = []
    rig.send("a", b"1", borderline, b"3")
    for _ in range(30):
        for producer in (rig.producer, rig.careful):
            assert len(rig.producer.outstanding) + len(rig.careful.outstanding) <= 1
            order += [produced.value for produced in producer.deliver()]
        rig.turn()
    assert order == [b"1", borderline, b"3"]
    assert rig.alone() == [borderline]
    assert rig.tracker.committable() == 3


@pytest.mark.parametrize(
    ("config", "record", "reason"),
    [
        ({"cleanup.policy": "compact"}, FakeRecord(0, b"x", None), Reason.NULL_KEY),
        ({"cleanup.policy": "delete,compact"}, FakeRecord(0, b"x", None), Reason.NULL_KEY),
        ({"message.timestamp.after.max.ms": "3600000"}, FakeRecord(0, timestamp=(1, NOW_MS + 3_700_000)),
         Reason.BAD_TIMESTAMP),
        ({"message.timestamp.before.max.ms": "86400000"}, FakeRecord(0, timestamp=(1, NOW_MS - 90_000_000)),
         Reason.BAD_TIMESTAMP),
    ],
)  # fmt: skip
def test_what_a_topic_does_not_take_by_its_configuration_is_refused(
    config: dict[str, str], record: FakeRecord, reason: Reason
) -> None:
    rig = Rig("a")
    rig.admin.topics["a"] |= config
    rig.hand_on("a", [record])
    rig.settle()
    assert [letter.header("fanout.reason") for letter in rig.letters()] == [reason.value]
    assert rig.producer.values("a") == []


@pytest.mark.parametrize(
    ("config", "record"),
    [
        ({}, FakeRecord(0, b"x", None)),
        ({"message.timestamp.type": "LogAppendTime", "message.timestamp.before.max.ms": "1"},
         FakeRecord(0, timestamp=(1, 1))),
        ({"message.timestamp.before.max.ms": str(2**63 - 1)}, FakeRecord(0, timestamp=(1, 1))),
    ],
)  # fmt: skip
def test_what_a_topic_does_take_is_sent_however_odd(config: dict[str, str], record: FakeRecord) -> None:
    rig = Rig("a")
    rig.admin.topics["a"] |= config
    rig.hand_on("a", [record])
    rig.settle()
    assert len(rig.producer.values("a")) == 1
    assert rig.letters() == []


def test_unreadable_headers_of_a_record_that_waits_are_its_own_fault_and_asked_for_once() -> None:
    rig = Rig()
    record = RecordWithUnreadableHeaders(0, b"1")
    rig.hand_on("new", [record, FakeRecord(1, b"2")])
    rig.settle()
    assert [letter.header("fanout.reason") for letter in rig.letters()] == ["bad-headers"]
    assert rig.producer.values("new") == [b"2"]
    assert rig.tracker.committable() == 2


def test_a_missing_topic_is_created_before_anything_is_produced_to_it() -> None:
    rig = Rig()
    rig.admin.silent = True
    rig.send("new", b"1", b"2")
    rig.turns()
    assert rig.admin.requests[-1] == ("create", ["new"])
    assert rig.producer.values() == []
    rig.admin.silent = False
    rig.admin.answer()
    rig.settle()
    assert rig.producer.values() == [b"1", b"2"]
    assert rig.created == 1
    assert rig.tracker.committable() == 2


def test_all_unknown_destinations_of_a_round_are_created_in_one_request() -> None:
    rig = Rig()
    for name in ("n1", "n2", "n3"):
        rig.send(name, b"1")
    rig.turns()
    assert [names for kind, names in rig.admin.requests if kind == "create"] == [["n1", "n2", "n3"]]


def test_a_topic_that_was_deleted_is_created_again_and_its_records_are_sent_again_in_order() -> None:
    rig = Rig("a")
    rig.send("a", b"1", b"2")
    del rig.admin.topics["a"]
    rig.producer.fail(KafkaError._UNKNOWN_TOPIC)
    rig.turn()
    rig.send("a", b"3")
    rig.settle()
    assert "a" in rig.admin.topics
    assert rig.alone() == [b"1", b"2"]
    assert rig.producer.values() == [b"1", b"2", b"3"]
    assert rig.tracker.committable() == 3


def test_a_destination_that_does_not_move_is_looked_up_and_created_again_while_the_client_is_silent() -> None:
    rig = Rig("a", "b", silence_ms=5_000)
    rig.send("a", b"1")
    rig.send("b", b"2")
    del rig.admin.topics["a"]
    rig.now = cast("Shard", rig.destination("a").shard)._opened_at
    rig.turns(3, 1.0)
    assert ("describe", ["a", "b"]) not in rig.admin.requests
    rig.turns(8, 1.0)
    looked_up = [set(names) for kind, names in rig.admin.requests if kind == "describe"]
    assert {"a", "b"} in looked_up
    assert "a" in rig.admin.topics
    assert rig.destination("a").held, "what comes meanwhile must not overtake what may fail"
    assert not rig.destination("b").held
    rig.producer.fail(KafkaError._UNKNOWN_TOPIC, topic="a")
    rig.settle()
    assert rig.alone() == [b"1"]


def test_nothing_is_ever_produced_to_a_destination_that_is_refused_for_good() -> None:
    rig = Rig("b", topic_create="none")
    for number in range(3):
        rig.send("absent", b"%d" % number)
        rig.send("b", b"b%d" % number)
        rig.turns()
        for producer in rig.producers:
            producer.deliver(topic="b")
            producer.deliver(topic=DLQ)
        rig.turns()
        # A topic that no one has seen keeps its records in the client for 30 s: its whole producer would not settle.
        assert rig.producer.values("absent") == []
    assert [letter.header("fanout.reason") for letter in rig.letters()] == ["unknown-topic"] * 3
    assert rig.tracker.committable() == 6


def test_a_name_that_collides_with_another_topic_is_refused() -> None:
    rig = Rig()
    rig.admin.refusals["a.b"] = KafkaError.TOPIC_EXCEPTION
    rig.send("a.b", b"1")
    rig.turns()
    assert [letter.header("fanout.reason") for letter in rig.letters()] == ["bad-namespace"]


def test_no_rights_on_one_destination_is_one_tenants_matter_where_others_take_theirs() -> None:
    rig = Rig("a", "b")
    rig.send("a", b"1", b"2")
    rig.producer.fail(DENIED)
    rig.turn()
    rig.send("b", b"0")
    rig.producer.deliver()
    rig.careful.fail(DENIED)
    rig.turns()
    assert [(letter.value, letter.header("fanout.reason")) for letter in rig.letters()] == [
        (b"1", "not-authorized"), (b"2", "not-authorized"),
    ]  # fmt: skip
    assert rig.alone() == [b"1"], "the rest is not tried"
    rig.producers[1].deliver()
    rig.turns()
    assert rig.tracker.committable() == 3


def test_missing_rights_are_tried_again_after_a_while() -> None:
    rig = Rig("a", "b")
    rig.send("a", b"1")
    rig.producer.fail(DENIED)
    rig.turn()
    rig.send("b", b"0")
    rig.producer.deliver()
    rig.careful.fail(DENIED)
    rig.turn()
    rig.send("a", b"2")
    rig.turn(DENIED_FOR_S / 2)
    assert rig.producer.values("a") == [b"1"]
    assert len(rig.letters()) == 2
    rig.turn(DENIED_FOR_S)
    rig.send("a", b"3")
    rig.settle()
    assert rig.producer.values("a") == [b"1", b"3"]
    assert len(rig.letters()) == 2


def test_no_rights_anywhere_stops_the_worker_and_nothing_is_skipped() -> None:
    rig = Rig("a")
    window = rig.send("a", b"1")
    rig.producer.fail(DENIED)
    failure: WorkerFailureError | None = None
    for _ in range(100):
        try:
            rig.turn(DENIED_ALL_S / 20)
        except WorkerFailureError as error:
            failure = error
            break
        rig.careful.fail(DENIED)
    assert failure is not None
    assert failure.kind is FailureKind.NOT_AUTHORIZED
    assert "write" in failure.reason
    assert "topic a" in failure.reason
    assert rig.letters() == []
    assert not window.done


def test_rights_that_are_granted_in_time_let_the_records_go_on() -> None:
    rig = Rig("a")
    rig.send("a", b"1")
    rig.producer.fail(DENIED)
    rig.turn()
    rig.careful.fail(DENIED)
    rig.turns()
    rig.turn(1.0)
    rig.settle()
    assert rig.letters() == []
    assert rig.tracker.committable() == 1


def test_no_right_to_create_a_topic_is_told_as_such() -> None:
    rig = Rig("b")
    rig.admin.refusals["new"] = DENIED
    rig.send("new", b"1")
    rig.turn()
    rig.send("b", b"0")
    rig.producer.deliver()
    rig.turns(5, 0.2)
    (letter,) = rig.letters()
    assert letter.header("fanout.reason") == "not-authorized"
    assert "create" in letter.header("fanout.detail")


def test_no_rights_on_the_dead_letter_topic_stop_the_worker() -> None:
    rig = Rig("a")
    rig.send("a", b"0")
    rig.producer.deliver()
    rig.turn()
    window = rig.refuse(REFUSAL, b"1")
    rig.producers[1].fail(DENIED)
    rig.turn()
    rig.careful.fail(DENIED)
    with pytest.raises(WorkerFailureError) as caught:
        rig.turns()
    assert caught.value.kind is FailureKind.NOT_AUTHORIZED
    assert DLQ in caught.value.reason
    assert not window.done


def test_a_dead_letter_topic_that_is_missing_is_created_first() -> None:
    rig = Rig()
    del rig.admin.topics[DLQ]
    rig.topics.learn()
    window = rig.refuse(REFUSAL, b"1")
    rig.settle()
    assert DLQ in rig.admin.topics
    assert window.done
    assert len(rig.letters()) == 1


def test_a_dead_letter_that_is_too_large_leaves_its_value_out() -> None:
    rig = Rig()
    window = rig.refuse(REFUSAL, b"x" * 100)
    rig.producers[0].fail(TOO_LARGE)
    rig.turn()
    rig.careful.fail(TOO_LARGE)
    rig.turn()
    shrunk = rig.careful.produced[-1]
    assert shrunk.value is None
    assert shrunk.header("fanout.size") == "100"
    assert shrunk.header("fanout.reason") == "not-json", "why it died, not why it shrank"
    rig.settle()
    assert window.done
    assert rig.sink.dead_letters == 1


def test_a_dead_letter_that_its_topic_is_known_not_to_take_shrinks_before_it_is_sent() -> None:
    rig = Rig()
    rig.admin.topics[DLQ]["max.message.bytes"] = "20000"
    rig.refuse(REFUSAL, b"x" * 30_000)
    rig.settle()
    assert [letter.value for letter in rig.letters()] == [None]


def test_a_dead_letter_with_a_timestamp_that_is_refused_puts_it_into_a_header() -> None:
    rig = Rig()
    rig.refuse(REFUSAL, b"x")
    rig.producers[0].fail(KafkaError.INVALID_TIMESTAMP)
    rig.turn()
    rig.careful.fail(KafkaError.INVALID_TIMESTAMP)
    rig.turn()
    undated = rig.careful.produced[-1]
    assert (undated.value, undated.timestamp) == (b"x", 0)
    assert undated.header("fanout.timestamp") == str(NOW_MS)
    rig.settle()


def test_a_dead_letter_that_is_refused_even_so_stops_the_worker() -> None:
    rig = Rig()
    window = rig.refuse(REFUSAL, b"x")
    rig.producers[0].fail(TOO_LARGE)
    rig.turn()
    rig.careful.fail(TOO_LARGE)
    rig.turn()
    rig.careful.fail(TOO_LARGE)
    with pytest.raises(WorkerFailureError) as caught:
        rig.turns()
    assert caught.value.kind is FailureKind.DEAD_LETTER_REFUSED
    assert "max.message.bytes" in caught.value.reason
    assert not window.done


def test_of_two_dead_letters_with_the_same_content_the_one_that_failed_is_sent_again() -> None:
    rig = Rig()
    rig.refuse(REFUSAL, b"same", b"same")
    producer = rig.producers[0]
    producer.deliver(1)
    producer.fail(KafkaError.NOT_ENOUGH_REPLICAS)
    rig.settle()
    assert [produced.header("fanout.offset") for produced in rig.careful.produced] == ["1"]


def test_other_destinations_of_the_producer_go_on_while_one_is_held() -> None:
    rig = Rig("a", "b")
    rig.send("a", b"1")
    rig.producer.fail(KafkaError.NOT_ENOUGH_REPLICAS)
    rig.turn()
    for number in range(5):
        rig.send("b", b"b%d" % number)
        rig.producer.deliver()
        rig.turn()
    assert rig.producer.values("b") == [b"b%d" % number for number in range(5)]
    assert rig.sink.delivered == 5


def test_records_of_two_source_partitions_keep_the_order_of_each() -> None:
    rig = Rig("a")
    window = rig.tracker.open(10, 6, 0)
    first = [FakeRecord(offset, b"p1-%d" % offset, partition=1) for offset in (100, 101, 102)]
    second = [FakeRecord(offset, b"p0-%d" % offset, partition=0) for offset in (5, 6, 7)]
    rig.sink.send(rig.destination("a"), first, window)
    rig.sink.send(rig.destination("a"), second, window)
    window.give()
    rig.producer.fail(TOO_LARGE)
    rig.settle()
    for partition in (b"p0", b"p1"):
        mine = [value for value in rig.alone() if value is not None and value.startswith(partition)]
        assert len(mine) == 3
        assert mine == sorted(mine)
    assert window.done


def test_nothing_follows_the_first_record_of_a_destination_until_it_is_acknowledged() -> None:
    rig = Rig()
    rig.send("new", b"1", b"2")
    rig.turns()
    rig.send("new", b"3")
    rig.turns()
    assert rig.producer.values() == [b"1"]
    rig.producer.deliver()
    rig.turns()
    assert rig.producer.values() == [b"1", b"2", b"3"]
    rig.settle()


def test_a_destination_whose_first_record_fails_is_tried_with_one_record_again() -> None:
    rig = Rig()
    rig.send("new", b"1", b"2", b"3")
    rig.turns()
    rig.producer.fail(KafkaError.NOT_LEADER_FOR_PARTITION)
    rig.turns(after_s=1.0)
    assert rig.alone() == [b"1"]
    rig.careful.deliver()
    rig.turns()
    assert rig.producer.values() == [b"1", b"2"]
    rig.producer.deliver()
    rig.turns()
    assert rig.producer.values() == [b"1", b"2", b"3"]
    rig.settle()


def test_a_topic_that_was_made_again_is_tried_with_one_record_first() -> None:
    rig = Rig("a")
    rig.send("a", b"1")
    rig.turn()
    rig.producer.fail(KafkaError.UNKNOWN_TOPIC_OR_PART)
    rig.turn()
    rig.send("a", b"2", b"3")
    rig.turns(after_s=1.0)
    rig.careful.deliver()
    rig.turns()
    assert rig.producer.values() == [b"1", b"2"]
    rig.producer.deliver()
    rig.turns()
    assert rig.producer.values() == [b"1", b"2", b"3"]
    rig.settle()


def test_a_topic_that_is_found_gone_by_a_record_that_is_sent_alone_is_tried_with_one_record_first_too() -> None:
    rig = Rig("a")
    rig.send("a", b"1")
    rig.turn()
    rig.producer.fail(TOO_LARGE)
    rig.turn()
    rig.careful.fail(KafkaError.UNKNOWN_TOPIC_OR_PART)
    rig.turn()
    assert not rig.destination("a").introduced
    for _ in range(5):
        rig.careful.deliver()
        rig.turn(after_s=1.0)
    assert rig.alone() == [b"1", b"1"]
    rig.settle()
