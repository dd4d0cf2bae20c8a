"""The source topic as the broker describes it: its identity, for a topic made anew is another one, and its limits."""

import asyncio
import contextlib
from collections.abc import Callable

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from fanout import client, log
from fanout.settings import Settings

LOOK_EVERY_S = 5.0
REQUEST_S = 5.0
IDENTIFY_S = 2.0  # for how long a worker's start waits for an answer

_repeats = log.Repeats(log.get("source"))


class SourceTopic:
    """Looks at the source topic every few seconds. `recreated` is called when it has become another one."""

    def __init__(self, settings: Settings, recreated: Callable[[], None]) -> None:
        self._settings = settings
        self._topic = settings.topic
        self._recreated = recreated
        self._admin = AdminClient(client.admin(settings, log.client_logger("source")))
        self._looked = asyncio.Event()
        self.identity = ""  # as far as is known
        self._wake = asyncio.Event()
        self._certain = asyncio.Event()
        self._certain.set()
        self.max_bytes = client.DEFAULT_MESSAGE_MAX_BYTES

    def renew(self, settings: Settings) -> None:
        """From now on look with these settings, if the client takes them."""
        self._settings = settings
        try:
            self._admin = AdminClient(client.admin(settings, log.client_logger("source")))
        except KafkaException as error:  # files that have changed again
            _repeats.warning("the source is looked at with the credentials of before", error=str(error))

    async def learn_limits(self) -> None:
        """Learn how large its records can be. Kafka's default is assumed where the broker does not say."""
        resource = ConfigResource(ResourceType.TOPIC, self._topic)
        try:
            future = self._admin.describe_configs([resource], request_timeout=REQUEST_S)[resource]
            entry = (await asyncio.wrap_future(future)).get("max.message.bytes")
        except KafkaException as error:
            _repeats.warning(
                "limits of the source not known, assuming Kafka's default", topic=self._topic, error=str(error),
                advice=f"where the broker serves it, grant DESCRIBE_CONFIGS on the topic {self._topic}",
            )  # fmt: skip
            return
        if entry is not None and entry.value:
            self.max_bytes = int(entry.value)

    async def watch(self) -> None:
        """Look at the topic until cancelled."""
        while True:
            self._wake.clear()
            await self._look()
            self._admin.poll(0)  # or what the client says of its connections is kept in memory, and told nowhere
            if not self._wake.is_set():
                self._certain.set()
                self._looked.set()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), LOOK_EVERY_S)

    async def identified(self) -> str:
        """Its identity now, or the last one that is known where no broker tells in time; empty where none ever did.

        Asked anew, because a topic that is made anew brings a rebalance, and a worker that began at an offset of the
        one before would deliver what is behind that first.
        """
        self._looked.clear()
        self._wake.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._looked.wait(), IDENTIFY_S)
        return self.identity

    def doubt(self) -> None:
        """Somebody found it to be another topic: look at once."""
        self._certain.clear()
        self._wake.set()

    async def certain(self) -> None:
        """Wait until there was a look after the last doubt, whatever came of it."""
        await self._certain.wait()

    async def _look(self) -> None:
        try:
            future = self._admin.describe_topics(TopicCollection([self._topic]), request_timeout=REQUEST_S)[self._topic]
            description = await asyncio.wrap_future(future)
        except KafkaException as error:
            advice = {
                KafkaError.UNKNOWN_TOPIC_OR_PART: "create it, or look at TOPIC",
                KafkaError.TOPIC_AUTHORIZATION_FAILED: f"grant READ on the topic {self._topic}",
            }.get(client.kafka_error(error).code(), "it is asked again")
            _repeats.warning("source topic not described", topic=self._topic, error=str(error), advice=advice)
            if client.kafka_error(error).code() < 0:
                # No broker said so: this client may be one that has forgotten all of them (`client.strays`).
                self.renew(self._settings)
            return
        identity = str(description.topic_id)
        if self.identity not in ("", identity):
            _repeats.error("source topic was made anew: reading it from the start", topic=self._topic)
            await self.learn_limits()
            self._recreated()
        self.identity = identity
