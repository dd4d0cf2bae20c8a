"""What becomes of clients that are told that their cluster has no brokers (librdkafka's issue 5301)."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from fanout import client
from fanout.settings import Settings
from fanout.worker.stranded import Client, Stranded
from tests.support.brokerless import Brokerless

TOPIC = "cluster-events"
# Some of a hundred are stranded on a quiet machine, a fifth on a busy one.
CLIENTS = 24
ANSWER_S = 10.0


def producing(settings: Settings) -> Client:
    producer = Producer(client.shard(settings, 1_000_000) | {"enable.idempotence": False, "log_level": 0})
    producer.produce(TOPIC, b"waits")
    return producer


def reading(settings: Settings) -> Client:
    consumer = Consumer(client.reader(settings, 1_000_000) | {"log_level": 0})
    consumer.assign([TopicPartition(TOPIC, 0, 0)])
    return consumer


def outcome(begin: Callable[[Settings], Client]) -> tuple[bool, bool]:
    """Of one client that was told so: did it connect again, and is it found to be stranded?"""
    with Brokerless(TOPIC) as broker:
        settings = Settings(endpoint=f"127.0.0.1:{broker.port}", topic=TOPIC)
        its = begin(settings)
        assert broker.forget(ANSWER_S)
        connected = broker.await_connection(ANSWER_S)
        looking = Stranded(TOPIC, lambda: [its], lambda: AdminClient(client.admin(settings) | {"log_level": 0}))
        return connected, looking.look()


@pytest.fixture(scope="module")
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(CLIENTS) as pool:
        yield pool


@pytest.mark.parametrize("begin", [producing, reading])
def test_a_client_that_does_not_connect_again_is_found(
    threads: ThreadPoolExecutor, begin: Callable[[Settings], Client]
) -> None:
    outcomes = list(threads.map(outcome, [begin] * CLIENTS))
    print(f"stranded: {sum(not connected for connected, _ in outcomes)} of {CLIENTS}")
    assert all(connected != found for connected, found in outcomes), outcomes
