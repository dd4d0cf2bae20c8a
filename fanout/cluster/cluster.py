"""The questions about a cluster, its group and its topics. Each blocks for an answer, `ANSWER_S` at most.

None of them writes, but `delete` and `move`.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    ClusterMetadata,
    ConfigResource,
    ConfigSource,
    NewTopic,
    ResourceType,
    TopicMetadata,
)

from fanout import client
from fanout.cluster import offsets
from fanout.cluster.answers import AskError, Commit, Ends, Group, Member, Overview, Place, UnreachableError
from fanout.cluster.asking import ANSWER_S, answer, ask_error, operations_of
from fanout.cluster.causes import Causes
from fanout.settings import Settings

_ATTEMPT_S = 1.0
_LOG_INFO = 6  # that a broker closes the connection at once is told at this level only


class Cluster:
    """One cluster, seen through an admin client."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._causes = Causes()
        self._logger = self._causes.logger
        config = client.admin(settings, self._logger) | {"error_cb": self._causes.note, "log_level": _LOG_INFO}
        self._admin = AdminClient(config)
        self._broker = ""
        self._protocol: client.Protocol | None = None
        self._configs: dict[tuple[Any, str], dict[str, str]] = {}

    def overview(self) -> Overview:
        """Connect. Raises UnreachableError, early where the credentials or the certificate are refused."""
        metadata = self._metadata()
        brokers = metadata.brokers
        self._broker = str(min(brokers))
        return Overview(
            str(metadata.cluster_id),
            [f"{brokers[number].host}:{brokers[number].port}" for number in sorted(brokers)],
            {name: len(topic.partitions) for name, topic in metadata.topics.items()},
            {name: _replicas(topic) for name, topic in metadata.topics.items()},
        )

    def _metadata(self) -> ClusterMetadata:
        begun = time.monotonic()
        while True:
            with suppress(KafkaException):
                if (metadata := self._admin.list_topics(timeout=_ATTEMPT_S)).brokers:
                    return metadata  # the last broker that shuts down tells of none for a moment
            self._admin.poll(0.1)  # serves the error callback and the log
            if time.monotonic() - begun > self._causes.patience_s(ANSWER_S):
                raise UnreachableError(self._causes.told)

    def protocol(self) -> client.Protocol:
        """The group protocol that a run would use. Raises AskError."""
        if self._protocol is None:
            try:
                self._protocol = client.choose_protocol(self._settings, self._logger)
            except KafkaException as error:
                raise ask_error(error.args[0]) from error
        return self._protocol

    def broker_config(self) -> dict[str, str]:
        """Configuration of a broker. Raises AskError."""
        return self._config(ResourceType.BROKER, self._broker)

    def topic_config(self, topic: str) -> dict[str, str]:
        """Configuration of a topic. Raises AskError."""
        return self._config(ResourceType.TOPIC, topic)

    def topic_configs(self, topics: Iterable[str]) -> dict[str, dict[str, str] | AskError]:
        """Configurations of many topics, or why one is not told."""
        return self._topic_configs(topics, _set)

    def own_configs(self, topics: Iterable[str]) -> dict[str, dict[str, str] | AskError]:
        """The same, of what is set on the topic itself: without the defaults of its brokers."""
        return self._topic_configs(topics, _set_on_the_topic)

    def _topic_configs(
        self, topics: Iterable[str], taken: Callable[[Mapping[str, Any]], dict[str, str]]
    ) -> dict[str, dict[str, str] | AskError]:
        resources = [ConfigResource(ResourceType.TOPIC, topic) for topic in topics]
        found: dict[str, dict[str, str] | AskError] = {}
        if resources:
            for resource, future in self._admin.describe_configs(resources, request_timeout=ANSWER_S).items():
                try:
                    found[resource.name] = taken(answer(future))
                except AskError as error:
                    found[resource.name] = error
        return found

    def operations(self, topics: list[str]) -> dict[str, frozenset[str] | AskError]:
        """What we may do with each topic: READ, WRITE, ...; an error for one that is not there or not for us."""
        futures = self._admin.describe_topics(
            TopicCollection(topics), include_authorized_operations=True, request_timeout=ANSWER_S
        )
        answers: dict[str, frozenset[str] | AskError] = {}
        for topic, future in futures.items():
            try:
                answers[topic] = operations_of(answer(future).authorized_operations) or frozenset()
            except AskError as error:
                answers[topic] = error
        return answers

    def try_create(self, topic: str, config: Mapping[str, str]) -> AskError | None:
        """Ask whether we could create the topic, without creating it: None, or why not."""
        settings = self._settings
        wanted = NewTopic(
            topic,
            num_partitions=settings.topic_partitions,
            replication_factor=settings.topic_replication,
            config=dict(config),
        )
        try:
            answer(self._admin.create_topics([wanted], validate_only=True, request_timeout=ANSWER_S)[topic])
        except AskError as error:
            return error
        return None

    def group(self) -> Group:
        """Our consumer group; one that is not there yet has no members. Raises AskError."""
        name = self._settings.groupid
        futures = self._admin.describe_consumer_groups(
            [name], include_authorized_operations=True, request_timeout=ANSWER_S
        )
        try:
            found = answer(futures[name])
        except AskError as error:
            if error.absent:
                return Group("unknown", "", [], None)
            raise
        members = [
            Member(
                member.member_id,
                member.client_id,
                member.host.lstrip("/"),
                frozenset((place.topic, place.partition) for place in member.assignment.topic_partitions),
            )
            for member in found.members
        ]
        operations = operations_of(found.authorized_operations)
        return Group(str(found.type.name).lower(), found.partition_assignor, members, operations)

    def committed(self, partitions: int) -> dict[int, Commit]:
        """Committed offsets of the source, by partition; joins no group. Raises AskError."""
        self.group()  # says at once that we have no right, where a consumer would wait in vain
        places = [TopicPartition(self._settings.topic, number) for number in range(partitions)]
        # Not the admin client's list_consumer_group_offsets: librdkafka 2.16.0 crashes there while the coordinator
        # moves or loads, which on a new cluster is the first thing that it does.
        consumer = Consumer(client.reader(self._settings, client.DEFAULT_MESSAGE_MAX_BYTES, self._logger))
        try:
            found = consumer.committed(places, timeout=ANSWER_S)
        except KafkaException as error:
            raise ask_error(error.args[0]) from error
        finally:
            consumer.close()
        for place in found:
            if place.error is not None:
                raise ask_error(place.error)
        return {place.partition: Commit(place.offset, place.metadata or "") for place in found if place.offset >= 0}

    def move(self, offsets: Mapping[int, int], identity: str) -> None:
        """Commit these offsets of the source, which is the topic of this identity. Raises AskError.

        The broker refuses them while the group has members.
        """
        topic = self._settings.topic
        places = [TopicPartition(topic, number, offset, identity) for number, offset in offsets.items()]
        consumer = Consumer(client.reader(self._settings, client.DEFAULT_MESSAGE_MAX_BYTES, self._logger))
        try:
            answered = consumer.commit(offsets=places, asynchronous=False)
        except KafkaException as error:
            raise ask_error(error.args[0]) from error
        finally:
            consumer.close()
        for place in answered:
            if place.error is not None:
                raise ask_error(place.error)

    def identity(self, topic: str) -> str:
        """The topic's own id: one of the same name that is made anew has another one. Raises AskError."""
        futures = self._admin.describe_topics(TopicCollection([topic]), request_timeout=ANSWER_S)
        return str(answer(futures[topic]).topic_id)

    def ends(self, places: Iterable[Place]) -> dict[Place, Ends]:
        """The first offset of each partition, and one past the last. Raises AskError."""
        return offsets.ends(self._admin, places)

    def since(self, places: Iterable[Place], milliseconds: int) -> dict[Place, int | None]:
        """The first offset of each partition whose record is of this time (since the epoch) or later, if any.

        Raises AskError.
        """
        return offsets.since(self._admin, places, milliseconds)

    def newest(self, places: Iterable[Place]) -> dict[Place, int]:
        """The latest timestamp of each partition that has records, in milliseconds since the epoch."""
        return offsets.newest(self._admin, places)

    def delete(self, topics: list[str]) -> dict[str, AskError | None]:
        """Delete topics: None for each that is gone, or why it is not."""
        if not topics:
            return {}
        outcome: dict[str, AskError | None] = {}
        futures = self._admin.delete_topics(topics, request_timeout=ANSWER_S, operation_timeout=ANSWER_S)
        for topic, future in futures.items():
            try:
                answer(future)
                outcome[topic] = None
            except AskError as error:
                outcome[topic] = None if error.absent else error
        return outcome

    def _config(self, kind: Any, name: str) -> dict[str, str]:  # noqa: ANN401  # an enum that the stubs lack
        if (kind, name) not in self._configs:
            resource = ConfigResource(kind, name)
            entries = answer(self._admin.describe_configs([resource], request_timeout=ANSWER_S)[resource])
            self._configs[kind, name] = _set(entries)
        return self._configs[kind, name]


def _set(entries: Mapping[str, Any]) -> dict[str, str]:
    return {key: entry.value for key, entry in entries.items() if entry.value is not None}


def _set_on_the_topic(entries: Mapping[str, Any]) -> dict[str, str]:
    source = ConfigSource.DYNAMIC_TOPIC_CONFIG.value
    return {key: value for key, value in _set(entries).items() if entries[key].source == source}


def _replicas(topic: TopicMetadata) -> int | None:
    """While partitions are moved they show the replicas of before and after together, and not all of them in sync."""
    counts = {
        len(each.replicas) if len(each.replicas) == len(each.isrs) else None for each in topic.partitions.values()
    }
    return counts.pop() if len(counts) == 1 else None
