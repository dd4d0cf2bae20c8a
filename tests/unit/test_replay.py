"""The transactions of a replay on a producer that fails as the client was seen to; the rest is in tests/commands."""

from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from fanout.cluster.answers import AskError
from fanout.deadletters.letters import Letter
from fanout.errors import Reason
from fanout.replay import outbox as module
from fanout.replay.fates import Fate, Fates
from fanout.replay.outbox import FencedError, Outbox, Parcel
from fanout.replay.record import Replayed
from tests.unit.fakes import settings

RETRIABLE = KafkaError(KafkaError._TIMED_OUT, "slow", retriable=True)
FENCED = KafkaError(KafkaError._FENCED, "fenced", fatal=True)
LOST = KafkaError(KafkaError._STATE, "the transaction has failed", txn_requires_abort=True)


class FakeProducer:
    """Keeps what is committed. `spoiled` are topics whose records fail; `commits` are errors, one for each commit."""

    def __init__(self) -> None:
        self.spoiled: dict[str, int] = {}
        self.commits: list[KafkaError] = []
        self.begun = 0
        self.aborted = 0
        self.open: list[tuple[str, Any]] = []
        self.committed: list[tuple[str, Any]] = []
        self._failed: list[Callable[[], None]] = []

    def init_transactions(self, _timeout: float) -> None:
        if self.commits:
            raise KafkaException(self.commits.pop(0))

    def begin_transaction(self) -> None:
        self.begun += 1
        self.open = []

    def produce(self, topic: str, value: bytes | None = None, _key: bytes | None = None, **more: Any) -> None:  # noqa: ANN401  # as the client takes them
        self.open.append((topic, more["partition"] if value is None else value))
        if topic in self.spoiled:
            error = KafkaError(self.spoiled[topic], f"no {topic}")
            self._failed.append(lambda: more["on_delivery"](error, None))

    def poll(self, _timeout: float) -> int:
        return 0

    def commit_transaction(self, _timeout: float) -> None:
        if self.commits:
            raise KafkaException(self.commits.pop(0))
        if self._failed:
            raise KafkaException(LOST)
        self.committed += self.open

    def abort_transaction(self, _timeout: float) -> None:
        failed, self._failed = self._failed, []
        for tell in failed:
            tell()
        self.aborted += 1


@pytest.fixture
def producer(monkeypatch: pytest.MonkeyPatch) -> FakeProducer:
    fake = FakeProducer()
    monkeypatch.setattr(module, "Producer", lambda _config: fake)
    return fake


@pytest.fixture
def outbox(producer: FakeProducer) -> Outbox:
    assert producer.begun == 0
    return Outbox(settings(groupid="g"), 1_000_000)


def parcel(destination: str, value: bytes = b"v", partition: int = 0) -> Parcel:
    letter = Letter("unknown-topic", "", "cluster-events", 0, 1, 5, value, spot=(partition, 7))
    return Parcel(letter, destination, Replayed(letter))


def test_records_and_marks_are_in_one_transaction_the_mark_in_the_partition_of_its_letter(
    producer: FakeProducer, outbox: Outbox
) -> None:
    assert outbox.deliver([parcel("a"), parcel("b", b"w", partition=3)]) == []
    letters = "cluster-events-dlq"
    assert producer.committed == [("a", b"v"), (letters, 0), ("b", b"w"), (letters, 3)]
    assert producer.begun == 1


def test_what_spoils_a_transaction_is_returned_and_the_others_go_alone(producer: FakeProducer, outbox: Outbox) -> None:
    producer.spoiled = {"bad": KafkaError.MSG_SIZE_TOO_LARGE, "denied": KafkaError.TOPIC_AUTHORIZATION_FAILED}
    returned = outbox.deliver([parcel("a"), parcel("denied"), parcel("bad"), parcel("denied"), parcel("b")])
    assert [(back.parcel.destination, back.refusal.reason) for back in returned] == [
        ("denied", Reason.NOT_AUTHORIZED), ("bad", Reason.TOO_LARGE), ("denied", Reason.NOT_AUTHORIZED),
    ]  # fmt: skip
    assert [topic for topic, _ in producer.committed if "dlq" not in topic] == ["a", "b"]
    assert producer.begun == 5, "all, then each alone, but for the second of a topic that is closed to us"


def test_a_commit_without_an_answer_is_asked_for_again(producer: FakeProducer, outbox: Outbox) -> None:
    producer.commits = [RETRIABLE, RETRIABLE]
    assert outbox.deliver([parcel("a")]) == []
    assert (producer.begun, producer.aborted, len(producer.committed)) == (1, 0, 2)


def test_another_replay_ends_this_one(producer: FakeProducer, outbox: Outbox) -> None:
    producer.commits = [FENCED]
    with pytest.raises(FencedError, match=r"another replay of this group has begun \(g-replay\)"):
        outbox.deliver([parcel("a")])
    assert producer.committed == []


def test_a_failure_that_is_nobodys_fault_stops_it_and_refuses_nothing(producer: FakeProducer, outbox: Outbox) -> None:
    producer.commits = [LOST] * 3
    with pytest.raises(AskError, match="run it again"):
        outbox.deliver([parcel("a"), parcel("b")])
    assert (producer.begun, producer.aborted, producer.committed) == (3, 3, [])
    producer.commits = [LOST] * 2
    assert outbox.deliver([parcel("a")]) == []
    assert len(producer.committed) == 2


def test_a_missing_right_is_named(producer: FakeProducer, outbox: Outbox) -> None:
    producer.commits = [KafkaError(KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "denied")]
    with pytest.raises(AskError, match="grant WRITE and DESCRIBE on transactional id g-replay") as caught:
        outbox.open()
    assert caught.value.denied


def test_fates_are_told_in_their_order_with_an_example() -> None:
    fates = Fates()
    for detail in ("9 bytes", "8 bytes"):
        fates.note(Fate.REFUSED, "too-large", detail)
    fates.note(Fate.REPLAYED, "team-a")
    assert [(each.fate, each.where_or_why, each.letters, each.example) for each in fates.outcomes()] == [
        ("replayed", "team-a", 1, ""), ("refused again", "too-large", 2, "9 bytes"),
    ]  # fmt: skip
    assert fates.of(Fate.REFUSED) == 2
