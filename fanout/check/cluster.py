"""The questions that `check` puts to a cluster. Each blocks for an answer, `ANSWER_S` at most, and writes nothing."""

import time
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import (
    TIMESTAMP_NOT_AVAILABLE,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, ClusterMetadata, ConfigResource, NewTopic, OffsetSpec, ResourceType

from fanout import client
from fanout.check.answers import AskError, Group, Member, Overview, UnreachableError
from fanout.check.causes import Causes
from fanout.settings import Settings

ANSWER_S = 10.0
_ATTEMPT_S = 1.0
_LOG_INFO = 6  # that a broker closes the connection at once is told at this level only
_DENIED = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    }
)
_ABSENT = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError.GROUP_ID_NOT_FOUND,
    }
)


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
        )

    def _metadata(self) -> ClusterMetadata:
        begun = time.monotonic()
        while True:
            try:
                return self._admin.list_topics(timeout=_ATTEMPT_S)
            except KafkaException:
                self._admin.poll(0)  # serves the error callback and the log
                if time.monotonic() - begun > self._causes.patience_s(ANSWER_S):
                    raise UnreachableError(self._causes.told) from None

    def protocol(self) -> client.Protocol:
        """The group protocol that a run would use. Raises AskError."""
        if self._protocol is None:
            try:
                self._protocol = client.choose_protocol(self._settings, self._logger)
            except KafkaException as error:
                raise _ask_error(error.args[0]) from error
        return self._protocol

    def broker_config(self) -> dict[str, str]:
        """Configuration of a broker. Raises AskError."""
        return self._config(ResourceType.BROKER, self._broker)

    def topic_config(self, topic: str) -> dict[str, str]:
        """Configuration of a topic. Raises AskError."""
        return self._config(ResourceType.TOPIC, topic)

    def operations(self, topics: list[str]) -> dict[str, frozenset[str] | AskError]:
        """What we may do with each topic: READ, WRITE, ...; an error for one that is not there or not for us."""
        futures = self._admin.describe_topics(
            TopicCollection(topics), include_authorized_operations=True, request_timeout=ANSWER_S
        )
        answers: dict[str, frozenset[str] | AskError] = {}
        for topic, future in futures.items():
            try:
                answers[topic] = _names(_answer(future).authorized_operations) or frozenset()
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
            _answer(self._admin.create_topics([wanted], validate_only=True, request_timeout=ANSWER_S)[topic])
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
            found = _answer(futures[name])
        except AskError as error:
            if error.absent:
                return Group("unknown", "", [], None)
            raise
        members = [
            Member(member.client_id, member.host, frozenset(p.topic for p in member.assignment.topic_partitions))
            for member in found.members
        ]
        operations = _names(found.authorized_operations)
        return Group(str(found.type.name).lower(), found.partition_assignor, members, operations)

    def committed(self, partitions: int) -> dict[int, int]:
        """Committed offsets of the source, by partition; joins no group. Raises AskError."""
        self.group()  # says at once that we have no right, where a consumer would wait in vain
        places = [TopicPartition(self._settings.topic, number) for number in range(partitions)]
        # Not the admin client's list_consumer_group_offsets: librdkafka 2.16.0 crashes there while the coordinator
        # moves or loads, which on a new cluster is the first thing that it does.
        consumer = self._consumer()
        try:
            found = consumer.committed(places, timeout=ANSWER_S)
        except KafkaException as error:
            raise _ask_error(error.args[0]) from error
        finally:
            consumer.close()
        for place in found:
            if place.error is not None:
                raise _ask_error(place.error)
        return {place.partition: place.offset for place in found if place.offset >= 0}

    def ends(self, partitions: int) -> tuple[dict[int, int], dict[int, int]]:
        """Of the source, by partition: the first offset, and one past the last. Raises AskError."""
        places = [TopicPartition(self._settings.topic, number) for number in range(partitions)]
        answers = []
        for spec in (OffsetSpec.earliest(), OffsetSpec.latest()):  # type: ignore[no-untyped-call]
            futures = self._admin.list_offsets(
                dict.fromkeys(places, spec),
                isolation_level=IsolationLevel.READ_COMMITTED,  # what a run can come to
                request_timeout=ANSWER_S,
            )
            answers.append({place.partition: _answer(future).offset for place, future in futures.items()})
        return answers[0], answers[1]

    def timestamps(self, offsets: Mapping[int, int]) -> dict[int, int]:
        """Timestamp in ms of the first record at or after each offset of the source; joins no group, commits nothing.

        A partition that does not answer in time, or whose record has no timestamp, is left out.
        """
        found: dict[int, int] = {}
        consumer = self._consumer()
        try:
            consumer.assign([TopicPartition(self._settings.topic, number, at) for number, at in offsets.items()])
            deadline = time.monotonic() + ANSWER_S
            waiting = set(offsets)
            while waiting and (left_s := deadline - time.monotonic()) > 0:
                message = consumer.poll(left_s)
                if message is None or message.error() is not None:
                    continue
                number = message.partition()
                if number in waiting:
                    waiting.discard(number)
                    kind, timestamp = message.timestamp()
                    if kind != TIMESTAMP_NOT_AVAILABLE:
                        found[number] = timestamp
                    consumer.pause([TopicPartition(self._settings.topic, number)])
        finally:
            consumer.close()
        return found

    def _consumer(self) -> Consumer:
        return Consumer(client.reader(self._settings, client.DEFAULT_MESSAGE_MAX_BYTES, self._logger))

    def _config(self, kind: Any, name: str) -> dict[str, str]:  # noqa: ANN401  # an enum that the stubs lack
        if (kind, name) not in self._configs:
            resource = ConfigResource(kind, name)
            entries = _answer(self._admin.describe_configs([resource], request_timeout=ANSWER_S)[resource])
            self._configs[kind, name] = {key: entry.value for key, entry in entries.items() if entry.value is not None}
        return self._configs[kind, name]


def _answer(future: "Future[Any]") -> Any:  # noqa: ANN401  # each question has its own
    """The result of a request. Raises AskError."""
    try:
        return future.result(ANSWER_S + 1)
    except KafkaException as error:
        raise _ask_error(error.args[0]) from error
    except TimeoutError as error:
        raise AskError(f"no answer within {ANSWER_S:g} s") from error


def _ask_error(error: KafkaError) -> AskError:
    code = error.code()
    return AskError(
        error.str(),
        denied=code in _DENIED,
        absent=code in _ABSENT,
        exists=code == KafkaError.TOPIC_ALREADY_EXISTS,
        invalid_config=code == KafkaError.INVALID_CONFIG,
    )


def _names(operations: Any) -> frozenset[str] | None:  # noqa: ANN401  # a list that the stubs call otherwise
    return None if operations is None else frozenset(operation.name for operation in operations)
