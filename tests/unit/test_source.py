from collections.abc import Sequence
from typing import cast

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from fanout.errors import FailureKind, WorkerFailureError
from fanout.worker.source import Expired, Source, beginnings, by_partition
from tests.unit.fakes import ErrorMessage, FakeRecord


class FakeConsumer:
    """Gives out what the test queued."""

    def __init__(self) -> None:
        self.queue: list[FakeRecord | ErrorMessage] = []
        self.assignments: list[dict[int, int]] = []
        self.polls: list[float] = []
        self.watermarks: tuple[int, int] | KafkaException = (0, 0)
        self.asked: list[int] = []

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        assert {tp.topic for tp in partitions} == {"cluster-events"}
        self.assignments.append({tp.partition: tp.offset for tp in partitions})

    def consume(self, count: int, timeout: float) -> list[FakeRecord | ErrorMessage]:
        assert timeout == 0, "consume with a time-out waits all of it"
        taken, self.queue = self.queue[:count], self.queue[count:]
        return taken

    def poll(self, timeout: float) -> FakeRecord | ErrorMessage | None:
        self.polls.append(timeout)
        return self.queue.pop(0) if self.queue else None

    def get_watermark_offsets(self, partition: TopicPartition, timeout: float) -> tuple[int, int]:
        self.asked.append(partition.partition)
        if isinstance(self.watermarks, KafkaException):
            raise self.watermarks
        return self.watermarks


def reading(consumer: FakeConsumer, **offsets: int) -> Source:
    positions = {int(name.removeprefix("p")): offset for name, offset in offsets.items()}
    return Source(cast("Consumer", consumer), "cluster-events", positions)


def offsets(source: Source, limit: int = 100) -> list[int]:
    return [record.offset() for group in source.read(limit, 0.5).values() for record in group]


def test_it_begins_where_it_is_told_to() -> None:
    consumer = FakeConsumer()
    reading(consumer, p0=5, p3=-2)
    assert consumer.assignments == [{0: 5, 3: -2}]


def test_a_partition_without_a_commit_begins_at_its_earliest_record() -> None:
    consumer = FakeConsumer()
    consumer.watermarks = (30, 50)
    assert beginnings(cast("Consumer", consumer), "cluster-events", {0: 5, 2: -2, 3: -2}, lambda: True) == {
        2: 30, 3: 30,
    }  # fmt: skip


def test_a_worker_of_many_partitions_beats_while_it_asks_where_they_begin_and_ends_when_told_to() -> None:
    consumer = FakeConsumer()
    consumer.watermarks = (30, 50)
    beats: list[list[int]] = []

    def goes_on() -> bool:
        beats.append(list(consumer.asked))
        return len(beats) < 3

    assert beginnings(cast("Consumer", consumer), "cluster-events", dict.fromkeys(range(9), -2), goes_on) == {
        0: 30, 1: 30,
    }  # fmt: skip
    assert beats == [[], [0], [0, 1]], "before each question"


def test_a_broker_that_is_away_is_asked_for_beginnings_once() -> None:
    consumer = FakeConsumer()
    consumer.watermarks = KafkaException(KafkaError(KafkaError._TRANSPORT))
    assert beginnings(cast("Consumer", consumer), "cluster-events", {2: -2, 3: -2}, lambda: True) == {}
    assert consumer.asked == [2]


def test_a_round_is_what_is_there_up_to_the_limit_and_waits_only_when_there_is_nothing() -> None:
    consumer = FakeConsumer()
    source = reading(consumer, p0=0)
    consumer.queue = [FakeRecord(n) for n in range(5)]
    assert offsets(source, 3) == [0, 1, 2]
    assert offsets(source, 3) == [3, 4]
    assert consumer.polls == []
    assert offsets(source) == []
    assert consumer.polls == [0.5]


def test_the_first_record_after_a_pause_comes_with_what_came_with_it() -> None:
    class Late(FakeConsumer):
        def consume(self, count: int, timeout: float) -> list[FakeRecord | ErrorMessage]:
            return super().consume(count, timeout) if self.polls else []

    consumer = Late()
    source = reading(consumer, p0=0)
    consumer.queue = [FakeRecord(n) for n in range(4)]
    assert offsets(source, 3) == [0, 1, 2]


def test_a_limit_of_one_reads_one() -> None:
    consumer = FakeConsumer()
    consumer.queue = [FakeRecord(0), FakeRecord(1)]
    assert offsets(reading(consumer, p0=0), 1) == [0]


