"""Found by running it, 12: the consumer group was in the code, so that two installations took each other's events."""

from collections import Counter

import pytest

from bench.broker import LocalKafka
from bench.program import Program
from tests.faults.original.runs import Start, broken
from tests.support.comparing import Group, committed
from tests.support.load import write
from tests.support.samples import events
from tests.support.topics import read_all, wait_until


def check_that_two_groups_are_served_apart(kafka: LocalKafka, name: str, start: Start) -> None:
    """Two runs, each with a group of its own: each reads all, and commits for its own group."""
    sent = events([f"{name}-a"], 20)
    kafka.create_topic(name)
    write(kafka.bootstrap, name, sent)
    groups = [f"{name}-one", f"{name}-two"]
    for group in groups:
        with start(kafka.bootstrap, name, group) as program:
            joined = program.wait_for("joining")["group"]
            with Group(kafka.bootstrap, joined, name) as asked:
                wait_until(lambda: not asked.lag(), 30, "all to be committed")
            program.terminate()
    assert [committed(kafka.bootstrap, group, name) for group in groups] == [{0: len(sent)}, {0: len(sent)}]
    there = Counter(record.value for record in read_all(kafka.bootstrap, f"{name}-a"))
    assert there == Counter({record.value: len(groups) for record in sent})


def test_12_the_check_fails_where_the_group_is_in_the_code(kafka: LocalKafka, prefix: str) -> None:
    with pytest.raises(AssertionError, match=r"\[\{\}, \{\}\]"):
        check_that_two_groups_are_served_apart(kafka, prefix, broken("has_one_group_only"))


def test_12_the_group_is_a_setting(kafka: LocalKafka, prefix: str) -> None:
    check_that_two_groups_are_served_apart(kafka, prefix, Program)
