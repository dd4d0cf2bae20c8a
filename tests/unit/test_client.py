"""What each client is configured with, and what the stand-ins in `fakes` say of the real one. No broker is needed."""

import logging
import time
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from fanout import client
from fanout.worker.destination import Destination
from fanout.worker.limits import NO_LIMITS
from fanout.worker.offsets import Window
from fanout.worker.shard import Failure, Shard
from tests.unit.fakes import FakeRecord, settings


def test_the_member_commits_by_itself_never_and_reads_nothing_that_it_would_create() -> None:
    config = client.member(settings(groupid="g"), "consumer")
    assert config["group.id"] == "g"
    assert config["group.protocol"] == "consumer"
    assert config["enable.auto.commit"] is False
    assert config["enable.auto.offset.store"] is False
    assert config["allow.auto.create.topics"] is False
    assert "partition.assignment.strategy" not in config
    assert client.member(settings(), "classic")["partition.assignment.strategy"] == "cooperative-sticky"


def test_a_reader_never_commits_and_takes_an_expired_offset_for_an_error() -> None:
    config = client.reader(settings(), 1_000)
    assert config["enable.auto.commit"] is False
    assert config["enable.auto.offset.store"] is False
    assert config["auto.offset.reset"] == "error"


def test_a_reader_takes_the_largest_batch_that_the_source_can_hold() -> None:
    config = client.reader(settings(), 50_000_000)
    assert config["max.partition.fetch.bytes"] >= 50_000_000
    assert config["fetch.max.bytes"] >= 50_000_000
    assert config["receive.message.max.bytes"] > config["fetch.max.bytes"]


def test_a_partition_that_is_far_behind_leaves_room_in_a_fetch_for_the_others_of_its_worker() -> None:
    alone, shared, many = (client.reader(settings(), 1_000, partitions=count) for count in (1, 16, 1_000))
    assert alone["max.partition.fetch.bytes"] == alone["fetch.max.bytes"] == client.FETCH_BYTES
    assert shared["max.partition.fetch.bytes"] * 16 == shared["fetch.max.bytes"] == client.FETCH_BYTES
    assert many["max.partition.fetch.bytes"] == client.FETCH_PARTITION_BYTES


def test_a_reader_is_not_told_what_belongs_to_the_group() -> None:
    given = settings(kafka={"session.timeout.ms": "9000"}, kafka_consumer={"heartbeat.interval.ms": "3000"})
    assert not client.CLASSIC_ONLY & client.reader(given, 1_000).keys()
    member = client.member(given, "classic")
    assert (member["session.timeout.ms"], member["heartbeat.interval.ms"]) == ("9000", "3000")


@pytest.mark.parametrize("make", [client.producer, client.shard])
def test_a_producer_keeps_order_and_retries_without_end(make: object) -> None:
    assert callable(make)
    config = make(settings(), 2_000_000)
    assert config["enable.idempotence"] is True
    assert config["acks"] == "all"
    assert config["message.timeout.ms"] == 0
    assert config["message.max.bytes"] >= 80_000_000, "what a destination takes is its broker's to say"
    assert config["partitioner"] == "murmur2_random"


def test_only_where_the_broker_creates_topics_may_a_producer_create_what_it_does_not_know() -> None:
    for mode, allowed in (("admin", False), ("none", False), ("broker", True)):
        assert client.producer(settings(topic_create=mode), 1)["allow.auto.create.topics"] is allowed


@pytest.mark.parametrize("side", ["kafka", "kafka_producer"])
def test_what_the_user_sets_is_laid_over_ours_in_a_producer(side: str) -> None:
    given = settings(**{side: {"linger.ms": "50", "partitioner": "consistent", "compression.type": "zstd"}})
    config = client.shard(given, 1_000)
    assert (config["linger.ms"], config["partitioner"], config["compression.type"]) == ("50", "consistent", "zstd")


@pytest.mark.parametrize("side", ["kafka", "kafka_consumer"])
def test_what_the_user_sets_is_laid_over_ours_in_a_consumer(side: str) -> None:
    given = settings(**{side: {"topic.metadata.refresh.interval.ms": "60000", "queued.min.messages": "7"}})
    assert client.member(given, "classic")["topic.metadata.refresh.interval.ms"] == "60000"
    assert client.reader(given, 1_000)["queued.min.messages"] == "7"


