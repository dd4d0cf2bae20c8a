"""A bad network before a real broker: what clients make of it, exactly as bad as asked for."""

import random
import socket
import time
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient

from bench.broker import Listener, LocalKafka
from bench.broker.place import free_ports
from bench.network import ApiKey, Proxy
from tests.support.topics import Record, produce, read_all, wait_until

LISTENER = "PROXIED"
DEADLINE_S = 30.0


@pytest.fixture(scope="module")
def proxied() -> Iterator[tuple[LocalKafka, Proxy]]:
    """A broker of its own and the proxy before it. The proxy listens first: so nothing else takes its port."""
    (port,) = free_ports(1)
    with Proxy(port) as proxy, LocalKafka(listeners=[Listener(LISTENER, fronts=[port])]) as kafka:
        proxy.forward_to(kafka.behind(LISTENER))
        yield kafka, proxy


@pytest.fixture
def kafka(proxied: tuple[LocalKafka, Proxy]) -> LocalKafka:
    return proxied[0]


@pytest.fixture
def proxy(proxied: tuple[LocalKafka, Proxy]) -> Iterator[Proxy]:
    yield proxied[1]
    proxied[1].clear()


def producer(bootstrap: str, **config: str | float | bool) -> Producer:
    return Producer({"bootstrap.servers": bootstrap, "linger.ms": 0, "log_level": 2, **config})


def written(with_producer: Producer, topic: str, value: bytes = b"x") -> KafkaError | None:
    """Produce one record; the error that it ended with."""
    told: list[KafkaError | None] = []

    def note(error: KafkaError | None, _: Message) -> None:
        told.append(error)

    with_producer.produce(topic, value, partition=0, on_delivery=note)
    assert not with_producer.flush(DEADLINE_S)
    return told[0]


def values(kafka: LocalKafka, topic: str) -> list[bytes | None]:
    return [record.value for record in read_all(kafka.bootstrap, topic)]


def test_under_load_what_was_written_is_read_byte_for_byte(kafka: LocalKafka, proxy: Proxy, prefix: str) -> None:
    kafka.create_topic(prefix, 2)
    bits = random.Random(1)
    sent = [Record(bits.randbytes(2_000), partition=number % 2) for number in range(10_000)]
    began = time.monotonic()
    produce(kafka.bootstrap_of(LISTENER), prefix, sent)
    middle = time.monotonic()
    found = read_all(kafka.bootstrap_of(LISTENER), prefix)
    print(f"20 MB written in {middle - began:.2f} s, read in {time.monotonic() - middle:.2f} s")
    assert [record.value for record in found] == [record.value for part in (0, 1) for record in sent[part::2]]
    assert proxy.counts.requests[ApiKey.PRODUCE] > 0
    assert proxy.counts.requests[ApiKey.FETCH] > 0


def test_clients_are_told_the_way_through_the_proxy_only(kafka: LocalKafka, proxy: Proxy) -> None:
    metadata = AdminClient({"bootstrap.servers": kafka.bootstrap_of(LISTENER)}).list_topics(timeout=DEADLINE_S)
    assert [broker.port for broker in metadata.brokers.values()] == [proxy.port]


@pytest.mark.parametrize("reset", [False, True])
def test_a_produce_request_that_is_cut_is_not_written(
    kafka: LocalKafka, proxy: Proxy, prefix: str, reset: bool
) -> None:
    kafka.create_topic(prefix)
    once = producer(kafka.bootstrap_of(LISTENER), retries=0)
    assert written(once, prefix, b"before") is None
    proxy.cut_in_request(ApiKey.PRODUCE, after_bytes=20_000, reset=reset)
    cuts = proxy.counts.cut_requests
    failed = written(once, prefix, bytes(100_000))
    assert failed is not None
    assert failed.code() == KafkaError._TRANSPORT
    assert proxy.counts.cut_requests == cuts + 1
    assert written(once, prefix, b"after") is None
    assert values(kafka, prefix) == [b"before", b"after"]


def test_a_producer_that_tries_again_after_a_cut_request_writes_once(
    kafka: LocalKafka, proxy: Proxy, prefix: str
) -> None:
    kafka.create_topic(prefix)
    proxy.cut_in_request(ApiKey.PRODUCE, after_bytes=1_000_000)
    assert written(producer(kafka.bootstrap_of(LISTENER)), prefix) is None
    assert values(kafka, prefix) == [b"x"]


@pytest.mark.parametrize(("idempotent", "copies"), [(False, 4), (True, 1)])
def test_dropped_answers_make_a_retry_of_what_was_written(
    kafka: LocalKafka, proxy: Proxy, prefix: str, idempotent: bool, copies: int
) -> None:
    kafka.create_topic(prefix)
    dropped = proxy.counts.dropped_answers
    proxy.drop_answers(ApiKey.PRODUCE, 3)
    assert written(producer(kafka.bootstrap_of(LISTENER), **{"enable.idempotence": idempotent}), prefix) is None
    assert proxy.counts.dropped_answers == dropped + 3
    assert values(kafka, prefix) == [b"x"] * copies


