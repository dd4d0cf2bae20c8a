"""Fault 7: the process could exit before its reader had started."""

import pytest

from bench.broker import LocalKafka
from bench.program import Program
from tests.faults.original.runs import Start, broken, caught_up
from tests.support.comparing import assert_exactly
from tests.support.load import write
from tests.support.samples import events


def check_that_it_runs_until_told_to_stop(kafka: LocalKafka, name: str, start: Start) -> None:
    """It waits for its reader, serves what is there and what comes later, and ends when it is told."""
    sent = events([f"{name}-a"], 20)
    kafka.create_topic(name)
    with start(kafka.bootstrap, name, name) as program:
        for part in (sent[:10], sent[10:]):
            write(kafka.bootstrap, name, part)
            assert caught_up(program, kafka, name), f"it has ended by itself with {program.exit_code}"
        assert program.exit_code is None
        assert program.terminate() == 0
    assert_exactly(kafka.bootstrap, sent)


def test_07_the_check_fails_where_main_does_not_wait_for_the_reader(kafka: LocalKafka, prefix: str) -> None:
    with pytest.raises(AssertionError, match="it has ended by itself with 0"):
        check_that_it_runs_until_told_to_stop(kafka, prefix, broken("exits_before_it_reads"))


def test_07_it_runs_until_it_is_told_to_stop(kafka: LocalKafka, prefix: str) -> None:
    check_that_it_runs_until_told_to_stop(kafka, prefix, Program)
