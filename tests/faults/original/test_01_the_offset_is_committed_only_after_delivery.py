"""Fault 1: the offset was committed when a record was read, and a delivery that failed was a line of the log."""

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    ResourceType,
)

from bench.broker import LocalKafka
from bench.program import Program
from tests.faults.original.runs import Start, broken, caught_up, dead_letters, reason_of, run_over
from tests.support.comparing import assert_exactly, committed
from tests.support.load import write
from tests.support.samples import event, events
from tests.support.topics import Record, produce, wait_until

FOR_LONG_MS = 900_000
SMALL_BYTES = 20_000


def check_that_nothing_is_committed_before_it_is_delivered(kafka: LocalKafka, name: str, start: Start) -> None:
    """End the program while its clients still keep all that it has read; the next run has to deliver all of it."""
    namespaces = [f"{name}-a", f"{name}-b"]
    sent = events(namespaces, 200)
    kafka.create_topic(name)
    write(kafka.bootstrap, name, sent)
    with start(kafka.bootstrap, name, name, KAFKA_PRODUCER_LINGER_MS=FOR_LONG_MS, STOP_TIMEOUT_MS=1_000) as program:
        program.wait_for("topic created", count=len(namespaces))
        program.terminate()
    before = committed(kafka.bootstrap, name, name)
    run_over(Program, kafka, name)
    assert_exactly(kafka.bootstrap, sent)
    # 0 is where it begins, which is committed at once.
    assert not any(before.values()), f"committed before anything was delivered: {before}"


def test_01_the_check_of_commits_fails_where_they_are_made_when_a_record_is_read(
    kafka: LocalKafka, prefix: str
) -> None:
    with pytest.raises(AssertionError, match="100 of 100 records lost"):
        check_that_nothing_is_committed_before_it_is_delivered(kafka, prefix, broken("commits_when_read"))


def test_01_the_offset_is_committed_only_after_delivery(kafka: LocalKafka, prefix: str) -> None:
    check_that_nothing_is_committed_before_it_is_delivered(kafka, prefix, Program)


def take_less(kafka: LocalKafka, topic: str) -> None:
    """Have a topic refuse large records from now on, which a program that has asked what it takes does not know."""
    entry = ConfigEntry(
        "max.message.bytes",
        str(SMALL_BYTES),
        source=ConfigSource.DYNAMIC_TOPIC_CONFIG,
        incremental_operation=AlterConfigOpType.SET,
    )
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for future in admin.incremental_alter_configs([resource]).values():
        future.result()

    def refuses() -> bool:
        try:
            produce(kafka.bootstrap, topic, [Record(b"probe" * SMALL_BYTES)])
        except KafkaException:
            return True
        return False

    wait_until(refuses, 20, f"{topic} to refuse what is large")


def check_that_a_failed_delivery_is_not_forgotten(kafka: LocalKafka, name: str, start: Start) -> None:
    """A destination refuses a batch for one record in it: that one has to be found again, and the others delivered."""
    kafka.create_topics([name, f"{name}-a"])
    first, *small = (Record(event(f"{name}-a", "pod", number)) for number in range(20))
    large = Record(event(f"{name}-a", "pod", 20, padding="x" * SMALL_BYTES * 2))
    with start(kafka.bootstrap, name, name) as program:
        write(kafka.bootstrap, name, [first])
        assert caught_up(program, kafka, name)
        take_less(kafka, f"{name}-a")
        write(kafka.bootstrap, name, [*small, large])
        assert caught_up(program, kafka, name)
        program.terminate()
    assert_exactly(kafka.bootstrap, [first, *small])
    assert [(letter.value, reason_of(letter)) for letter in dead_letters(kafka, name)] == [(large.value, "too-large")]


def test_01_the_check_of_failures_fails_where_they_are_only_logged(kafka: LocalKafka, prefix: str) -> None:
    with pytest.raises(AssertionError, match="records lost"):
        check_that_a_failed_delivery_is_not_forgotten(kafka, prefix, broken("only_logs_failures"))


def test_01_a_delivery_that_failed_is_made_good(kafka: LocalKafka, prefix: str) -> None:
    check_that_a_failed_delivery_is_not_forgotten(kafka, prefix, Program)
