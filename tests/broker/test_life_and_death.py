"""What happens to the program and around it, and what it does: the rows of the table that no other file has."""

import os
import signal

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions

from bench.broker import LocalKafka
from bench.program import Program
from tests.support.comparing import assert_complete, assert_exactly, committed, delivering, wait_caught_up
from tests.support.load import Load, write
from tests.support.samples import event, events
from tests.support.topics import Record, produce, read_all, topics, wait_until

REQUEST_S = 15.0


def headers_of(record: Record) -> dict[str, str]:
    """The headers of a dead letter, as text."""
    return {name: (value or b"").decode() for name, value in record.headers}


def delete_topic(kafka: LocalKafka, name: str) -> None:
    """Delete a topic and wait until it is gone."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})  # its requests end with it
    admin.delete_topics([name])[name].result(REQUEST_S)
    wait_until(lambda: name not in topics(kafka.bootstrap), REQUEST_S, f"{name} to be gone")


def test_a_worker_that_hangs_is_replaced(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(prefix, 2)
    with Program(kafka.bootstrap, prefix, prefix, STALL_MS=1_000) as program:
        stuck, other = program.worker(0), program.worker(1)
        write(kafka.bootstrap, prefix, events([f"{prefix}-a"], 20, partitions=2))
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        os.kill(stuck, signal.SIGSTOP)
        sent = events([f"{prefix}-a"], 200, partitions=2, start=20)
        write(kafka.bootstrap, prefix, sent)
        assert program.wait_for("worker died")["stalled"]
        assert program.worker(0, other_than=stuck) != stuck
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        assert stuck not in program.workers()
        assert program.worker(1) == other
        assert program.terminate() == 0
    assert_complete(kafka.bootstrap, events([f"{prefix}-a"], 20, partitions=2) + sent)


def test_workers_end_with_their_supervisor_and_the_next_start_delivers_the_rest(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(prefix, 2)
    # A member that was killed holds its partitions for the rest of its session.
    session = {"KAFKA_SESSION_TIMEOUT_MS": "3000", "KAFKA_HEARTBEAT_INTERVAL_MS": "500", "LEASE_MS": "2000"}
    with Load(kafka.bootstrap, prefix, [f"{prefix}-a", f"{prefix}-b"], rate=300, partitions=2) as load:
        with Program(kafka.bootstrap, prefix, prefix, **session) as program:
            wait_until(lambda: delivering(kafka.bootstrap, prefix, prefix) == 2, 20, "deliveries")
            assert len(program.workers()) == 2
            program.kill()
            wait_until(lambda: not program.workers(), 3, "the workers to end without their supervisor")
        sent = load.stop()
    with Program(kafka.bootstrap, prefix, prefix, **session) as program:
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        assert program.terminate() == 0
    assert_complete(kafka.bootstrap, sent)


def test_a_deleted_destination_is_created_again_and_gets_its_records_in_order(kafka: LocalKafka, prefix: str) -> None:
    gone, stays = f"{prefix}-gone", f"{prefix}-stays"
    kafka.create_topic(prefix)
    with Program(kafka.bootstrap, prefix, prefix, SILENCE_MS=1_000) as program:
        with Load(kafka.bootstrap, prefix, [gone, stays], rate=200) as load:
            wait_until(lambda: committed(kafka.bootstrap, prefix, prefix).get(0, 0) > 50, 20, "deliveries")
            delete_topic(kafka, gone)
            deleted = len(load.sent)
            program.wait_for("topic created", 15, count=2, topic=gone)  # the client alone takes 46 s
            wait_until(lambda: len(load.sent) > deleted + 600, 20, "events after the deletion")
            sent = load.stop()
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        assert not program.lines("worker died")
        assert program.terminate() == 0
    # Where the deletion fell is not ours to say: what was delivered before it went with the topic.
    there = list(dict.fromkeys(record.value for record in read_all(kafka.bootstrap, gone)))
    wanted = [record.value for record in sent if record.key and b"gone" in (record.value or b"")]
    assert there == wanted[-len(there) :]
    assert set(there) >= {record.value for record in sent[deleted:] if record.value in set(wanted)}
    assert_exactly(kafka.bootstrap, [record for record in sent if record.value not in set(wanted)])


def test_records_that_expired_unread_are_counted_and_marked(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(prefix)
    first, expired, last = (events([f"{prefix}-a"], 100, start=start) for start in (0, 100, 200))
    write(kafka.bootstrap, prefix, first)
    with Program(kafka.bootstrap, prefix, prefix) as program:
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        assert program.terminate() == 0
    write(kafka.bootstrap, prefix, expired + last)
    place = TopicPartition(prefix, 0, 200)
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.delete_records([place])[place].result(REQUEST_S)
    with Program(kafka.bootstrap, prefix, prefix) as program:
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        told = program.lines("records expired before they were read")
        assert [(line["first"], line["next"], line["lost"], line["log.level"]) for line in told] == [
            (100, 200, 100, "error")
        ]
        assert program.terminate() == 0
        assert program.totals()["expired"] == 100
    [letter] = read_all(kafka.bootstrap, f"{prefix}-dlq")
    own = headers_of(letter)
    assert (own["fanout.reason"], own["fanout.partition"], own["fanout.offset"]) == ("expired", "0", "100")
    assert "100 records, offsets 100 to 199" in own["fanout.detail"]
    assert_exactly(kafka.bootstrap, first + last)


def test_records_that_expired_before_anything_of_their_partition_was_delivered_are_marked(
    kafka: LocalKafka, prefix: str
) -> None:
    kafka.create_topic(prefix, 2)
    written = events([f"{prefix}-a"], 60)
    with Program(kafka.bootstrap, prefix, prefix) as program:
        wait_until(lambda: committed(kafka.bootstrap, prefix, prefix) == {0: 0, 1: 0}, 20, "where it begins")
        assert program.terminate() == 0
    write(kafka.bootstrap, prefix, written)
    place = TopicPartition(prefix, 0, 50)
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.delete_records([place])[place].result(REQUEST_S)
    with Program(kafka.bootstrap, prefix, prefix) as program:
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        assert program.terminate() == 0
        assert program.totals()["expired"] == 50
    [letter] = read_all(kafka.bootstrap, f"{prefix}-dlq")
    assert "50 records, offsets 0 to 49" in headers_of(letter)["fanout.detail"]
    assert_exactly(kafka.bootstrap, written[50:])


def test_a_source_made_anew_is_read_from_its_start_without_a_restart(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(prefix)
    old, new = events([f"{prefix}-a"], 50), events([f"{prefix}-a"], 80, start=1_000)
    write(kafka.bootstrap, prefix, old)
    with Program(kafka.bootstrap, prefix, prefix) as program:
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        delete_topic(kafka, prefix)
        kafka.create_topic(prefix)
        write(kafka.bootstrap, prefix, new)
        values = {record.value for record in new}
        wait_until(
            lambda: values <= {record.value for record in read_all(kafka.bootstrap, f"{prefix}-a")},
            40, "the events of the new topic",
        )  # fmt: skip
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        assert program.terminate() == 0
    assert_complete(kafka.bootstrap, old + new)
    assert f"{prefix}-dlq" not in topics(kafka.bootstrap)


def test_a_source_made_anew_that_a_worker_is_the_first_to_notice_is_begun_once(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(prefix, 2)
    old, new = events([f"{prefix}-a"], 200, partitions=2), events([f"{prefix}-a"], 20, start=1_000, partitions=2)
    write(kafka.bootstrap, prefix, old)
    # With the newer protocol the group hands out the new topic as another one: the same again, by a rebalance.
    with Program(kafka.bootstrap, prefix, prefix, GROUP_PROTOCOL="classic") as program:
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        delete_topic(kafka, prefix)
        kafka.create_topic(prefix, 2)
        write(kafka.bootstrap, prefix, new)
        program.wait_for("source made anew: reading it from the start", 30.0)
        values = {record.value for record in new}
        wait_until(
            lambda: values <= {record.value for record in read_all(kafka.bootstrap, f"{prefix}-a")},
            40, "the events of the new topic",
        )  # fmt: skip
        # The supervisor's own look must have come, too, before it can be said that it changed nothing.
        program.wait_for("source topic was made anew: reading it from the start", 30.0)
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        assert program.terminate() == 0
        started = [partition for line in program.lines("worker started") for partition in line["partitions"]]
    assert sorted(started) == [0, 0, 1, 1]
    assert_exactly(kafka.bootstrap, old + new)


def test_a_source_made_anew_while_nobody_ran_is_read_from_its_start(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(prefix, 2)
    old, new = events([f"{prefix}-a"], 50, partitions=2), events([f"{prefix}-a"], 150, start=1_000, partitions=2)
    write(kafka.bootstrap, prefix, old)
    with Program(kafka.bootstrap, prefix, prefix) as program:
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        assert program.terminate() == 0
    delete_topic(kafka, prefix)
    kafka.create_topic(prefix, 2)
    write(kafka.bootstrap, prefix, new)  # more than there were: the offsets of before are within it
    with Program(kafka.bootstrap, prefix, prefix) as program:
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        assert program.terminate() == 0
    assert_exactly(kafka.bootstrap, old + new)


def test_partitions_that_are_added_are_read_without_a_restart(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(prefix)
    with Program(kafka.bootstrap, prefix, prefix) as program:
        before = program.worker(0)
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
        admin.create_partitions([NewPartitions(prefix, 3)])[prefix].result(REQUEST_S)
        sent = [
            Record(event(f"{prefix}-a", f"pod-{number % 3}", number), b"pod-%d" % (number % 3), partition=number % 3)
            for number in range(60)
        ]
        write(kafka.bootstrap, prefix, sent)
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        assert program.worker(0) == before
        assert program.terminate() == 0
    assert_exactly(kafka.bootstrap, sent)


def test_a_record_too_large_for_its_destination_spoils_no_others(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(prefix)
    kafka.create_topic(f"{prefix}-a", config={"max.message.bytes": "40000"})
    sent = events([f"{prefix}-a"], 2_000)
    large = [Record(event(f"{prefix}-a", "large", n, padding="x" * 60_000), b"large", partition=0) for n in range(3)]
    for number, record in enumerate(large):
        sent.insert(500 * (number + 1), record)
    write(kafka.bootstrap, prefix, sent)
    with Program(kafka.bootstrap, prefix, prefix) as program:
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        assert program.terminate() == 0
    small = [record.value for record in sent if record not in large]
    assert [record.value for record in read_all(kafka.bootstrap, f"{prefix}-a")] == small
    letters = read_all(kafka.bootstrap, f"{prefix}-dlq")
    assert [letter.value for letter in letters] == [record.value for record in large]
    assert {headers_of(letter)["fanout.reason"] for letter in letters} == {"too-large"}


def test_a_null_key_for_a_compacted_destination_spoils_no_others(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(prefix)
    kafka.create_topic(f"{prefix}-a", config={"cleanup.policy": "compact"})
    sent = events([f"{prefix}-a"], 500)
    keyless = Record(event(f"{prefix}-a", "keyless", 1), None, partition=0)
    sent.insert(250, keyless)
    produce(kafka.bootstrap, prefix, sent)
    with Program(kafka.bootstrap, prefix, prefix) as program:
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        assert program.terminate() == 0
        assert program.totals()["delivered"] == 500
    [letter] = read_all(kafka.bootstrap, f"{prefix}-dlq")
    assert (letter.value, letter.key, headers_of(letter)["fanout.reason"]) == (keyless.value, None, "null-key")


def test_too_many_undecodable_records_stop_the_worker_and_not_the_supervisor(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(prefix, 2)
    rubbish = [Record(b"rubbish", b"%d" % number, partition=0) for number in range(50)]
    good = [Record(event(f"{prefix}-a", "pod", number), b"k", partition=1) for number in range(50)]
    write(kafka.bootstrap, prefix, rubbish + good)
    with Program(kafka.bootstrap, prefix, prefix, DLQ_MAX_RUN=20) as program:
        failed = program.wait_for("worker failed", count=2)
        assert (failed["kind"], failed["partitions"]) == ("dead-letter-limit", [0])
        assert "NAMESPACE_PATH" in failed["reason"]
        wait_until(lambda: committed(kafka.bootstrap, prefix, prefix).get(1) == 50, 20, "the other partition")
        assert committed(kafka.bootstrap, prefix, prefix).get(0, 0) == 0
        assert program.exit_code is None
        assert program.terminate() == 0
    assert_exactly(kafka.bootstrap, good)
