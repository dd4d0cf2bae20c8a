"""The source topic as the broker describes it: its identity, for a topic made anew is another one, and its limits."""

import asyncio
import contextlib
import time
from collections.abc import Callable

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from fanout import client, log
from fanout.settings import Settings
from fanout.supervisor.objection import plain
from fanout.supervisor.wall import wall_s

LOOK_EVERY_S = 5.0
REQUEST_S = 5.0
IDENTIFY_S = 2.0  # for how long a worker's start waits for an answer
LIMITS_EVERY_S = 60.0

_log = log.get("source")
_repeats = log.Repeats(_log)
_limits_repeats = log.Repeats(_log, every_s=3_600.0)  # a right that is missing stays so


_LOCKED_OUT = {KafkaError._AUTHENTICATION, KafkaError._SSL}
_ABSENCES = {
    KafkaError.UNKNOWN_TOPIC_OR_PART: "it does not exist",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "it may not be read",
}


class SourceTopic:
    """Looks at the source topic every few seconds. `recreated` is called when it has become another one."""

    def __init__(self, settings: Settings, recreated: Callable[[], None]) -> None:
        self.settings = settings
        self._topic = settings.topic
        self._recreated = recreated
        self._said = ""  # of its connections, by the client
        self.not_let_in = False  # that was of credentials or certificates
        self.admin = self._made()
        self._looked = asyncio.Event()
        self._limits_at = 0.0
        self.identity = ""  # as far as is known
        self.partitions: int | None = None
        self.retention_s: float | None = None  # what it keeps; None: for ever, or not known
        self.answered_at: float | None = None  # when a broker last answered, whatever it said; seconds since the epoch
        self.silence = "it has not answered yet"  # why no broker answered the last look; empty if one did
        self.absence = ""  # why the last answer did not describe it
        self.absent_since = 0.0
        self.recreated_at: float | None = None  # when it was noticed last that it is another topic
        self._wake = asyncio.Event()
        self._certain = asyncio.Event()
        self._certain.set()
        self.max_bytes = client.DEFAULT_MESSAGE_MAX_BYTES

    def renew(self, settings: Settings) -> None:
        """From now on look with these settings, if the client takes them."""
        self.settings = settings
        try:
            self.admin = self._made()
        except KafkaException as error:  # files that have changed again
            _repeats.warning("the source is looked at with the credentials of before", error=str(error))

    def _made(self) -> AdminClient:
        config = client.admin(self.settings, log.client_logger("source"))
        return AdminClient(config | {"error_cb": self._hear})

    def _hear(self, error: KafkaError) -> None:
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            self._said = plain(error.str())
            self.not_let_in = error.code() in _LOCKED_OUT

    async def learn_limits(self) -> None:
        """Learn how large its records can be, and how long they stay.

        Kafka's default of the first is assumed where the broker does not say.
        """
        self._limits_at = time.monotonic() + LIMITS_EVERY_S
        resource = ConfigResource(ResourceType.TOPIC, self._topic)
        admin = self.admin  # held until it has answered: one that is renewed meanwhile would end without an answer
        try:
            future = admin.describe_configs([resource], request_timeout=REQUEST_S)[resource]
            entries = await asyncio.wrap_future(future)
        except KafkaException as error:
            _limits_repeats.warning(
                "limits of the source not known, assuming Kafka's default", topic=self._topic,
                error=client.kafka_error(error).str(),
                advice=f"where the broker serves it, grant DESCRIBE_CONFIGS on the topic {self._topic}",
            )  # fmt: skip
            return
        config = {name: entry.value for name, entry in entries.items() if entry.value}
        self.max_bytes = int(config.get("max.message.bytes", self.max_bytes))
        kept_ms = client.kept_ms(config)
        self.retention_s = kept_ms / 1000 if kept_ms is not None else None

    async def watch(self) -> None:
        """Look at the topic until cancelled."""
        while True:
            self._wake.clear()
            await self._look()
            if time.monotonic() > self._limits_at > 0 and not self.silence:
                await self.learn_limits()
            self.admin.poll(0)  # or what the client says of its connections is kept in memory, and told nowhere
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
        admin = self.admin  # held, as above
        try:
            future = admin.describe_topics(TopicCollection([self._topic]), request_timeout=REQUEST_S)[self._topic]
            description = await asyncio.wrap_future(future)
        except KafkaException as error:
            self._tell(client.kafka_error(error))
            return
        self._note(None)
        self.partitions = len(description.partitions)
        identity = str(description.topic_id)
        if self.identity not in ("", identity):
            _repeats.error("source topic was made anew: reading it from the start", topic=self._topic)
            self.recreated_at = wall_s()
            await self.learn_limits()
            self._recreated()
        self.identity = identity

    def _tell(self, error: KafkaError) -> None:
        """Of a look that did not bring its description."""
        self._note(error)
        if error.code() < 0:
            _repeats.warning("broker not reachable, waiting for it", error=self.silence)
            # No broker said so: this client may be one that has forgotten all of them (`client.strays`).
            self.renew(self.settings)
            return
        advice = {
            KafkaError.UNKNOWN_TOPIC_OR_PART: "create it, or look at TOPIC",
            KafkaError.TOPIC_AUTHORIZATION_FAILED: f"grant READ on the topic {self._topic}",
        }.get(error.code(), "look at the broker if this goes on; it is asked again")
        _repeats.warning("source topic not described", topic=self._topic, error=error.str(), advice=advice)

    def _note(self, error: KafkaError | None) -> None:
        """What came of a look. The codes of the client are negative, those of a broker's answer are not."""
        now = wall_s()
        if error is not None and error.code() < 0:
            self.admin.poll(0)  # calls back
            self.silence = self._said or error.str()
            return
        if self.silence and self.answered_at is not None:
            _log.info("a broker answers again", silent_s=round(now - self.answered_at, 1))
        self.answered_at, self.silence, self._said, self.not_let_in = now, "", "", False
        if error is None:
            self.absence = ""
            return
        if not self.absence:
            self.absent_since = now
        self.absence = _ABSENCES.get(error.code(), error.str())
