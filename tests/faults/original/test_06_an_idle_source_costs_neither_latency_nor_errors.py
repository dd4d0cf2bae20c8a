"""Fault 6: a poll's time-out of 15 us was meant as 15 s: an error when idle, and then a sleep of five seconds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest

from bench.broker import LocalKafka
from bench.program import Program
from tests.faults.original.runs import Start, broken, caught_up, complaints
from tests.support.comparing import Group
from tests.support.load import write
from tests.support.samples import event
from tests.support.topics import Record, wait_until

WITHIN_S = 3.0  # quiet: some milliseconds; the sleep is of 5 s
EVENTS = 5


class Idle(NamedTuple):
    """A program with nothing to do."""

    program: Program
    send: Callable[[], None]  # writes one event
    arrived: Callable[[], int]  # how many events are in the destination


@contextmanager
def idle(kafka: LocalKafka, name: str, start: Start) -> Iterator[Idle]:
    """Run a program that has delivered one event, and has had nothing to do since."""
    destination = f"{name}-a"
    numbers = iter(range(1_000))
    kafka.create_topics([name, destination])

    def send() -> None:
        write(kafka.bootstrap, name, [Record(event(destination, "pod", next(numbers)))])

    with start(kafka.bootstrap, name, name) as program, Group(kafka.bootstrap, name, destination) as group:
        send()
        assert caught_up(program, kafka, name)
        yield Idle(program, send, lambda: group.ends()[0])


def check_that_an_event_is_not_kept_waiting(run: Idle) -> None:
    """Events that come one at a time to an idle program arrive at once."""
    for number in range(2, 2 + EVENTS):
        run.send()
        wait_until(lambda: run.arrived() >= number, WITHIN_S, "an event to arrive")  # noqa: B023


def check_that_idleness_is_no_error(run: Idle) -> None:
    """In the log of a program that was idle, and has ended, nothing is above the level info."""
    run.program.terminate()
    assert complaints(run.program) == []


def test_06_the_checks_fail_where_a_timeout_is_an_error_and_is_slept_off(kafka: LocalKafka, prefix: str) -> None:
    with idle(kafka, prefix, broken("polls_for_microseconds")) as run:
        with pytest.raises(TimeoutError, match="an event to arrive"):
            check_that_an_event_is_not_kept_waiting(run)
        with pytest.raises(AssertionError, match="consumer error"):
            check_that_idleness_is_no_error(run)


def test_06_an_event_that_comes_when_idle_is_not_kept_waiting_and_idleness_is_no_error(
    kafka: LocalKafka, prefix: str
) -> None:
    with idle(kafka, prefix, Program) as run:
        check_that_an_event_is_not_kept_waiting(run)
        check_that_idleness_is_no_error(run)