def test_every_request_of_a_pipeline_whose_answer_is_dropped_was_written(
    kafka: LocalKafka, proxy: Proxy, prefix: str
) -> None:
    kafka.create_topic(prefix)
    failures: list[KafkaError | None] = []
    pipelined = producer(kafka.bootstrap_of(LISTENER), **{"retries": 0, "batch.num.messages": 1, "max.in.flight": 100})
    assert written(pipelined, prefix, b"first") is None
    proxy.drop_answers(ApiKey.PRODUCE, 3)
    for number in range(20):
        pipelined.produce(prefix, b"%d" % number, partition=0, on_delivery=lambda error, _: failures.append(error))
    assert not pipelined.flush(DEADLINE_S)
    there = values(kafka, prefix)
    acknowledged = sum(error is None for error in failures)
    assert len(there) == 1 + acknowledged + 3, "written are what was acknowledged and the three whose answers were lost"
    assert there[:4] == [b"first", b"0", b"1", b"2"]


def test_requests_without_an_answer_are_not_counted_as_dropped(kafka: LocalKafka, proxy: Proxy, prefix: str) -> None:
    kafka.create_topic(prefix)
    proxy.drop_answers(ApiKey.PRODUCE, 1)
    assert written(producer(kafka.bootstrap_of(LISTENER), acks=0, **{"client.id": "silent"}), prefix, b"silent") is None
    wait_until(lambda: values(kafka, prefix) == [b"silent"], DEADLINE_S, "the record that nobody acknowledges")
    failed = written(producer(kafka.bootstrap_of(LISTENER), retries=0), prefix, b"lost answer")
    assert failed is not None
    assert values(kafka, prefix) == [b"silent", b"lost answer"]


def test_connections_that_are_cut_or_refused_come_back(kafka: LocalKafka, proxy: Proxy, prefix: str) -> None:
    kafka.create_topic(prefix)
    going_on = producer(kafka.bootstrap_of(LISTENER), **{"reconnect.backoff.max.ms": 200})
    hurried = producer(kafka.bootstrap_of(LISTENER), **{"message.timeout.ms": 500})
    assert written(going_on, prefix, b"1") is None
    for reset in False, True:
        cuts = proxy.counts.cuts
        proxy.cut(reset=reset)
        assert proxy.counts.cuts > cuts
        assert written(going_on, prefix, b"2") is None
    proxy.refuse()
    with pytest.raises(ConnectionResetError), socket.create_connection(("127.0.0.1", proxy.port), DEADLINE_S) as new:
        new.recv(1)
    failed = written(hurried, prefix, b"refused")
    assert failed is not None
    assert failed.code() == KafkaError._MSG_TIMED_OUT
    proxy.accept()
    assert written(going_on, prefix, b"3") is None
    assert values(kafka, prefix) == [b"1", b"2", b"2", b"3"]


def test_a_network_that_hangs_keeps_connections_and_loses_nothing(kafka: LocalKafka, proxy: Proxy, prefix: str) -> None:
    kafka.create_topic(prefix)
    patient = producer(kafka.bootstrap_of(LISTENER))
    assert written(patient, prefix, b"1") is None
    connections, requests = proxy.connections, proxy.counts.requests
    proxy.hang()
    with pytest.raises(KafkaException):  # a client that is new is connected, and gets no answer
        AdminClient({"bootstrap.servers": kafka.bootstrap_of(LISTENER), "log_level": 2}).list_topics(timeout=1.0)
    patient.produce(prefix, b"2", partition=0)
    assert patient.flush(1.0) == 1
    assert proxy.counts.requests == requests
    assert proxy.connections >= connections
    assert values(kafka, prefix) == [b"1"]
    proxy.resume()
    assert not patient.flush(DEADLINE_S)
    assert values(kafka, prefix) == [b"1", b"2"]


def test_a_delay_is_added_each_way(kafka: LocalKafka, proxy: Proxy, prefix: str) -> None:
    kafka.create_topic(prefix)
    slow = producer(kafka.bootstrap_of(LISTENER))
    assert written(slow, prefix) is None
    proxy.delay(0.4)
    began = time.monotonic()
    assert written(slow, prefix) is None
    assert time.monotonic() - began >= 0.8
    proxy.delay(0)
    assert min(timed(lambda: written(slow, prefix)) for _ in range(5)) < 0.4


def timed(action: Callable[[], object]) -> float:
    began = time.monotonic()
    action()
    return time.monotonic() - began


def test_clear_ends_every_fault(kafka: LocalKafka, proxy: Proxy, prefix: str) -> None:
    kafka.create_topic(prefix)
    proxy.delay(60)
    proxy.throttle(10)
    proxy.hang()
    proxy.refuse()
    proxy.cut_in_request(ApiKey.PRODUCE, after_bytes=1)
    proxy.drop_answers(ApiKey.PRODUCE, 100)
    proxy.clear()
    before = proxy.counts
    assert written(producer(kafka.bootstrap_of(LISTENER), retries=0), prefix) is None
    assert values(kafka, prefix) == [b"x"]
    assert (proxy.counts.cut_requests, proxy.counts.dropped_answers) == (before.cut_requests, before.dropped_answers)