def test_records_that_expired_unread_are_told_exactly_and_reading_goes_on_behind_them() -> None:
    consumer = FakeConsumer()
    source = reading(consumer, p0=0, p1=70)
    consumer.queue = [FakeRecord(9), ErrorMessage(KafkaError._AUTO_OFFSET_RESET), FakeRecord(70, partition=1)]
    consumer.watermarks = (25, 90)
    assert offsets(source) == [9, 70]
    assert source.take_expired() == [Expired(0, 10, 25)]
    assert source.take_expired() == []
    assert consumer.assignments[-1] == {0: 25, 1: 71}, "the other partition goes on where it was"


def test_an_offset_that_is_there_after_all_is_read_again() -> None:
    consumer = FakeConsumer()
    source = reading(consumer, p0=30)
    consumer.queue = [ErrorMessage(KafkaError._AUTO_OFFSET_RESET)]
    consumer.watermarks = (25, 30)
    assert offsets(source) == []
    assert source.take_expired() == []
    assert consumer.assignments[-1] == {0: 30}


def test_an_offset_past_the_end_means_that_the_source_is_another_one() -> None:
    consumer = FakeConsumer()
    source = reading(consumer, p0=31)
    consumer.queue = [ErrorMessage(KafkaError._AUTO_OFFSET_RESET)]
    consumer.watermarks = (0, 30)
    with pytest.raises(WorkerFailureError) as caught:
        offsets(source)
    assert caught.value.kind is FailureKind.SOURCE_RECREATED


def test_watermarks_that_are_not_known_are_asked_again() -> None:
    consumer = FakeConsumer()
    source = reading(consumer, p0=10)
    consumer.queue = [ErrorMessage(KafkaError._AUTO_OFFSET_RESET)]
    consumer.watermarks = KafkaException(KafkaError(KafkaError._TIMED_OUT))
    assert offsets(source) == []
    assert consumer.assignments[-1] == {0: 10}
    consumer.queue = [ErrorMessage(KafkaError._AUTO_OFFSET_RESET)]
    consumer.watermarks = (12, 30)
    assert offsets(source) == []
    assert source.take_expired() == [Expired(0, 10, 12)]


def test_where_no_broker_answers_one_partition_is_waited_for_and_not_each() -> None:
    consumer = FakeConsumer()
    source = reading(consumer, p0=10, p1=10, p2=10)
    lost = [ErrorMessage(KafkaError._AUTO_OFFSET_RESET, partition) for partition in range(3)]
    consumer.queue = [*lost]
    consumer.watermarks = KafkaException(KafkaError(KafkaError._TIMED_OUT))
    assert offsets(source) == []
    assert consumer.asked == [0]
    assert consumer.assignments[-1] == {0: 10, 1: 10, 2: 10}, "all are tried again"
    consumer.queue = [*lost]
    consumer.watermarks = (12, 30)
    offsets(source)
    assert source.take_expired() == [Expired(partition, 10, 12) for partition in range(3)]


def test_the_records_of_a_worker_are_by_partition_whether_it_has_one_or_more() -> None:
    for positions, partition in (({"p4": 0}, 4), ({"p4": 0, "p5": 0}, 5)):
        consumer = FakeConsumer()
        consumer.queue = [FakeRecord(0, partition=partition), FakeRecord(1, partition=partition)]
        source = reading(consumer, **positions)
        assert [*source.read(10, 0.1)] == [partition]
        consumer.queue = []
        assert source.read(10, 0.1) == {}


@pytest.mark.parametrize(
    "code",
    [
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    ],
)
def test_no_right_to_read_stops_the_worker_with_operation_and_topic(code: int) -> None:
    consumer = FakeConsumer()
    consumer.queue = [ErrorMessage(code)]
    with pytest.raises(WorkerFailureError) as caught:
        offsets(reading(consumer, p0=0))
    assert caught.value.kind is FailureKind.NOT_AUTHORIZED
    assert "read cluster-events" in caught.value.reason


def test_other_errors_pass_and_the_records_beside_them_count() -> None:
    consumer = FakeConsumer()
    consumer.queue = [FakeRecord(0), ErrorMessage(KafkaError.UNKNOWN_TOPIC_OR_PART), FakeRecord(1)]
    assert offsets(reading(consumer, p0=0)) == [0, 1]


def test_records_are_parted_by_partition_in_source_order() -> None:
    records = [FakeRecord(1, partition=2), FakeRecord(7, partition=0), FakeRecord(2, partition=2)]
    parted = by_partition(records)
    assert {p: [record.offset() for record in group] for p, group in parted.items()} == {0: [7], 2: [1, 2]}
    assert by_partition([]) == {}
