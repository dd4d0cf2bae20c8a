"""Asks the broker, over a connection of its own, whether it would serve us with these settings, and tells why not."""

import asyncio
import re
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AclOperation, AdminClient

from fanout import client, log
from fanout.settings import Settings

REQUEST_S = 5.0

# Answers that say that the broker knows us, and nothing of what we may do.
_ABSENT = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.GROUP_ID_NOT_FOUND}

_DENIED = {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED}

# Properties by which one side of the clients may come in another way than the others.
_WAY_IN = ("sasl.", "ssl.", "security.")

# What differs between two attempts that fail for one reason.
_VARYING = re.compile(r" \(after \d+ms in state [^)]*\)|\[thrd:[^]]*\]: ")


def plain(text: str) -> str:
    """What the client says of a connection, without what differs each time."""
    return _VARYING.sub("", text)


class _Question:
    """A client, and what it says of its connections. Raises KafkaException where the client cannot be made."""

    def __init__(self, settings: Settings, ways_in: client.Config) -> None:
        self._said: list[KafkaError] = []
        config = client.admin(settings, log.client_logger("credentials")) | ways_in
        self.admin = AdminClient(config | {"error_cb": self._said.append})

    def reasons(self, error: KafkaException) -> str:
        """Why it got no answer, as far as the client knows."""
        self.admin.poll(0)  # calls back
        said = [error.str() for error in self._said if error.code() != KafkaError._ALL_BROKERS_DOWN]
        # What it was asked for and waited for says nothing where the connection itself says why.
        return "; ".join(dict.fromkeys(map(plain, said))) or client.kafka_error(error).str()


async def silence(settings: Settings) -> str:
    """Why no broker answers us; empty if one does, whatever it says. Waits for `REQUEST_S` at most."""
    question = _Question(settings, {})
    asked = question.admin.describe_topics(TopicCollection([settings.topic]), request_timeout=REQUEST_S)
    try:
        await asyncio.wrap_future(asked[settings.topic])
    except KafkaException as error:
        # The codes of the client are negative, those of a broker's answer are not.
        return question.reasons(error) if client.kafka_error(error).code() < 0 else ""
    return ""


async def objection(settings: Settings) -> str:
    """Why a member of the group with these settings would not be served; empty if it would.

    The broker has to let us in, and topic and group may be read.
    """
    try:
        ways_in = {key: text for key, text in settings.kafka_consumer.items() if key.startswith(_WAY_IN)}
        question = _Question(settings, ways_in)
    except KafkaException as error:
        return client.kafka_error(error).str()
    try:
        return await _missing_right(question.admin, settings)
    except KafkaException as error:
        return question.reasons(error)


async def _missing_right(admin: AdminClient, settings: Settings) -> str:
    """The right that we lack, as far as the broker tells. Raises KafkaException where it does not let us in."""
    topics = admin.describe_topics(
        TopicCollection([settings.topic]), include_authorized_operations=True, request_timeout=REQUEST_S
    )
    if not await _readable(topics[settings.topic]):
        return f"READ on the topic {settings.topic} is not granted"
    groups = admin.describe_consumer_groups(
        [settings.groupid], include_authorized_operations=True, request_timeout=REQUEST_S
    )
    if not await _readable(groups[settings.groupid]):
        return f"READ on the group {settings.groupid} is not granted"
    return ""


async def _readable(asked: "Future[Any]") -> bool:
    try:
        operations = (await asyncio.wrap_future(asked)).authorized_operations
    except KafkaException as error:
        code = client.kafka_error(error).code()
        if code in _ABSENT or code in _DENIED:
            return code in _ABSENT
        raise
    return not operations or AclOperation.READ in operations
