"""The user's own cluster: topics and groups of one measurement on it, which are removed when that is over."""

import math
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol, Self

import msgspec
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from bench.broker.ready import await_leaders
from bench.broker.removal import REQUEST_S, Removal, errors_of

PREFIX = "fanout-bench-"
LEADERS_S = 60.0
SHOWN = 3
# Whatever the cluster's defaults are: the events of a backlog have time stamps of long ago, which have to be kept, and
# so have they; and only where nothing is compacted can records be deleted.
TOPIC_CONFIG = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "message.timestamp.type": "CreateTime",
}

Say = Callable[[str], None]
Config = Mapping[str, str]


class OwnKafkaError(RuntimeError):
    """What a measurement on the user's cluster must not do, or cannot; the message says what and why."""


class Cluster(Protocol):
    """What measurements use of a cluster: `LocalKafka` has it, and `OwnKafka`."""

    @property
    def bootstrap(self) -> str:
        """Addresses of its brokers, host:port separated by commas."""

    def create_topic(self, name: str, partitions: int = 1, *, config: Config | None = None) -> None:
        """Create a topic and wait until it has leaders. Raises KafkaException, TimeoutError, OwnKafkaError."""

    def create_topics(self, names: Sequence[str], partitions: int = 1, *, config: Config | None = None) -> None:
        """The same for many topics alike."""

    def cpu_s(self) -> float:
        """User and system seconds of all brokers so far; NaN where nobody knows."""


class Terms(msgspec.Struct, frozen=True):
    """What holds for clients of a cluster besides its address; for those of a local one nothing does.

    `prefix` begins the names of all topics and groups, and of the namespaces that destinations are named after.
    `client` are properties of librdkafka that a client needs to get in, `environment` the same as events-fanout is told
    them, KAFKA_*: both may hold secrets.
    """

    prefix: str = ""
    client: dict[str, str] = {}
    environment: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Terms({self.prefix!r})"


def terms(kafka: Cluster) -> Terms:
    """Those of this cluster."""
    return kafka.terms if isinstance(kafka, OwnKafka) else Terms()


class OwnKafka:
    """The user's cluster, as a context manager: what is made on it begins with a prefix of this run, `terms.prefix`.

    Topics get the cluster's default replication. Leaving it removes all that begins with the prefix, also after an
    error or Ctrl-C: that blocks for some seconds, and for up to a minute where a program was killed. What is left then
    is told, with the command that removes it. A topic that was not made here is neither written to nor removed.
    """

    def __init__(self, bootstrap: str, client: Config, environment: Config, say: Say) -> None:
        self.bootstrap = bootstrap
        self.terms = Terms(f"{PREFIX}{secrets.token_hex(4)}-", dict(client), dict(environment))
        self._say = say
        self._strangers: set[str] = set()

    def __enter__(self) -> Self:
        """Raises OwnKafkaError if something with the prefix is there, and KafkaException if nothing answers."""
        self._admin = self._new_admin()
        there = self._topics() + self._groups()
        if there:
            raise OwnKafkaError(f"{there[0]} is on {self.bootstrap} already: nothing was made or written there")
        self._say(f"on {self.bootstrap}: topics and groups begin with {self.terms.prefix}; they are removed at the end")
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:  # who has pressed Ctrl-C must know what still goes on
            self._say(f"broken off: removing {self.terms.prefix}* from {self.bootstrap}, which may take a minute")
        topics = Removal(self._topics, self._admin.delete_topics)
        groups = Removal(self._groups, self._admin.delete_consumer_groups)
        try:
            topics.run()
            groups.run()
        finally:  # a second Ctrl-C gets here, too
            self._tell(topics, groups)

    def create_topic(self, name: str, partitions: int = 1, *, config: Config | None = None) -> None:
        """Create a topic and wait until it has leaders. Raises KafkaException, TimeoutError, OwnKafkaError."""
        self.create_topics([name], partitions, config=config)

    def create_topics(self, names: Sequence[str], partitions: int = 1, *, config: Config | None = None) -> None:
        """The same for many topics alike. Raises OwnKafkaError if one is there already, or is not named as ours are."""
        for name in names:
            if not name.startswith(self.terms.prefix):
                raise OwnKafkaError(f"{name} would be no topic of this measurement: those begin {self.terms.prefix}")
        wanted = [NewTopic(name, partitions, -1, config={**TOPIC_CONFIG, **(config or {})}) for name in names]
        errors = errors_of(self._admin.create_topics(wanted, request_timeout=REQUEST_S))
        there = [name for name, error in errors.items() if error.code() == KafkaError.TOPIC_ALREADY_EXISTS]
        self._strangers.update(there)
        if there:
            raise OwnKafkaError(f"{there[0]} is on {self.bootstrap} already: it is neither written to nor removed")
        for error in errors.values():
            raise KafkaException(error)
        await_leaders(self._new_admin, names, partitions, LEADERS_S)

    def _new_admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 3, **self.terms.client})

    def cpu_s(self) -> float:
        """Nobody knows: NaN."""
        return math.nan

    def _topics(self) -> list[str]:
        return self._ours(self._admin.list_topics(timeout=REQUEST_S).topics)

    def _groups(self) -> list[str]:
        listed = self._admin.list_consumer_groups(request_timeout=REQUEST_S).result()
        return self._ours(group.group_id for group in listed.valid)

    def _ours(self, names: Iterable[str]) -> list[str]:
        return sorted(name for name in names if name.startswith(self.terms.prefix) and name not in self._strangers)

    def _tell(self, topics: Removal, groups: Removal) -> None:
        """What is left, and how it is removed; nothing if nothing is."""
        prefix, login = self.terms.prefix, " --command-config FILE" if self.terms.client else ""
        if topics.why:
            tool = f"kafka-topics.sh --bootstrap-server {self.bootstrap}{login}"
            self._say(f"NOT REMOVED: topics {_shown(topics, prefix)}. Remove: {tool} --delete --topic '{prefix}.*'")
        if groups.why:
            tool = f"kafka-consumer-groups.sh --bootstrap-server {self.bootstrap}{login}"
            which = f"$({tool} --list | sed -n 's/^{prefix}/--group &/p')"
            self._say(f"NOT REMOVED: groups {_shown(groups, prefix)}. Remove: {tool} --delete {which}")


def _shown(removal: Removal, prefix: str) -> str:
    names = removal.left[:SHOWN] or [f"{prefix}*, if there are any"]
    more = len(removal.left) - SHOWN
    return f"{', '.join(names)}{f' and {more} more' * (more > 0)} ({removal.why})"
