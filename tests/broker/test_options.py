"""What each setting that changes the routing does, on a real Kafka."""

import msgspec

from bench.broker import LocalKafka
from bench.program import Program
from tests.support.comparing import Group, assert_exactly, committed, wait_caught_up
from tests.support.load import Load, write
from tests.support.samples import event, events
from tests.support.topics import Record, read_all, topics, wait_until


def run(kafka: LocalKafka, source: str, **settings: object) -> Program:
    """Run the program over the whole source and stop it; for its totals and its log."""
    with Program(kafka.bootstrap, source, source, **settings) as program:
        wait_caught_up(kafka.bootstrap, source, source)
        assert program.terminate() == 0
    return program


def updated(namespace: str, number: int, *, old: int) -> bytes:
    """An Eventrouter record of an update."""
    return msgspec.json.encode(
        {
            "verb": "UPDATED",
            "event": {"metadata": {"namespace": namespace, "resourceVersion": str(number)}, "reason": "r"},
            "old_event": {"metadata": {"namespace": namespace, "resourceVersion": str(old)}, "reason": "r"},
        }
    )


def reasons(kafka: LocalKafka, topic: str) -> list[tuple[bytes | None, bytes | None]]:
    """Value and reason of each dead letter."""
    return [(letter.value, dict(letter.headers)["fanout.reason"]) for letter in read_all(kafka.bootstrap, topic)]


