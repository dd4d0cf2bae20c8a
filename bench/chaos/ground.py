"""What a fault run stands on: a real cluster behind proxies, or librdkafka's mock cluster."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from confluent_kafka.admin import AdminClient

from bench.broker import Listener, LocalKafka
from bench.broker.place import free_ports
from bench.chaos.plan import HEARTBEAT_MS, MOCK, SESSION_MS
from bench.mock import PROGRAM_SETTINGS, MockKafka
from bench.network import Proxy

PROXIED = "PROXIED"
REQUEST_S = 20.0
BROKER_CONFIG = {
    "group.consumer.session.timeout.ms": str(SESSION_MS),
    "group.consumer.heartbeat.interval.ms": str(HEARTBEAT_MS),
    "log.segment.delete.delay.ms": "1000",
    "log.retention.check.interval.ms": "10000",
    # A node that was away gets back the partitions that it leads when all is well, soon.
    "leader.imbalance.check.interval.seconds": "1",
    "leader.imbalance.per.broker.percentage": "0",
}
# The last node that shuts down would tell of no brokers, after which a client of the runs' own, too, may look for none
# ever again (fanout/worker/stranded.py). That the program gets over it is for tests/broker/test_broker_away.py to show.
ALONE_CONFIG = {"controlled.shutdown.enable": "false"}
# Nodes of the mock cluster, so that an error is answered to the program alone: the load writes to the first, and who
# reads the destinations asks the others.
SOURCE_NODE, DESTINATIONS_NODE, DEAD_LETTERS_NODE = 1, 2, 3

Config = Mapping[str, str]


class Ground(Protocol):
    """A cluster that serves several runs, one after the other."""

    bootstrap: str
    proxies: list[Proxy]
    settings: dict[str, object]  # of the program, for what this cluster is like

    @property
    def kafka(self) -> LocalKafka:
        """The real cluster. Raises TypeError if it is the mock."""

    @property
    def mock(self) -> MockKafka:
        """The mock cluster. Raises TypeError if it is a real one."""

    def make_source(self, topic: str, partitions: int, config: Config) -> None:
        """Create a source topic."""

    def make_destinations(self, topics: Mapping[str, Config], dead_letters: str, group: str) -> None:
        """What has to be there before the program makes it: destinations with a configuration, or all that is used."""

    def delete_topics(self, topics: Iterable[str]) -> None:
        """Leave nothing behind: the cluster goes on."""


class RealGround:
    """A cluster of real brokers whose nodes can also be reached through proxies."""

    def __init__(self, kafka: LocalKafka, proxies: list[Proxy], nodes: int) -> None:
        self.kafka = kafka
        self.proxies = proxies
        self.bootstrap = kafka.bootstrap
        self.settings: dict[str, object] = {}
        self._copies = min(3, nodes)

    @property
    def mock(self) -> MockKafka:
        """There is none."""
        raise TypeError("this fault needs the mock cluster")

    def make_source(self, topic: str, partitions: int, config: Config) -> None:
        """Create a source topic, with a copy on each of three nodes."""
        self.kafka.create_topic(topic, partitions, self._copies, dict(config))

    def make_destinations(self, topics: Mapping[str, Config], dead_letters: str, group: str) -> None:  # noqa: ARG002 - Ground's
        """Create those that have a configuration of their own; the program makes the others."""
        for topic, config in topics.items():
            if config:
                self.kafka.create_topic(topic, 1, self._copies, dict(config))

    def delete_topics(self, topics: Iterable[str]) -> None:
        """Delete them, and wait for the brokers' answers."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 2})
        for future in admin.delete_topics(list(topics), request_timeout=REQUEST_S).values():
            future.result()


class MockGround:
    """A mock cluster. It knows no configuration of topics, and no sequence numbers."""

    def __init__(self, mock: MockKafka) -> None:
        self.mock = mock
        self.proxies: list[Proxy] = []
        self.bootstrap = mock.bootstrap
        self.settings = PROGRAM_SETTINGS | {"KAFKA_PRODUCER_SOCKET_TIMEOUT_MS": 1_000}

    @property
    def kafka(self) -> LocalKafka:
        """There is none."""
        raise TypeError("this fault needs a real cluster")

    def make_source(self, topic: str, partitions: int, config: Config) -> None:  # noqa: ARG002 - Ground's
        """Create a source topic on the first node."""
        self.mock.create_topic(topic, partitions)
        for partition in range(partitions):
            self.mock.partition_set_leader(topic, partition, SOURCE_NODE)

    def make_destinations(self, topics: Mapping[str, Config], dead_letters: str, group: str) -> None:
        """Create all of them, away from the source and the group, and the dead letters away from both."""
        for topic in [*topics, dead_letters]:
            self.mock.create_topic(topic)
            self.mock.partition_set_leader(topic, 0, DEAD_LETTERS_NODE if topic == dead_letters else DESTINATIONS_NODE)
        self.mock.set_coordinator(group, SOURCE_NODE)

    def delete_topics(self, topics: Iterable[str]) -> None:
        """Delete them with what they hold."""
        for topic in topics:
            self.mock.delete_topic(topic)


@contextlib.contextmanager
def ground(nodes: int) -> Iterator[Ground]:
    """A cluster of so many nodes, or the mock cluster, until the end of the context."""
    if nodes == MOCK:
        with MockKafka({}, brokers=DEAD_LETTERS_NODE) as mock:
            yield MockGround(mock)
        return
    with contextlib.ExitStack() as stack:
        ports = free_ports(nodes)
        proxies = [stack.enter_context(Proxy(port)) for port in ports]
        config = BROKER_CONFIG | (ALONE_CONFIG if nodes == 1 else {})
        kafka = stack.enter_context(LocalKafka(nodes, config, [Listener(PROXIED, fronts=ports)]))
        for node, proxy in enumerate(proxies):
            proxy.forward_to(kafka.behind(PROXIED, node))
        yield RealGround(kafka, proxies, nodes)
