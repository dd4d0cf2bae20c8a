"""Fault 3: the producer was closed without a flush."""

import pytest

from bench.broker import LocalKafka
from bench.program import Program
from fanout.errors import ExitCode
from tests.faults.original.runs import Start, broken
from tests.support.comparing import assert_exactly, committed
from tests.support.load import write
from tests.support.samples import events

LINGER_MS = 1_500  # what is read is in flight for so long


def check_that_a_stop_delivers_what_is_in_flight(kafka: LocalKafka, name: str, start: Start) -> None:
    """Stopped with records in flight, and ended with 0: all of them are delivered, and committed."""
    sent = events([f"{name}-a"], 200)
    kafka.create_topic(name)
    write(kafka.bootstrap, name, sent)
    with start(kafka.bootstrap, name, name, KAFKA_PRODUCER_LINGER_MS=LINGER_MS) as program:
        program.wait_for("topic created")
        assert program.terminate() == ExitCode.OK
    assert committed(kafka.bootstrap, name, name) == {0: len(sent)}
    assert_exactly(kafka.bootstrap, sent)


def test_03_the_check_fails_where_nothing_is_flushed(kafka: LocalKafka, prefix: str) -> None:
    with pytest.raises(AssertionError, match="200 of 200 records lost"):
        check_that_a_stop_delivers_what_is_in_flight(kafka, prefix, broken("closes_without_a_flush"))


def test_03_a_stop_delivers_what_is_in_flight(kafka: LocalKafka, prefix: str) -> None:
    check_that_a_stop_delivers_what_is_in_flight(kafka, prefix, Program)
