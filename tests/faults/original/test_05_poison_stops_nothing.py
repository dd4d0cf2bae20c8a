"""Fault 5: a poison record crashed the program, which was started again, read the same record, and so on for ever."""

import pytest

from bench.broker import LocalKafka
from bench.program import Program
from tests.faults.original.runs import Start, broken, dead_letters, reason_of, run_over
from tests.support.comparing import assert_exactly
from tests.support.load import write
from tests.support.samples import events
from tests.support.topics import Record

POISON = {
    b"text": b"no JSON at all",
    b"cut": b'{"verb":"ADDED","event":{"metadata":{"namespace":"a"',
    b"not-utf8": b"\xff\xfe",
    b"tombstone": None,
}
CRASHES_MAX = 2  # the broken variant would go on for as long as it is let


def check_that_poison_stops_nothing(kafka: LocalKafka, name: str, start: Start) -> None:
    """What comes behind the poison is delivered, the poison is kept aside, and no process dies of it."""
    good = events([f"{name}-a"], 8)
    kafka.create_topic(name)
    write(kafka.bootstrap, name, [*good[:4], *(Record(value, key) for key, value in POISON.items()), *good[4:]])
    program = run_over(start, kafka, name, CRASHES_MAX=CRASHES_MAX)
    deaths = program.lines("worker died")
    assert not deaths, f"{len(deaths)} deaths of one record, and then exit code {program.exit_code}"
    assert program.exit_code == 0
    assert_exactly(kafka.bootstrap, good)
    letters = {letter.key: letter for letter in dead_letters(kafka, name)}
    assert {key: letter.value for key, letter in letters.items()} == POISON
    assert {reason_of(letter) for letter in letters.values()} == {"not-json"}


def test_05_the_check_fails_where_poison_ends_the_process(kafka: LocalKafka, prefix: str) -> None:
    with pytest.raises(AssertionError, match="2 deaths of one record, and then exit code 3"):
        check_that_poison_stops_nothing(kafka, prefix, broken("dies_of_poison"))


def test_05_poison_stops_nothing(kafka: LocalKafka, prefix: str) -> None:
    check_that_poison_stops_nothing(kafka, prefix, Program)
