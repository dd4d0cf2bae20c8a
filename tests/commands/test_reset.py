"""`events-fanout reset` on a real Kafka: what it tells, what it commits, and when it does not."""

import json
import time
from typing import Any

from confluent_kafka import Consumer, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from bench.broker import LocalKafka
from tests.commands.asking import call, commit, expire
from tests.support.samples import event
from tests.support.topics import Record, committed, produce, wait_until


def source(kafka: LocalKafka, prefix: str) -> str:
    """Six records, a minute apart, the last a minute old; 0 expired, 1 to 3 read."""
    topic = f"{prefix}-source"
    kafka.create_topic(topic)
    now = time.time_ns() // 1_000_000
    produce(
        kafka.bootstrap,
        topic,
        [Record(event("team-a", "pod", n), timestamp=(1, now - (6 - n) * 60_000), partition=0) for n in range(6)],
    )
    commit(kafka, prefix, topic, 4)
    expire(kafka, topic, 1)
    return topic


def told(kafka: LocalKafka, prefix: str, *args: str) -> dict[str, Any]:
    result = call(kafka, prefix, "reset", *args, "--output", "json")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert isinstance(answer, dict)
    return answer


def test_it_is_dry_by_default_and_tells_what_follows(kafka: LocalKafka, prefix: str) -> None:
    topic = source(kafka, prefix)
    for to, again, skipped in (("earliest", 3, 0), ("latest", 0, 2), ("150s", 0, 0), ("3.5min", 1, 0)):
        answer = told(kafka, prefix, "--to", to)
        assert (answer["read_again"], answer["skipped"], answer["moved"]) == (again, skipped, False), to
    assert committed(kafka.bootstrap, prefix, topic) == {0: 4}
    plain = call(kafka, prefix, "reset", "--to", "latest").stdout
    assert "2 records skipped: their events are never delivered" in plain
    assert "nothing was moved; --yes moves it" in plain


def test_it_moves_and_a_run_knows_the_offsets_as_its_own(kafka: LocalKafka, prefix: str) -> None:
    topic = source(kafka, prefix)
    commit(kafka, prefix, topic, 4, identity="of-another-topic")
    assert told(kafka, prefix, "--to", "latest", "--yes")["moved"]
    assert committed(kafka.bootstrap, prefix, topic) == {0: 6}
    (partition,) = json.loads(call(kafka, prefix, "lag", "--output", "json").stdout)["partitions"]
    assert (partition["lag_records"], partition["notes"]) == (0, [])
    expire(kafka, topic, 6)
    produce(kafka.bootstrap, topic, [Record(event("team-a", "pod", 9), partition=0)])
    assert told(kafka, prefix, "--to", "earliest", "--yes")["partitions"][0]["to"] == 6
    assert told(kafka, prefix, "--to", "2200-01-01T00:00:00Z", "--yes")["partitions"][0]["to"] == 7


def test_the_topics_identity_is_committed_with_it(kafka: LocalKafka, prefix: str) -> None:
    topic = source(kafka, prefix)
    assert told(kafka, prefix, "--to", "latest", "--yes")["moved"]
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": prefix})
    (place,) = consumer.committed([TopicPartition(topic, 0)], timeout=30)
    consumer.close()
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    described = admin.describe_topics(TopicCollection([topic]))[topic].result(30)
    assert (place.offset, place.metadata) == (6, str(described.topic_id))


def test_a_group_with_members_is_left_alone(kafka: LocalKafka, prefix: str) -> None:
    topic = source(kafka, prefix)
    config = {"bootstrap.servers": kafka.bootstrap, "group.id": prefix, "client.id": "replica\x1b"}
    member = Consumer(config | {"enable.auto.commit": False})
    try:
        member.subscribe([topic])
        wait_until(lambda: member.poll(0.05) is None and member.assignment(), 30, "the member has its partition")
        result = call(kafka, prefix, "reset", "--to", "earliest", "--yes")
        answer = call(kafka, prefix, "reset", "--to", "earliest", "--output", "json")
    finally:
        member.unsubscribe()
        member.close()
    assert result.exit_code == answer.exit_code == 1
    assert "nothing was moved: the group has 1 member (replica\ufffd on 127.0.0.1); stop all replicas" in result.stdout
    assert json.loads(answer.stdout)["moved"] is False
    assert committed(kafka.bootstrap, prefix, topic) == {0: 4}


def test_a_target_that_is_none_is_refused(kafka: LocalKafka, prefix: str) -> None:
    result = call(kafka, prefix, "reset", "--to", "soon\x1b")
    assert result.exit_code == 2
    assert "\x1b" not in result.output
    assert call(kafka, prefix, "reset").exit_code == 2
    assert call(kafka, prefix, "reset", "--to", "earliest").exit_code == 5, "there is no source"
