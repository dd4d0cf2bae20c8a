"""Fault 10: whoever could create a namespace could create topics without limit."""

import pytest
from confluent_kafka.admin import AdminClient

from bench.broker import LocalKafka
from bench.program import Program
from tests.faults.original.runs import Start, broken, dead_letters, reason_of, run_over
from tests.support.comparing import by_namespace
from tests.support.load import write
from tests.support.samples import events
from tests.support.topics import read_topics, topics

NAMESPACES = 20
ROOM = 3


def check_that_topics_are_limited(kafka: LocalKafka, name: str, start: Start) -> None:
    """More namespaces than there is room for: those that are too many are dead letters, the others are delivered."""
    sent = events([f"{name}-{number}" for number in range(NAMESPACES)], NAMESPACES * 2)
    kafka.create_topic(name)
    write(kafka.bootstrap, name, sent)
    # With the internal ones, as the broker counts them.
    there = len(AdminClient({"bootstrap.servers": kafka.bootstrap}).list_topics(timeout=30).topics)
    run_over(start, kafka, name, TOPICS_MAX=there + ROOM)
    wanted = by_namespace(sent)
    created = topics(kafka.bootstrap) & wanted.keys()
    assert len(created) <= ROOM, f"{len(created)} topics were created, and {ROOM} were allowed"
    found = read_topics(kafka.bootstrap, created)
    assert {topic: [record.value for record in records] for topic, records in found.items()} == {
        topic: [record.value for record in wanted[topic]] for topic in created
    }
    letters = dead_letters(kafka, name)
    left = [record.value for topic, records in wanted.items() if topic not in created for record in records]
    assert sorted(letter.value or b"" for letter in letters) == sorted(value or b"" for value in left)
    assert {reason_of(letter) for letter in letters} == {"topics-max"}


def test_10_the_check_fails_where_there_is_always_room_for_one_more(kafka: LocalKafka, prefix: str) -> None:
    with pytest.raises(AssertionError, match="20 topics were created, and 3 were allowed"):
        check_that_topics_are_limited(kafka, prefix, broken("creates_without_limit"))


def test_10_namespaces_create_topics_up_to_a_limit(kafka: LocalKafka, prefix: str) -> None:
    check_that_topics_are_limited(kafka, prefix, Program)
