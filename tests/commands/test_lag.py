"""`events-fanout lag` on a real Kafka, with and without members."""

import json
import time

from confluent_kafka import TIMESTAMP_CREATE_TIME, Consumer

from bench.broker import LocalKafka
from tests.commands.asking import call, commit, expire
from tests.support.topics import Record, committed, produce, wait_until

HOUR_MS = 3_600_000


def aged(*ages_ms: int) -> list[Record]:
    now_ms = time.time_ns() // 1_000_000
    return [Record(b"{}", timestamp=(TIMESTAMP_CREATE_TIME, now_ms - age), partition=0) for age in ages_ms]


def test_lag_is_told_in_records_seconds_and_share_without_a_running_process(kafka: LocalKafka, prefix: str) -> None:
    topic = f"{prefix}-source"
    kafka.create_topic(topic, partitions=2, config={"retention.ms": str(2 * HOUR_MS)})
    produce(kafka.bootstrap, topic, aged(HOUR_MS + HOUR_MS // 2, HOUR_MS, 1_000))
    commit(kafka, prefix, topic, 1)
    result = call(kafka, prefix, "lag", "--output", "json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["retention_s"], told["lag_records"], told["members"]) == (7200, 2, [])
    assert told["notes"] == ["the group has no members: no replica runs, and nothing is delivered"]
    first, second = told["partitions"]
    assert (first["committed"], first["end"], first["lag_records"], first["member"]) == (1, 3, 2, None)
    assert 3600 <= first["lag_seconds"] < 3700
    assert 0.5 <= first["retention_share"] < 0.52
    assert 3500 < first["seconds_left"] <= 3600
    assert (second["committed"], second["lag_seconds"], second["seconds_left"]) == (None, 0, None)
    assert second["notes"] == ["never committed: a run begins at the earliest record"]
    assert committed(kafka.bootstrap, prefix, topic) == {0: 1}, "it commits nothing"


def test_a_limit_makes_the_exit_code(kafka: LocalKafka, prefix: str) -> None:
    topic = f"{prefix}-source"
    kafka.create_topic(topic, config={"retention.ms": str(2 * HOUR_MS)})
    produce(kafka.bootstrap, topic, aged(HOUR_MS))
    commit(kafka, prefix, topic, 0)
    expected = {
        ("--max-seconds", "3500"): 1, ("--max-seconds", "9000"): 0, ("--max-share", "0.4"): 1, ("--max-share", "0.9"): 0
    }  # fmt: skip
    assert {limit: call(kafka, prefix, "lag", *limit).exit_code for limit in expected} == expected


def test_records_that_expired_unread_are_counted(kafka: LocalKafka, prefix: str) -> None:
    topic = f"{prefix}-source"
    kafka.create_topic(topic)
    produce(kafka.bootstrap, topic, aged(5, 4, 3, 2, 1))
    commit(kafka, prefix, topic, 1)
    expire(kafka, topic, 4)
    result = call(kafka, prefix, "lag", "--max-share", "1000")
    assert result.exit_code == 1
    assert "committed offset expired: 3 records lost unread" in result.stdout


def test_a_source_made_anew_is_told_by_its_identity(kafka: LocalKafka, prefix: str) -> None:
    topic = f"{prefix}-source"
    kafka.create_topic(topic)
    produce(kafka.bootstrap, topic, aged(5, 4))
    commit(kafka, prefix, topic, 1, identity="of-another-topic")
    (partition,) = json.loads(call(kafka, prefix, "lag", "--output", "json").stdout)["partitions"]
    assert partition["lag_records"] == 2
    assert partition["notes"] == ["the source was made anew since the last commit: a run begins at the earliest record"]


def test_members_are_told_with_their_partitions(kafka: LocalKafka, prefix: str) -> None:
    topic = f"{prefix}-source"
    kafka.create_topic(topic, partitions=2)
    member = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": prefix, "client.id": "replica"})
    try:
        member.subscribe([topic])
        wait_until(lambda: member.poll(0.05) is None and member.assignment(), 30, "the member has its partitions")
        told = wait_until(lambda: with_partitions(kafka, prefix), 30, "the group tells of it")
    finally:
        member.close()
    (entry,) = told["members"]
    assert (entry["client_id"], entry["host"], entry["partitions"]) == ("replica", "127.0.0.1", [0, 1])
    assert {partition["member"] for partition in told["partitions"]} == {entry["id"]}
    assert told["notes"] == []


def with_partitions(kafka: LocalKafka, prefix: str) -> dict[str, list[dict[str, object]]]:
    told = json.loads(call(kafka, prefix, "lag", "--output", "json").stdout)
    assert isinstance(told, dict)
    return told if any(member["partitions"] for member in told["members"]) else {}


def test_without_a_source_or_a_broker_the_exit_code_is_5_and_says_what_to_do(kafka: LocalKafka, prefix: str) -> None:
    absent = call(kafka, prefix, "lag")
    assert absent.exit_code == 5
    assert "does not exist" in absent.stderr
    nobody = call(kafka, prefix, "lag", "--endpoint", "127.0.0.1:1")
    assert nobody.exit_code == 5
    assert "nothing listens there" in nobody.stderr
    assert nobody.stdout == ""
