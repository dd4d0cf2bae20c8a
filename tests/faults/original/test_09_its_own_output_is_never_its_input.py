"""Fault 9: a namespace named like the source topic fed the program its own output, over and over."""

import pytest

from bench.broker import LocalKafka
from bench.program import Program
from tests.faults.original.runs import Start, broken, dead_letters, reason_of
from tests.support.comparing import Group
from tests.support.load import write
from tests.support.samples import event
from tests.support.topics import Record, read_all, wait_until

ROUNDS = 20


def check_that_nothing_is_written_to_the_source(kafka: LocalKafka, name: str, start: Start) -> None:
    """A record whose namespace is the name of the source, or of the dead letters, is a dead letter."""
    sent = [Record(event(namespace, "pod", 0), namespace.encode()) for namespace in (name, f"{name}-dlq")]
    kafka.create_topic(name)
    write(kafka.bootstrap, name, sent)
    with start(kafka.bootstrap, name, name) as program:
        with Group(kafka.bootstrap, name, name) as group:
            # In a loop the end of the source is always one record ahead of what is committed.
            wait_until(lambda: not group.lag() or group.ends()[0] > ROUNDS, 30, "the end of the source, or of patience")
        program.terminate()
    copies = len(read_all(kafka.bootstrap, name)) - len(sent)
    assert copies == 0, "its own output is in its source"
    letters = {letter.key: letter for letter in dead_letters(kafka, name)}
    assert {key: letter.value for key, letter in letters.items()} == {record.key: record.value for record in sent}
    assert {reason_of(letter) for letter in letters.values()} == {"reserved-topic"}


def test_09_the_check_fails_where_any_namespace_names_its_topic(kafka: LocalKafka, prefix: str) -> None:
    with pytest.raises(AssertionError, match="its own output is in its source"):
        check_that_nothing_is_written_to_the_source(kafka, prefix, broken("feeds_itself"))


def test_09_its_own_output_is_never_its_input(kafka: LocalKafka, prefix: str) -> None:
    check_that_nothing_is_written_to_the_source(kafka, prefix, Program)
