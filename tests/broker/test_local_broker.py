"""The local Kafka itself: what the other tests and the measurements rely on."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from bench.broker import BrokerDiedError, LocalKafka
from bench.broker.place import data_folder, free_ports
from tests.support.topics import Record, committed, produce, read_all, topics, wait_until

CREATE_TIME = 1


@pytest.fixture(scope="module")
def private() -> Iterator[LocalKafka]:
    """A node that tests may stop and kill."""
    with LocalKafka() as running:
        yield running


def values(kafka: LocalKafka, topic: str) -> list[bytes | None]:
    return [record.value for record in read_all(kafka.bootstrap, topic)]


def test_keeps_key_headers_timestamp_and_partition_of_what_is_written(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(prefix, partitions=3)
    written = [
        Record(b"a", None, (), (CREATE_TIME, 1_700_000_000_000), 0, 0),
        Record(b"b", b"", (("h", None),), (CREATE_TIME, 1_700_000_000_001), 0, 1),
        Record(b"", b"key", (("h", b"1"), ("h", b"")), (CREATE_TIME, 1_700_000_000_002), 2, 0),
        Record(None, b"key", (), (CREATE_TIME, 1_700_000_000_003), 2, 1),
    ]
    produce(kafka.bootstrap, prefix, written)
    assert read_all(kafka.bootstrap, prefix) == written


def test_a_topic_is_not_created_by_asking_for_it(kafka: LocalKafka, prefix: str) -> None:
    with pytest.raises(KafkaException):
        produce(kafka.bootstrap, prefix, [Record(b"a")], {"message.timeout.ms": 1_000})
    assert prefix not in topics(kafka.bootstrap)


def test_a_topic_that_exists_cannot_be_created_again(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(prefix)
    with pytest.raises(KafkaException, match="TOPIC_ALREADY_EXISTS"):
        kafka.create_topic(prefix)


def test_a_failed_record_is_told(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(prefix, config={"max.message.bytes": "2000"})
    with pytest.raises(KafkaException, match="MSG_SIZE_TOO_LARGE"):
        produce(kafka.bootstrap, prefix, [Record(b"x" * 3_000)])
    assert values(kafka, prefix) == []


def test_a_group_without_commits_has_none(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(prefix)
    assert committed(kafka.bootstrap, prefix, prefix) == {}


def test_waiting_says_what_it_waited_for() -> None:
    with pytest.raises(TimeoutError, match="the cows to come home"):
        wait_until(lambda: False, 0.05, "the cows to come home")


def test_cpu_seconds_grow_and_survive_a_stop(private: LocalKafka) -> None:
    before = private.cpu_s()
    private.stop()
    stopped = private.cpu_s()
    private.start()
    assert 0 < before <= stopped < private.cpu_s()


def test_stop_and_start_keep_data_and_port(private: LocalKafka, prefix: str) -> None:
    private.create_topic(prefix)
    produce(private.bootstrap, prefix, [Record(b"before")])
    bootstrap, pid = private.bootstrap, private.pid()
    private.restart()
    assert (private.bootstrap, private.pid() != pid) == (bootstrap, True)
    produce(private.bootstrap, prefix, [Record(b"after")])
    assert values(private, prefix) == [b"before", b"after"]


def test_a_killed_broker_comes_back_with_its_data(private: LocalKafka, prefix: str) -> None:
    private.create_topic(prefix)
    produce(private.bootstrap, prefix, [Record(b"before")])
    private.kill()
    with pytest.raises(RuntimeError, match="does not run"):
        private.pid()
    with pytest.raises(KafkaException):
        AdminClient({"bootstrap.servers": private.bootstrap, "log_level": 2}).list_topics(timeout=0.3)
    private.start()
    produce(private.bootstrap, prefix, [Record(b"after")])
    assert values(private, prefix) == [b"before", b"after"]


def test_a_paused_broker_answers_nothing_until_it_is_resumed(private: LocalKafka, prefix: str) -> None:
    private.create_topic(prefix)
    private.pause()
    assert psutil.Process(private.pid()).status() == psutil.STATUS_STOPPED
    with pytest.raises(KafkaException, match=r"_TIMED_OUT|_TRANSPORT"):
        AdminClient({"bootstrap.servers": private.bootstrap}).list_topics(timeout=0.3)
    private.resume()
    produce(private.bootstrap, prefix, [Record(b"after")])
    assert values(private, prefix) == [b"after"]


def test_three_nodes_survive_one_that_is_killed(prefix: str) -> None:
    with LocalKafka(nodes=3) as kafka:
        kafka.create_topic(prefix, partitions=3, replication=3)
        produce(kafka.bootstrap, prefix, [Record(b"before", partition=number) for number in range(3)])
        kafka.kill(1)
        produce(kafka.bootstrap, prefix, [Record(b"during", partition=number) for number in range(3)])
        assert values(kafka, prefix) == [b"before", b"during"] * 3
        kafka.start(1)
        kafka.kill(0)
        produce(kafka.bootstrap, prefix, [Record(b"after", partition=number) for number in range(3)])
        assert values(kafka, prefix) == [b"before", b"during", b"after"] * 3


def test_a_broker_that_dies_at_its_start_says_why() -> None:
    broken = LocalKafka(config={"metric.reporters": "no.such.Reporter"})
    with pytest.raises(BrokerDiedError, match=r"no\.such\.Reporter"), broken:
        pass
    assert not broken.data_dir.exists()


def test_a_port_that_was_taken_meanwhile_is_replaced_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = taken.getsockname()[1]
        offers = [[busy, *free_ports(1)], [*free_ports(1), busy], free_ports(2)]
        monkeypatch.setattr("bench.broker.cluster.free_ports", lambda _: offers.pop(0))
        with LocalKafka() as kafka:
            assert str(busy) not in kafka.bootstrap
    assert offers == []


def test_no_broker_outlives_a_killed_test_run() -> None:
    script = """
from bench.broker import LocalKafka
with LocalKafka() as kafka:
    print(kafka.pid(), kafka.data_dir, flush=True)
    input()
"""
    parent = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout is not None
        pid, folder = parent.stdout.readline().split()
        broker = psutil.Process(int(pid))
        os.kill(parent.pid, signal.SIGKILL)
        broker.wait(timeout=10)
    long_ago = 0
    os.utime(folder, (long_ago, long_ago))
    with data_folder():
        assert not Path(folder).exists()
