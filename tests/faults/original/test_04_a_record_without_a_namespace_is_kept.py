"""Fault 4: a record without a namespace was dropped without a word."""

import pytest

from bench.broker import LocalKafka
from bench.program import Program
from tests.faults.original.runs import Start, broken, dead_letters, reason_of, run_over
from tests.support.comparing import assert_exactly
from tests.support.load import write
from tests.support.samples import event, events
from tests.support.topics import Record

WITHOUT = {
    b"no-metadata": b'{"verb":"ADDED","event":{"reason":"r"}}',
    b"no-namespace": b'{"verb":"ADDED","event":{"metadata":{"name":"n"}}}',
    b"null-namespace": event(None, "pod", 0),
    b"empty-namespace": event("", "pod", 0),
}


def check_that_what_has_no_namespace_is_kept(kafka: LocalKafka, name: str, start: Start) -> None:
    """Each is a dead letter that says why; what is written around them is delivered."""
    good = events([f"{name}-a"], 8)
    kafka.create_topic(name)
    write(kafka.bootstrap, name, [*good[:4], *(Record(value, key) for key, value in WITHOUT.items()), *good[4:]])
    run_over(start, kafka, name)
    assert_exactly(kafka.bootstrap, good)
    letters = {letter.key: letter for letter in dead_letters(kafka, name)}
    assert letters.keys() == WITHOUT.keys(), "dropped without a word"
    assert {key: letter.value for key, letter in letters.items()} == WITHOUT
    assert {reason_of(letter) for letter in letters.values()} == {"no-namespace"}


def test_04_the_check_fails_where_they_are_dropped(kafka: LocalKafka, prefix: str) -> None:
    with pytest.raises(AssertionError, match="dropped without a word"):
        check_that_what_has_no_namespace_is_kept(kafka, prefix, broken("drops_what_has_no_namespace"))


def test_04_a_record_without_a_namespace_is_kept(kafka: LocalKafka, prefix: str) -> None:
    check_that_what_has_no_namespace_is_kept(kafka, prefix, Program)
