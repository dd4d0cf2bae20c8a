"""What a replica says of itself, on a real broker, while things happen to it. With a broker of its own."""

import os
import signal
import socket
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer

from bench.broker import LocalKafka
from bench.program import Program
from fanout.errors import ExitCode
from fanout.settings import Settings
from fanout.status.kinds import Cause, FindingKind
from fanout.supervisor.peek import Peek
from tests.support.asking import Asked, finding, free_port
from tests.support.load import Load, write
from tests.support.samples import events
from tests.support.topics import Record

ANSWER_S = 30.0
PARTITIONS = 2
RETENTION_S = 7_200
FAR_S = 90.0


@pytest.fixture(scope="module")
def private() -> Iterator[LocalKafka]:
    """A broker that is stopped here."""
    with LocalKafka() as running:
        yield running


@pytest.fixture
def replica() -> Asked:
    return Asked(free_port())


def source(kafka: LocalKafka, name: str, partitions: int = PARTITIONS) -> str:
    kafka.create_topic(name, partitions, config={"retention.ms": str(RETENTION_S * 1000)})
    return name


@pytest.mark.timeout(240)
def test_a_replica_under_load_tells_how_it_is(private: LocalKafka, prefix: str, replica: Asked) -> None:
    topic = source(private, prefix)
    namespaces = [f"{prefix}-{number}" for number in range(5)]
    with (
        Program(private.bootstrap, topic, prefix, **replica.settings) as program,
        Load(private.bootstrap, topic, namespaces, rate=200, partitions=PARTITIONS),
    ):
        replica.wait(lambda now: now.totals.get("delivered", 0) > 500, FAR_S, "deliveries")
        write(private.bootstrap, topic, [Record(b"no json"), Record(b'{"verb":"ADDED","event":{"metadata":{}}}')] * 3)
        status = replica.wait(
            lambda now: len(now.dead_letters) == 6 and all(p.looked_at for p in now.partitions), FAR_S, "dead letters"
        )
        assert status.refused == {"not-json": 3, "no-namespace": 3}
        assert {letter.reason for letter in status.dead_letters} == {"not-json", "no-namespace"}
        assert all(letter.partition < PARTITIONS and letter.offset >= 0 for letter in status.dead_letters)
        assert [found.kind for found in status.findings] == [FindingKind.DEAD_LETTERS]
        assert status.headline.startswith("All 2 partitions moving, ")
        assert status.retention_s == RETENTION_S
        assert status.source_partitions == PARTITIONS
        for partition in status.partitions:
            assert partition.lag_seconds is not None
            assert partition.lag_seconds < FAR_S
            assert partition.retention_share is not None
        assert {worker.pid for worker in status.workers} == program.workers()
        assert {found.topic for found in status.namespaces} == set(namespaces)
        assert sum(rate.read for rate in status.rates) > 0
        assert replica.get("/readyz")[0] == replica.get("/livez")[0] == replica.get("/startupz")[0] == 200
        assert "events_fanout_delivery_seconds_bucket" in replica.get("/metrics")[1]


@pytest.mark.timeout(240)
def test_a_replica_without_partitions_is_ready_and_says_that_it_is_a_spare(
    private: LocalKafka, prefix: str, replica: Asked
) -> None:
    topic, first = source(private, prefix, 1), Asked(free_port())
    with Program(private.bootstrap, topic, prefix, **first.settings) as holder:
        holder.worker(0, FAR_S)
        with Program(private.bootstrap, topic, prefix, **replica.settings):
            replica.wait_code("/readyz", 200, FAR_S)
            status = replica.status()
            assert (status.joined, status.partitions, status.findings) == (True, [], [])
            assert status.headline == "No partition is assigned to this replica: it is a spare"
        assert [partition.partition for partition in first.status().partitions] == [0]


@pytest.mark.timeout(240)
def test_a_broker_that_is_away_is_told_and_is_no_reason_to_restart(
    private: LocalKafka, prefix: str, replica: Asked
) -> None:
    topic = source(private, prefix)
    write(private.bootstrap, topic, events([f"{prefix}-a"], 20))
    with Program(private.bootstrap, topic, prefix, **replica.settings):
        replica.wait(lambda now: now.totals.get("delivered") == 20, FAR_S, "deliveries")
        private.stop()
        try:
            assert "no broker answers" in replica.wait_code("/readyz", 503, FAR_S)
            status = replica.wait(lambda now: finding(now, FindingKind.BROKER_AWAY), FAR_S, "the finding")
            assert status.state == "error"
            assert status.headline.startswith("The broker has not answered for ")
            assert "refused" in status.headline
            assert replica.get("/livez") == (200, "ok\n")
            assert replica.get("/startupz")[0] == 200
            assert not status.broker_reachable
            assert [partition.position for partition in status.partitions] != [None] * PARTITIONS, "what was known"
        finally:
            private.start()
        replica.wait_code("/readyz", 200, FAR_S)
        write(private.bootstrap, topic, events([f"{prefix}-b"], 20))
        replica.wait(lambda now: now.totals.get("delivered") == 40 and not now.findings, FAR_S, "it goes on")