def test_one_sides_properties_stay_on_that_side() -> None:
    given = settings(kafka_producer={"linger.ms": "50"}, kafka_consumer={"fetch.wait.max.ms": "9"})
    assert "fetch.wait.max.ms" not in client.producer(given, 1)
    assert "linger.ms" not in client.reader(given, 1)
    assert not {"linger.ms", "fetch.wait.max.ms"} & client.admin(given).keys()


def test_the_endpoint_credentials_and_the_logger_reach_every_client() -> None:
    logger = logging.getLogger("test")
    given = settings(endpoint="h:1,h:2", kafka={"sasl.password": "s"})
    for config in (
        client.member(given, "classic", logger), client.reader(given, 1, logger), client.producer(given, 1, logger),
        client.shard(given, 1, logger), client.admin(given, logger),
    ):  # fmt: skip
        assert config["bootstrap.servers"] == "h:1,h:2"
        assert config["sasl.password"] == "s"
        assert config["logger"] is logger


def test_compression_is_noticed_wherever_it_is_set() -> None:
    assert not client.is_compressed(settings())
    assert not client.is_compressed(settings(kafka_producer={"compression.type": "none"}))
    assert client.is_compressed(settings(kafka={"compression.codec": "lz4"}))
    assert client.is_compressed(settings(kafka_producer={"compression.type": "zstd"}))


def test_the_session_time_out_is_the_users_or_the_default() -> None:
    assert client.session_timeout_ms(settings()) == client.SESSION_TIMEOUT_MS
    assert client.session_timeout_ms(settings(kafka_consumer={"session.timeout.ms": "9000"})) == 9_000


def test_the_protocol_is_what_is_set_and_classic_where_a_property_needs_it() -> None:
    assert client.choose_protocol(settings(group_protocol="consumer")) == "consumer"
    assert client.choose_protocol(settings(kafka={"session.timeout.ms": "9000"})) == "classic"


def quiet_producer() -> Producer:
    """The producer of a shard that reaches no broker and says nothing of it."""
    return Producer(client.shard(settings(), 1_000_000) | {"log_level": 0, "bootstrap.servers": "127.0.0.1:1"})


def purged(producer: Producer) -> None:
    """Let everything that is queued fail, and tell of it."""
    producer.purge()
    deadline = time.monotonic() + 10
    while len(producer):
        producer.poll(0.01)
        assert time.monotonic() < deadline


def test_of_a_record_that_failed_the_client_tells_value_and_key_and_neither_timestamp_nor_headers() -> None:
    told: list[tuple[bytes | None, bytes | None, tuple[int, int], object]] = []

    def called_back(error: KafkaError | None, message: Message) -> None:
        assert error is not None
        told.append((message.value(), message.key(), message.timestamp(), message.headers()))

    producer = quiet_producer()
    producer.produce("t", b"v", b"k", -1, called_back, None, 1_700_000_000_000, [("h", b"1")])
    producer.produce("t", None, None, -1, called_back, None, 0, None)
    assert len(producer) >= 2, "errors and log lines that wait for the poll count, too"
    purged(producer)
    assert told == [(b"v", b"k", (0, -1), None), (None, None, (0, -1), None)]


def test_the_records_that_a_real_producer_did_not_deliver_are_found() -> None:
    failures: list[Failure] = []
    producer = quiet_producer()
    shard = Shard(1, producer, failures.append)
    destination = Destination("t", shard)
    destination.know(NO_LIMITS)
    now_ms = time.time_ns() // 1_000_000
    records = [
        FakeRecord(0, b"v", b"k", headers=[("h", b"1")], timestamp=(1, now_ms)),
        FakeRecord(1, None, None, timestamp=(1, 0)),
        FakeRecord(2, b"", b"", timestamp=(2, now_ms)),
    ]
    window = Window(3, 3, 1)
    assert not shard.send(destination, records, window, vetted=False)
    assert shard.poll() is None
    producer.purge()
    deadline = time.monotonic() + 10
    while shard.poll() is None:
        assert time.monotonic() < deadline
    assert [failure.record.offset() for failure in failures] == [0, 1, 2]
    assert not shard.unsettled()


def test_a_broker_that_tells_of_no_brokers_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class Alone:
        """The last broker of a cluster, in the moment in which it stops or comes back."""

        def __init__(self, config: object) -> None:
            pass

        def list_topics(self, **_: object) -> SimpleNamespace:
            return SimpleNamespace(brokers={})

        def poll(self, timeout: float) -> None:
            pass

    monkeypatch.setattr(client, "AdminClient", Alone)
    with pytest.raises(KafkaException, match="no brokers"):
        client.choose_protocol(settings())
