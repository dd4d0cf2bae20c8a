"""What of a worker only a mutant showed to be untested."""

import pytest
from confluent_kafka import KafkaError

from fanout.errors import FailureKind, Reason, WorkerFailureError
from fanout.worker import redelivery, shard
from fanout.worker.routes import Refusal
from tests.unit.fakes import NOW_MS
from tests.unit.rig import DLQ, Rig

TOO_LARGE = KafkaError.MSG_SIZE_TOO_LARGE


@pytest.fixture(autouse=True)
def wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (shard, redelivery):
        monkeypatch.setattr(module, "wall_ms", lambda: NOW_MS)


def test_a_record_has_its_key_whichever_way_it_goes() -> None:
    """With others, held and then with others, alone, and as a dead letter."""
    rig = Rig("a", "b")
    rig.send("a", b"with others", key=b"1")
    rig.sink.hold(rig.destination("b"))
    rig.send("b", b"held", key=b"2")
    rig.turns()
    rig.producer.fail(TOO_LARGE, topic="a")
    rig.turns()
    rig.refuse(Refusal(Reason.NOT_JSON, "x"), b"letter")
    rig.settle()
    sent = [(p.topic, p.value, p.key) for producer in (*rig.producers, rig.careful) for p in producer.produced]
    assert sent == [
        ("a", b"with others", b"1"),
        ("b", b"held", b"2"),
        (DLQ, b"letter", b"k"),
        ("a", b"with others", b"1"),
    ]
    assert rig.alone() == [b"with others"]


def test_what_is_sent_again_is_done_when_it_is_acknowledged_and_not_before() -> None:
    rig = Rig("a")
    window = rig.send("a", b"1", b"2")
    rig.producer.fail(TOO_LARGE, 1)
    rig.producer.deliver()
    rig.turns(after_s=10.0)
    assert rig.alone() == [b"1"]
    assert not window.done
    assert (rig.tracker.committable(), rig.sink.delivered, rig.redelivery.redelivered) == (None, 1, 0)
    rig.careful.deliver()
    rig.turn()
    assert (rig.tracker.committable(), rig.sink.delivered, rig.redelivery.redelivered) == (2, 2, 1)


def test_a_client_that_breaks_for_good_on_a_record_alone_stops_the_worker() -> None:
    """Like one that breaks on a batch: only another process has another client."""
    rig = Rig("a")
    rig.send("a", b"1")
    rig.producer.fail(TOO_LARGE)
    rig.turns()
    assert rig.alone() == [b"1"]
    rig.careful.fail(KafkaError._FATAL)
    with pytest.raises(WorkerFailureError) as caught:
        rig.turns()
    assert caught.value.kind is FailureKind.CLIENT_FATAL


def test_a_destination_that_comes_back_after_its_producer_was_closed_has_a_new_one() -> None:
    """The client never forgets a topic that it has known: that is what its producer was closed for."""
    rig = Rig("a", producer_idle_ms=1_000)
    rig.send("a", b"1")
    rig.settle()
    used_at = rig.destination("a").used_at
    assert rig.sink.close_idle(used_at + 1.1) == ["a"]
    del rig.destinations["a"]
    rig.send("a", b"2")
    assert [producer.values() for producer in rig.producers] == [[b"1"], [b"2"]]
