"""`events-fanout topics` on a real Kafka: what it tells, and that pruning deletes what it should and nothing else."""

import json
import time
from pathlib import Path

from confluent_kafka import TIMESTAMP_CREATE_TIME, Producer

from bench.broker import LocalKafka
from tests.commands.asking import call
from tests.support.samples import event
from tests.support.topics import Record, produce, topics, wait_until

DAY_MS = 86_400_000


def old_event(namespace: str, number: int = 0) -> Record:
    at_ms = time.time_ns() // 1_000_000 - 2 * 3_600_000
    return Record(event(namespace, "pod", number), timestamp=(TIMESTAMP_CREATE_TIME, at_ms))


def in_transaction(kafka: LocalKafka, prefix: str, values: dict[str, bytes]) -> None:
    """Write one record to each topic, behind which is the end of a transaction."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": prefix})
    producer.init_transactions(30)
    producer.begin_transaction()
    for name, value in values.items():
        producer.produce(f"{prefix}.{name}", value)
    producer.commit_transaction(30)


def ours(kafka: LocalKafka, prefix: str) -> set[str]:
    return {name.removeprefix(f"{prefix}.") for name in topics(kafka.bootstrap) if name.startswith(prefix)}


def test_each_destination_is_told_with_what_is_in_it(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(f"{prefix}-source")
    kafka.create_topic(f"{prefix}.team-a", partitions=2, config={"retention.ms": str(DAY_MS)})
    kafka.create_topic(f"{prefix}.empty")
    kafka.create_topic(f"{prefix}.orders")
    kafka.create_topic(f"{prefix}.Not_A_Namespace")
    produce(kafka.bootstrap, f"{prefix}.team-a", [old_event("team-a", number) for number in range(3)])
    produce(kafka.bootstrap, f"{prefix}.orders", [Record(b"<order/>")])
    result = call(kafka, prefix, "topics", "--output", "json")
    assert result.exit_code == 1, "one clashes"
    told = {topic["namespace"]: topic for topic in json.loads(result.stdout)}
    assert set(told) == {"team-a", "empty", "orders"}
    team = told["team-a"]
    assert (team["origin"], team["partitions"], team["retention_s"], team["records"]) == ("events", 2, 86_400, 3)
    assert 7200 <= team["last_event_age_s"] < 7300
    assert team["clash"] == ""
    assert (told["empty"]["origin"], told["empty"]["last_event_age_s"]) == ("matches the template", None)
    assert told["orders"]["origin"] == "other records"
    assert "another program seems to write here" in told["orders"]["clash"]
    lines = call(kafka, prefix, "topics").stdout.splitlines()
    assert lines[0].split() == [
        "TOPIC",
        "NAMESPACE",
        "HOLDS",
        "PARTITIONS",
        "KEPT",
        "RECORDS",
        "LAST",
        "EVENT",
        "CLASH",
    ]


def test_pruning_deletes_what_it_should_and_only_when_told_to(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(f"{prefix}-source")
    for name in ("live", "dead", "empty", "orders", "young"):
        kafka.create_topic(f"{prefix}.{name}")
    for name in ("live", "dead"):
        produce(kafka.bootstrap, f"{prefix}.{name}", [old_event(name)])
    produce(kafka.bootstrap, f"{prefix}.orders", [Record(b"<order/>", timestamp=old_event("x").timestamp)])
    produce(kafka.bootstrap, f"{prefix}.young", [Record(event("young", "pod", 1))])
    kafka.create_topic(f"{prefix}.reserved")
    settings = {"TOPICS_RESERVED": f"__*,{prefix}.reserved", "DLQ_TOPIC": f"{prefix}.letters"}
    kafka.create_topic(f"{prefix}.letters")
    before = ours(kafka, prefix)
    prune = ("topics", "--prune", "--live", "-", "--output", "json")
    dry = call(kafka, prefix, *prune, stdin="namespace/live\nnamespace/other\n", **settings)
    assert dry.exit_code == 0, dry.output
    told = {row["topic"].removeprefix(f"{prefix}."): row["outcome"] for row in json.loads(dry.stdout)}
    expected = {"dead": "would be deleted", "empty": "would be deleted"}
    kept = dict.fromkeys(["orders", "young", "reserved", "letters"], "kept")
    assert told == expected | kept
    assert ours(kafka, prefix) == before, "dry by default"
    done = call(kafka, prefix, *prune, "--yes", stdin="live\n\nother\n", **settings)
    assert done.exit_code == 0, done.output
    wait_until(lambda: ours(kafka, prefix) == before - {"dead", "empty"}, 30, "the topics are gone, and no others")


def test_whose_a_topic_is_is_known_also_behind_the_end_of_a_transaction(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(f"{prefix}-source")
    for name in ("live", "replayed", "bought"):
        kafka.create_topic(f"{prefix}.{name}")
    in_transaction(kafka, prefix, {"replayed": event("replayed", "pod", 1), "bought": b"<order/>"})
    told = call(kafka, prefix, "topics", "--prune", "--live", "-", "--idle", "0s", "--output", "json", stdin="live\n")
    outcomes = {row["topic"].removeprefix(f"{prefix}."): row["outcome"] for row in json.loads(told.stdout)}
    assert outcomes == {"replayed": "would be deleted", "bought": "kept"}


def test_a_list_that_cannot_be_right_deletes_nothing(kafka: LocalKafka, prefix: str, tmp_path: Path) -> None:
    kafka.create_topic(f"{prefix}-source")
    kafka.create_topic(f"{prefix}.dead")
    before = topics(kafka.bootstrap)
    wrong = {
        "\n \n": "is empty",
        "elsewhere\n": "of another cluster",
        "NAME STATUS AGE\n": "line 1 of the list",
        "error: \x1b[2Jforbidden\n": "line 1 of the list",
    }
    for text, said in wrong.items():
        path = tmp_path / "live"
        path.write_text(text)
        result = call(kafka, prefix, "topics", "--prune", "--live", str(path), "--yes", "--idle", "0s")
        assert result.exit_code == 2, text
        assert said in result.stderr
        assert "\x1b" not in result.output
    bare = call(kafka, prefix, "topics", "--prune", "--live", "-", "--yes", stdin="a\n", TOPIC_TEMPLATE="{namespace}")
    assert bare.exit_code == 2
    assert "has no prefix" in bare.stderr
    assert topics(kafka.bootstrap) == before


def test_pruning_needs_its_list(kafka: LocalKafka, prefix: str) -> None:
    for args in (["--prune"], ["--live", "-"], ["--yes"], ["--prune", "--live", "-", "--idle", "soon"]):
        assert call(kafka, prefix, "topics", *args).exit_code == 2
