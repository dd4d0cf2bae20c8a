"""`events-fanout check` on a real Kafka: what it finds, and that it writes nothing."""

import json
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, Consumer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from bench.broker import LocalKafka
from fanout.check import report
from fanout.check.row import Result, Row
from fanout.cluster.cluster import Cluster
from fanout.settings import Settings
from tests.support.topics import Record, committed, produce, topics, wait_until

HOUR_MS = 3_600_000


def settings(broker: LocalKafka, prefix: str, **changes: object) -> Settings:
    """Settings for a source, a group and destinations of this test alone."""
    given: dict[str, object] = {
        "endpoint": broker.bootstrap,
        "topic": f"{prefix}-source",
        "groupid": prefix,
        "topic_template": f"{prefix}.{{namespace}}",
        **changes,
    }
    return Settings(**given)  # type: ignore[arg-type]


def by_check(rows: list[Row]) -> dict[str, Row]:
    """The row of each check, the last one where there are several."""
    return {row.check: row for row in rows}


def results(rows: list[Row]) -> dict[str, Result]:
    return {row.check: row.result for row in rows}


def group_commit(kafka: LocalKafka, group: str, topic: str, offset: int) -> None:
    """Commit for partition 0 from outside the group."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": group})
    consumer.commit(offsets=[TopicPartition(topic, 0, offset)], asynchronous=False)
    consumer.close()


@pytest.fixture(scope="module")
def guarded() -> Iterator[LocalKafka]:
    """A broker with an authorizer, which lets everybody do what no rule is about."""
    rules = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "true",
    }
    with LocalKafka(config=rules) as running:
        yield running


def deny(kafka: LocalKafka, kind: ResourceType, name: str, operation: AclOperation) -> list[AclBinding]:
    """Take one right from us and leave us the others; the rules that do so."""
    rules = [
        AclBinding(kind, name, ResourcePatternType.LITERAL, "User:ANONYMOUS", "*", what, permission)
        for what, permission in (
            (AclOperation.ALL, AclPermissionType.ALLOW),
            (operation, AclPermissionType.DENY),
        )
    ]
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for future in admin.create_acls(rules).values():
        future.result(30)
    return rules


def allow_again(kafka: LocalKafka, rules: list[AclBinding]) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    filters = [
        AclBindingFilter(
            rule.restype,
            rule.name,
            rule.resource_pattern_type,
            rule.principal,
            rule.host,
            rule.operation,
            rule.permission_type,
        )
        for rule in rules
    ]
    for future in admin.delete_acls(filters).values():
        future.result(30)


def test_a_cluster_that_is_ready_has_nothing_against_a_run(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(f"{prefix}-source", partitions=3)
    kafka.create_topic(f"{prefix}.default")
    rows = report.rows(settings(kafka, prefix))
    assert set(results(rows).values()) == {Result.OK}, rows
    found = by_check(rows)
    assert kafka.bootstrap in found["broker"].found
    assert found["group protocol"].found.startswith("consumer (chosen by auto")
    assert "3 partitions" in found["source topic"].found
    assert found["right to write"].found.startswith("1 topic named")
    assert "could be created" in found["dead-letter topic"].found


def test_checking_writes_nothing(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(f"{prefix}-source")
    produce(kafka.bootstrap, f"{prefix}-source", [Record(b"{}")])
    before = topics(kafka.bootstrap)
    report.rows(settings(kafka, prefix))
    assert topics(kafka.bootstrap) == before
    assert committed(kafka.bootstrap, prefix, f"{prefix}-source") == {}
    assert Cluster(settings(kafka, prefix)).group().members == []


def test_no_broker_is_the_only_finding_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    begun = time.monotonic()
    nobody = Settings(endpoint="127.0.0.1:1", topic="t")
    assert report.main(nobody, "json") == 1
    (row,) = json.loads(capsys.readouterr().out)
    assert row["check"] == "broker"
    assert "nothing listens there" in row["found"]
    assert time.monotonic() - begun < 15


def test_the_wrong_security_protocol_is_told_at_once(kafka: LocalKafka, prefix: str) -> None:
    tls = report.rows(settings(kafka, prefix, kafka={"security.protocol": "ssl"}))
    sasl = {
        "security.protocol": "sasl_plaintext",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "u",
        "sasl.password": "p",
    }
    credentials = report.rows(settings(kafka, prefix, kafka=sasl))
    assert "does not speak TLS" in tls[0].found
    assert "asks for no credentials" in credentials[0].found


def test_a_port_that_closes_every_connection_is_told_as_such() -> None:
    class Closes(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Closes) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            rows = report.rows(Settings(endpoint=f"127.0.0.1:{server.server_address[1]}", topic="t"))
        finally:
            server.shutdown()
            thread.join()
    assert "closes the connection at once" in rows[0].found


def test_a_table_and_json_tell_the_same(kafka: LocalKafka, prefix: str, capsys: pytest.CaptureFixture[str]) -> None:
    kafka.create_topic(f"{prefix}-source", partitions=2)
    assert report.main(settings(kafka, prefix), "json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert report.main(settings(kafka, prefix), "table") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["CHECK", "RESULT", "FOUND", "TO", "DO"]
    assert len(lines) == len(rows) + 1
    assert all(line.startswith(row["check"]) for line, row in zip(lines[1:], rows, strict=True))


def test_a_source_that_is_not_there_stops_a_run(kafka: LocalKafka, prefix: str) -> None:
    rows = report.rows(settings(kafka, prefix))
    row = by_check(rows)["source topic"]
    assert row.result is Result.FAILED
    assert "does not exist" in row.found
    assert "retention against lag" not in results(rows)


def test_one_partition_is_worth_a_warning(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(f"{prefix}-source")
    assert by_check(report.rows(settings(kafka, prefix)))["source topic"].result is Result.WARNING


@pytest.mark.parametrize(
    ("changes", "check", "found"),
    [
        ({"topic_create": "broker"}, "right to create topics", "auto.create.topics.enable is false"),
        ({"topic_create": "none"}, "dead-letter topic", "TOPIC_CREATE=none"),
        ({"topic_replication": 3}, "right to create topics", "could not be created"),
        ({"topic_config": {"nonsense": "1"}}, "right to create topics", "could not be created"),
        ({"topics_max": 1}, "topics in the cluster", "of TOPICS_MAX=1"),
        ({"lease_ms": 45_000}, "group protocol", "LEASE_MS is 45000"),
        (
            {"group_protocol": "classic", "kafka_consumer": {"session.timeout.ms": "900"}},
            "group protocol",
            "the broker takes 1000 to",
        ),
    ],
)
def test_settings_that_the_cluster_cannot_serve_stop_a_run(
    kafka: LocalKafka, prefix: str, changes: dict[str, object], check: str, found: str
) -> None:
    kafka.create_topic(f"{prefix}-source", partitions=2)
    row = by_check(report.rows(settings(kafka, prefix, **changes)))[check]
    assert row.result is Result.FAILED
    assert found in row.found
    assert row.todo


def test_the_limits_of_the_dead_letter_topic_are_looked_at(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(f"{prefix}-source", partitions=2, config={"max.message.bytes": "2000000"})
    kafka.create_topic(
        f"{prefix}-source-dlq", config={"max.message.bytes": "2000000", "message.timestamp.after.max.ms": "3600000"}
    )
    rows = [row for row in report.rows(settings(kafka, prefix)) if row.check == "dead-letter topic"]
    assert [row.result for row in rows] == [Result.WARNING, Result.WARNING]
    assert "may need 2065536" in rows[0].found
    assert "3600000 ms (message.timestamp.after.max.ms)" in rows[1].found


def test_a_compacted_dead_letter_topic_stops_a_run(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(f"{prefix}-source", partitions=2)
    unbounded = {"max.message.bytes": "2000000", "message.timestamp.after.max.ms": str(2**63 - 1)}
    kafka.create_topic(f"{prefix}-source-dlq", config={"cleanup.policy": "compact", **unbounded})
    row = by_check(report.rows(settings(kafka, prefix)))["dead-letter topic"]
    assert row.result is Result.FAILED
    assert "compacted" in row.found


def test_unread_records_that_are_about_to_expire_stop_a_run(kafka: LocalKafka, prefix: str) -> None:
    topic = f"{prefix}-source"
    kafka.create_topic(topic, config={"retention.ms": str(2 * HOUR_MS)})
    now_ms = time.time_ns() // 1_000_000
    ages_ms = [int(1.9 * HOUR_MS), int(1.2 * HOUR_MS), 1_000]
    produce(kafka.bootstrap, topic, [Record(b"{}", timestamp=(TIMESTAMP_CREATE_TIME, now_ms - age)) for age in ages_ms])
    expected = [(None, Result.WARNING), (0, Result.FAILED), (1, Result.WARNING), (2, Result.OK), (3, Result.OK)]
    for offset, result in expected:
        if offset is not None:
            group_commit(kafka, prefix, topic, offset)
        row = by_check(report.rows(settings(kafka, prefix)))["retention against lag"]
        assert row.result is result, (offset, row)
    assert committed(kafka.bootstrap, prefix, topic) == {0: 3}


def test_records_that_expired_unread_stop_a_run(kafka: LocalKafka, prefix: str) -> None:
    topic = f"{prefix}-source"
    kafka.create_topic(topic)
    produce(kafka.bootstrap, topic, [Record(b"{}") for _ in range(5)])
    group_commit(kafka, prefix, topic, 1)
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for future in admin.delete_records([TopicPartition(topic, 0, 4)]).values():
        future.result(30)
    rows = [row for row in report.rows(settings(kafka, prefix)) if row.check == "retention against lag"]
    assert [row.result for row in rows] == [Result.FAILED, Result.OK]
    assert rows[0].found.startswith("3 records expired unread")


def test_a_position_past_the_end_is_told(kafka: LocalKafka, prefix: str) -> None:
    topic = f"{prefix}-source"
    kafka.create_topic(topic)
    group_commit(kafka, prefix, topic, 7)
    rows = [row for row in report.rows(settings(kafka, prefix)) if row.check == "retention against lag"]
    assert rows[0].result is Result.WARNING
    assert "made anew" in rows[0].found


@pytest.mark.parametrize(
    ("protocol", "strategy", "other_topic", "found"),
    [
        ("classic", "range", False, "used by another program, with the assignor range"),
        ("classic", "cooperative-sticky", True, "read other topics"),
        ("classic", "cooperative-sticky", False, "members with the protocol classic; ours would be consumer"),
        ("consumer", "", True, "read other topics"),
        ("consumer", "", False, ""),
    ],
)
def test_members_that_are_not_ours_stop_a_run(
    kafka: LocalKafka, prefix: str, protocol: str, strategy: str, *, other_topic: bool, found: str
) -> None:
    topic = f"{prefix}-source"
    kafka.create_topic(topic, partitions=2)
    kafka.create_topic(f"{prefix}-other", partitions=2)
    config = {"bootstrap.servers": kafka.bootstrap, "group.id": prefix, "group.protocol": protocol, "client.id": "old"}
    if strategy:
        config["partition.assignment.strategy"] = strategy
    member = Consumer(config)
    try:
        member.subscribe([f"{prefix}-other" if other_topic else topic])
        wait_until(lambda: member.poll(0.05) is None and member.assignment(), 30, "the member has its partitions")
        cluster = Cluster(settings(kafka, prefix))
        wait_until(lambda: any(entry.topics for entry in cluster.group().members), 30, "the group tells of it")
        row = by_check(report.rows(settings(kafka, prefix)))["members of the group"]
    finally:
        member.close()
    assert row.result is (Result.FAILED if found else Result.OK)
    assert found in row.found
    assert "old at 127.0.0.1" in row.found


def test_rights_that_are_missing_are_told_one_by_one(guarded: LocalKafka, prefix: str) -> None:
    wanted = settings(guarded, prefix)
    for name in (f"{prefix}-source", f"{prefix}-source-dlq", f"{prefix}.a", f"{prefix}.b"):
        guarded.create_topic(name, partitions=2, config={"message.timestamp.after.max.ms": str(2**63 - 1)})
    produce(guarded.bootstrap, f"{prefix}-source", [Record(b"{}")])
    deny(guarded, ResourceType.TOPIC, f"{prefix}-source", AclOperation.READ)
    deny(guarded, ResourceType.TOPIC, f"{prefix}-source-dlq", AclOperation.WRITE)
    deny(guarded, ResourceType.TOPIC, f"{prefix}.a", AclOperation.WRITE)
    deny(guarded, ResourceType.GROUP, prefix, AclOperation.READ)

    def all_seen() -> bool:
        return results(report.rows(wanted))["right to use the group and commit"] is Result.FAILED

    wait_until(all_seen, 30, "the broker applies the rules")
    found = by_check(report.rows(wanted))
    assert found["source topic"].result is Result.OK
    assert found["right to read"].todo == f"grant READ on topic {prefix}-source"
    assert found["right to use the group and commit"].todo == f"grant READ on group {prefix}"
    assert found["dead-letter topic"].result is Result.FAILED
    assert found["right to write"].result is Result.WARNING
    assert "1 of 2 topics" in found["right to write"].found
    assert found["right to write"].found.endswith(f"{prefix}.a")
    assert found["right to create topics"].result is Result.OK
    assert report.main(wanted, "json") == 1


def test_what_may_not_even_be_seen_is_a_missing_right_and_not_a_missing_topic(guarded: LocalKafka, prefix: str) -> None:
    guarded.create_topic(f"{prefix}-source", partitions=2)
    deny(guarded, ResourceType.TOPIC, f"{prefix}-source", AclOperation.DESCRIBE)
    deny(guarded, ResourceType.GROUP, prefix, AclOperation.DESCRIBE)
    wanted = settings(guarded, prefix)
    denied = f"grant READ and DESCRIBE on topic {prefix}-source"
    wait_until(lambda: by_check(report.rows(wanted))["source topic"].todo == denied, 30, "the broker applies the rules")
    found = by_check(report.rows(wanted))
    assert found["right to use the group and commit"].result is Result.FAILED
    assert "retention against lag" not in found


def test_a_missing_right_to_create_topics_names_the_topics(guarded: LocalKafka, prefix: str) -> None:
    guarded.create_topic(f"{prefix}-source", partitions=2)
    wanted = settings(guarded, prefix)
    rules = [
        *deny(guarded, ResourceType.TOPIC, f"{prefix}.events-fanout-check", AclOperation.CREATE),
        *deny(guarded, ResourceType.TOPIC, f"{prefix}-source-dlq", AclOperation.CREATE),
        *deny(guarded, ResourceType.BROKER, "kafka-cluster", AclOperation.CREATE),  # or the cluster's right would do
    ]
    try:
        wait_until(lambda: Result.FAILED in results(report.rows(wanted)).values(), 30, "the broker applies the rules")
        found = by_check(report.rows(wanted))
    finally:
        allow_again(guarded, rules)
    assert found["right to create topics"].result is Result.FAILED
    assert found["right to create topics"].todo == f"grant CREATE on topics with the prefix {prefix}."
    assert found["dead-letter topic"].result is Result.FAILED
    assert found["dead-letter topic"].todo == f"grant CREATE on topic {prefix}-source-dlq, or create it"
