"""Fault 2: what the client refused because its queue was full was dropped without a word."""

import pytest

from bench.broker import LocalKafka
from bench.program import Program
from tests.faults.original.runs import Start, broken, run_over
from tests.support.comparing import assert_exactly, assert_ordered
from tests.support.load import write
from tests.support.samples import events

SMALL_QUEUES = 6  # so many of the small queue of the broken variant are written


def check_that_a_backlog_arrives(kafka: LocalKafka, name: str, start: Start) -> None:
    """A backlog that the queue does not hold is delivered whole, once, in order."""
    sent = events([f"{name}-a", f"{name}-b"], 100 * SMALL_QUEUES)
    kafka.create_topic(name)
    write(kafka.bootstrap, name, sent)
    run_over(start, kafka, name)
    assert_exactly(kafka.bootstrap, sent)
    assert_ordered(kafka.bootstrap, sent)


def test_02_the_check_fails_where_what_does_not_fit_is_dropped(kafka: LocalKafka, prefix: str) -> None:
    with pytest.raises(AssertionError, match="records lost"):
        check_that_a_backlog_arrives(kafka, prefix, broken("drops_what_does_not_fit"))


@pytest.mark.parametrize("start", [Program, broken("has_a_small_queue")], ids=["as-it-is", "with-the-same-small-queue"])
def test_02_a_full_queue_drops_nothing(kafka: LocalKafka, prefix: str, start: Start) -> None:
    check_that_a_backlog_arrives(kafka, prefix, start)
