"""Found by running it, 13: the client could not speak to Kafka 4, which no longer understands the oldest requests."""

import pytest

from bench.broker import LocalKafka
from bench.program import Program
from tests.faults.original.runs import Start, broken, caught_up
from tests.support.comparing import assert_exactly
from tests.support.load import write
from tests.support.samples import events

# One or the other, by which of its clients is the first to give up.
NOT_SPOKEN = ("broker not reachable, waiting for it", "worker failed")


def check_that_events_are_delivered_by_kafka_4(kafka: LocalKafka, name: str, start: Start) -> None:
    """The local Kafka is a 4: it is reached, joined, read, written and committed to."""
    assert kafka_major(kafka) >= 4
    sent = events([f"{name}-a"], 20)
    kafka.create_topic(name)
    write(kafka.bootstrap, name, sent)
    with start(kafka.bootstrap, name, name) as program:
        assert caught_up(program, kafka, name, *NOT_SPOKEN), "it cannot speak to this broker"
        assert program.terminate() == 0
    assert_exactly(kafka.bootstrap, sent)


def kafka_major(kafka: LocalKafka) -> int:
    """The broker's major version, as its log tells."""
    lines = kafka.log().read_text().splitlines()
    version = next(line.partition("Kafka version: ")[2] for line in lines if "Kafka version: " in line)
    return int(version.split(".")[0])


def test_13_the_check_fails_where_the_client_speaks_as_of_old(kafka: LocalKafka, prefix: str) -> None:
    with pytest.raises(AssertionError, match="it cannot speak to this broker"):
        check_that_events_are_delivered_by_kafka_4(kafka, prefix, broken("speaks_as_of_old"))


def test_13_it_speaks_to_kafka_4(kafka: LocalKafka, prefix: str) -> None:
    check_that_events_are_delivered_by_kafka_4(kafka, prefix, Program)