def test_a_full_cluster_gets_no_more_topics(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topics([prefix, f"{prefix}-there"])
    first, second = Record(event(f"{prefix}-new", "pod", 0)), Record(event(f"{prefix}-too-many", "pod", 0))
    there = Record(event(f"{prefix}-there", "pod", 0))
    write(kafka.bootstrap, prefix, [first, second, there])
    with Program(kafka.bootstrap, prefix, f"{prefix}-first", NAMESPACES_ALLOW="nothing") as program:
        # The group's own internal topic is one of the cluster's, and is there once a group has committed.
        wait_caught_up(kafka.bootstrap, f"{prefix}-first", prefix)
        assert program.terminate() == 0
    internal = 1  # __consumer_offsets
    program = run(kafka, prefix, TOPICS_MAX=len(topics(kafka.bootstrap)) + internal + 1)
    assert (program.totals()["delivered"], program.totals()["dead_letters"]) == (2, 1)
    assert reasons(kafka, f"{prefix}-dlq") == [(second.value, b"topics-max")]
    assert_exactly(kafka.bootstrap, [first, there])
    assert f"{prefix}-too-many" not in topics(kafka.bootstrap)


def test_with_topic_create_none_an_unknown_destination_is_a_dead_letter(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topics([prefix, f"{prefix}-there", f"{prefix}-dlq"])
    there, unknown = Record(event(f"{prefix}-there", "pod", 0)), Record(event(f"{prefix}-unknown", "pod", 0))
    write(kafka.bootstrap, prefix, [there, unknown])
    run(kafka, prefix, TOPIC_CREATE="none")
    assert_exactly(kafka.bootstrap, [there])
    assert reasons(kafka, f"{prefix}-dlq") == [(unknown.value, b"unknown-topic")]
    assert f"{prefix}-unknown" not in topics(kafka.bootstrap)


def test_with_topic_create_none_and_no_dead_letter_topic_nothing_is_skipped(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(prefix)
    write(kafka.bootstrap, prefix, [Record(event(f"{prefix}-unknown", "pod", 0))])
    with Program(kafka.bootstrap, prefix, prefix, TOPIC_CREATE="none") as program:
        failed = program.wait_for("worker failed")
        assert (failed["kind"], f"{prefix}-dlq" in failed["reason"]) == ("topic-not-created", True)
        assert not any(committed(kafka.bootstrap, prefix, prefix).values())
        kafka.create_topic(f"{prefix}-dlq")
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        assert program.terminate() == 0
    assert len(read_all(kafka.bootstrap, f"{prefix}-dlq")) == 1


def test_denied_namespaces_are_skipped_and_counted(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(prefix)
    kept, denied = events([f"{prefix}-a"], 20), events([f"{prefix}-noise-1", f"{prefix}-noise-2"], 20)
    write(kafka.bootstrap, prefix, kept + denied)
    assert run(kafka, prefix, NAMESPACES_DENY="other,*-noise-*").totals()["skipped"] == 20
    assert_exactly(kafka.bootstrap, kept)
    assert not topics(kafka.bootstrap) & {f"{prefix}-noise-1", f"{prefix}-noise-2", f"{prefix}-dlq"}


def test_only_allowed_namespaces_are_delivered_and_resyncs_dropped(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(prefix)
    name = f"{prefix}-a"
    kept = [Record(event(name, "pod", 0)), Record(updated(name, 2, old=1))]
    resync = Record(updated(name, 2, old=2))
    write(kafka.bootstrap, prefix, [*kept, resync, Record(event(f"{prefix}-b", "pod", 0))])
    totals = run(kafka, prefix, NAMESPACES_ALLOW=name, DROP_RESYNC="true").totals()
    assert (totals["skipped"], totals["resyncs_dropped"], totals["delivered"]) == (1, 1, 2)
    assert_exactly(kafka.bootstrap, kept)
    assert f"{prefix}-b" not in topics(kafka.bootstrap)


def test_slim_removes_managed_fields_and_the_old_event_and_nothing_else(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(prefix)
    whole = msgspec.json.decode(updated(prefix + "-a", 2, old=1))
    whole["event"]["metadata"]["managedFields"] = [{"manager": "kubelet", "fieldsV1": {"f:count": {}}}]
    headers = (("h", b"1"),)
    write(kafka.bootstrap, prefix, [Record(msgspec.json.encode(whole), b"key", headers, (1, 1_790_000_000_000))])
    run(kafka, prefix, SLIM="true")
    [found] = read_all(kafka.bootstrap, f"{prefix}-a")
    del whole["old_event"], whole["event"]["metadata"]["managedFields"]
    assert msgspec.json.decode(found.value or b"") == whole
    assert (found.key, found.headers, found.timestamp) == (b"key", headers, (1, 1_790_000_000_000))


def test_a_prefix_provenance_and_cluster_scoped_objects_apart(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(prefix)
    node = b'{"verb":"ADDED","event":{"metadata":{"namespace":"default"},"involvedObject":{"kind":"Node","name":"n1"}}}'
    pod = event("default", "pod", 0)
    write(kafka.bootstrap, prefix, [Record(node, b"n1", (("own", b"x"),)), Record(pod, b"pod")])
    run(
        kafka, prefix, TOPIC_TEMPLATE=prefix + ".{namespace}", PROVENANCE_HEADERS="true", SPLIT_CLUSTER_SCOPED="true",
    )  # fmt: skip
    [apart], [default] = (read_all(kafka.bootstrap, f"{prefix}.{name}") for name in ("_cluster", "default"))
    origin = {"fanout.topic": prefix.encode(), "fanout.partition": b"0"}
    assert (apart.value, dict(apart.headers)) == (node, {"own": b"x", "fanout.offset": b"0", **origin})
    assert (default.value, dict(default.headers)) == (pod, {"fanout.offset": b"1", **origin})


def test_one_worker_may_hold_all_partitions(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(prefix, 4)
    sent = events([f"{prefix}-a", f"{prefix}-b"], 2_000, partitions=4)
    write(kafka.bootstrap, prefix, sent)
    with Program(kafka.bootstrap, prefix, prefix, WORKERS_MAX=1) as program:
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        wait_until(lambda: len(program.workers()) == 1, 5, "one worker")
        assert program.lines("worker started")[-1]["partitions"] == [0, 1, 2, 3]
        assert program.terminate() == 0
    assert_exactly(kafka.bootstrap, sent)


def test_wrong_settings_are_told_all_at_once_with_exit_code_2(kafka: LocalKafka, prefix: str) -> None:
    with Program(kafka.bootstrap, prefix, prefix, LEASE_MS=60_000, TOPIC_TEMPLATE="events") as program:
        assert program.wait(10) == 2
        said = "\n".join(program.tail())
    assert "LEASE_MS" in said
    assert "TOPIC_TEMPLATE" in said


def test_a_long_linger_does_not_keep_offsets_from_being_committed(kafka: LocalKafka, prefix: str) -> None:
    """Under a load that never pauses something always lingers; the bound in flight is not reached for a minute."""
    destinations = [f"{prefix}-{number}" for number in range(5)]
    kafka.create_topics([prefix, *destinations])
    with (
        Program(kafka.bootstrap, prefix, prefix, KAFKA_PRODUCER_LINGER_MS=500) as program,
        Group(kafka.bootstrap, prefix, prefix) as group,
        Load(kafka.bootstrap, prefix, destinations, rate=300) as load,
    ):
        wait_until(lambda: group.delivering() == 1, 30, "the first commit of deliveries")
        before = group.committed()[0]
        wait_until(lambda: group.committed()[0] > before, 10, "another commit under the same load")
        sent = load.stop()
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        assert program.terminate() == 0
    assert_exactly(kafka.bootstrap, sent)