@pytest.mark.timeout(240)
def test_a_worker_that_cannot_go_on_is_told_with_its_own_reason(
    private: LocalKafka, prefix: str, replica: Asked
) -> None:
    topic = source(private, prefix, 1)
    private.create_topic(f"{topic}-dlq", config={"max.message.bytes": "60"})
    write(private.bootstrap, topic, [Record(b"no json")])
    with Program(private.bootstrap, topic, prefix, **replica.settings):
        status = replica.wait(lambda now: finding(now, FindingKind.WORKER_FAILED), FAR_S, "the finding")
        assert "Partition 0 has not moved for " in status.headline
        assert f"the dead-letter topic {topic}-dlq does not take a dead letter" in status.headline
        status = replica.wait(lambda now: now.workers[0].restarts > 1, FAR_S, "another try")
        assert status.workers[0].failure is not None
        assert status.workers[0].failure.cause == "dead-letter-refused"
        assert status.refused == {}, "none was written"
        assert 'worker_restarts_total{cause="dead-letter-refused"}' in replica.get("/metrics")[1]
        assert replica.get("/livez")[0] == 200


@pytest.mark.timeout(240)
def test_a_worker_that_stands_still_or_dies_again_and_again_is_told_with_its_lag(
    private: LocalKafka, prefix: str, replica: Asked
) -> None:
    topic = source(private, prefix, 1)
    with Program(private.bootstrap, topic, prefix, STALL_MS=120_000, CRASHES_MAX=50, **replica.settings) as program:
        replica.wait(lambda now: now.partitions and now.partitions[0].looked_at, FAR_S, "a look")
        pid = program.worker(0)
        os.kill(pid, signal.SIGSTOP)
        write(private.bootstrap, topic, events([f"{prefix}-a"], 20))
        status = replica.wait(lambda now: (now.partitions[0].lag_seconds or 0.0) > 3.0, FAR_S, "the lag in seconds")
        partition = status.partitions[0]
        assert partition.lag_records == 20
        assert partition.lag_seconds is not None
        assert partition.retention_share == pytest.approx(partition.lag_seconds / RETENTION_S)
        os.kill(pid, signal.SIGKILL)
        while finding(status, FindingKind.CRASH_LOOP) is None:
            pid = program.worker(0, other_than=pid)
            os.kill(pid, signal.SIGKILL)  # before it has delivered anything
            status = replica.status()
        assert "The worker of partition 0 has ended " in status.headline
        assert "killed by SIGKILL" in status.headline
        assert status.workers[0].failure is not None
        assert status.workers[0].failure.cause == Cause.KILLED
        assert replica.get("/livez")[0] == 200
        replica.wait(lambda now: now.totals.get("delivered", 0) >= 20, FAR_S, "deliveries")
        replica.wait(lambda now: not now.findings, FAR_S, "the end of it")


def test_a_port_that_is_taken_is_told_with_its_setting(private: LocalKafka, prefix: str, replica: Asked) -> None:
    with socket.create_server(("127.0.0.1", replica.port)):
        with Program(private.bootstrap, prefix, prefix, **replica.settings) as program:
            assert program.wait(FAR_S) == ExitCode.BAD_SETTINGS
        (line,) = [line for line in program.log() if line["log.level"] == "error"]
        assert f"HTTP_PORT is {replica.port}" in line["error.message"]


@pytest.mark.timeout(240)
def test_behind_the_last_event_of_a_transaction_there_is_nothing_to_deliver(
    private: LocalKafka, prefix: str, replica: Asked
) -> None:
    topic = source(private, prefix, 1)
    writer = Producer({"bootstrap.servers": private.bootstrap, "transactional.id": prefix, "log_level": 2})
    writer.init_transactions(ANSWER_S)
    writer.begin_transaction()
    for record in events([f"{prefix}-a"], 5):
        writer.produce(topic, record.value, record.key)
    writer.commit_transaction(ANSWER_S)
    with Program(private.bootstrap, topic, prefix, **replica.settings):
        replica.wait(lambda now: now.totals.get("delivered") == 5, FAR_S, "deliveries")
        looked = replica.wait(lambda now: now.partitions[0].position == 5, FAR_S, "its place").at
        status = replica.wait(
            lambda now: (now.partitions[0].looked_at or 0.0) > looked, FAR_S, "a look at the lag after that"
        )
        assert status.partitions[0].lag_records == 0
        assert status.partitions[0].lag_seconds == 0.0


def test_each_look_at_the_records_brings_what_is_there_then(private: LocalKafka, prefix: str) -> None:
    topic = source(private, prefix, 1)
    write(private.bootstrap, topic, [Record(b"x", timestamp=(1, 1_700_000_000_000 + number)) for number in range(5)])
    settings = Settings(endpoint=private.bootstrap, topic=topic)
    peek = Peek(lambda: settings)
    for offset in (0, 2, 1):
        assert peek.timestamps({0: offset}).timestamps_ms == {0: 1_700_000_000_000 + offset}
    assert peek.timestamps({0: 5}).ended == {0}
    peek.forget()
