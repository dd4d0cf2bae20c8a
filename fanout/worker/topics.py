"""The topics of the cluster: which exist, what they take, and the creation of those that are missing.

Nothing here blocks but `learn`, once at start: requests are futures of the admin client, looked after by `serve`.
A topic is created before anything is produced to it, because a topic that no one has seen fails its records after
30 s whatever the message time-out. Two workers that create the same topic is normal.
"""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from enum import Enum, auto
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, NewTopic

from fanout import client, log
from fanout.client import kafka_error
from fanout.errors import FailureKind, Reason, WorkerFailureError
from fanout.settings import Settings
from fanout.worker.destination import Destination
from fanout.worker.limits import UNHEARD_S, TopicLimits
from fanout.worker.routes import Refusal

REQUEST_S = 10.0
RETRY_S = 1.0
RELIST_S = 10.0
RELIST_TIMEOUT_S = 2.0  # well below the lease and the stall limit
CREATE_MAX = 500  # topics in one request

_log = log.get("topics")
_repeats = log.Repeats(_log)


class State(Enum):
    """Whether a topic can be produced to."""

    READY = auto()
    PENDING = auto()


class Denied(NamedTuple):
    """No rights for the operation on the topic."""

    operation: str
    detail: str


class _Missing:
    """A topic that is being created."""

    __slots__ = ("future", "retry_at", "since")

    def __init__(self, now: float) -> None:
        self.since = now
        self.retry_at = now
        self.future: Future[Any] | None = None


class Topics:
    """Existence, creation and limits of topics. All methods but `learn` return at once."""

    def __init__(
        self, admin: AdminClient, settings: Settings, source_max_bytes: int, created: Callable[[], None]
    ) -> None:
        self._admin = admin
        # What the broker itself is to create is not there before the first record.
        self.limits = TopicLimits(admin, unheard_s=0.0 if settings.topic_create == "broker" else UNHEARD_S)
        self._settings = settings
        self._source_max_bytes = source_max_bytes
        self._created = created
        self._known: set[str] = set()
        self._granted: set[str] = set()  # to be created: they count against TOPICS_MAX from the moment they are named
        self._missing: dict[str, _Missing] = {}
        self._verdicts: dict[str, Refusal | Denied] = {}
        self._plain_dead_letters = False
        self._listed_at = 0.0

    def learn(self, timeout_s: float = REQUEST_S) -> None:
        """Learn which topics exist. Blocks for the broker's answer; raises KafkaException."""
        try:
            self._known = set(self._admin.list_topics(timeout=timeout_s).topics)
        finally:
            self._admin.poll(0)  # why there was no answer: credentials that are refused are told by a callback
        self._granted -= self._known
        self._listed_at = time.monotonic()

    def room_for(self, name: str) -> bool:
        """Whether the topic exists or TOPICS_MAX leaves room for it.

        Blocks every ten seconds at most to list the topics anew, for others create topics, too.
        """
        if name in self._known or name in self._granted:
            return True
        if time.monotonic() - self._listed_at > RELIST_S:
            self._listed_at = time.monotonic()
            try:
                self.learn(RELIST_TIMEOUT_S)
            except KafkaException as error:
                _repeats.warning("topics not listed", error=kafka_error(error).str())
        return self._has_room_for(name)

    def _has_room_for(self, name: str) -> bool:
        if name in self._known:
            return True
        if len(self._known) + len(self._granted) >= self._settings.topics_max:
            return False
        self._granted.add(name)
        return True

    def ready(self, name: str) -> bool:
        """Whether records can be produced to it now, as far as is known."""
        return self._settings.topic_create == "broker" or name in self._known

    def forget(self, name: str) -> None:
        """The broker says that it is not there any more."""
        self._known.discard(name)
        self.limits.forget(name)

    def gone(self, destination: Destination) -> None:
        """Its topic is not there any more: the next one of its name has limits of its own, and knows no producer."""
        self.forget(destination.name)
        destination.introduced = False

    def ensure(self, name: str) -> State | Refusal | Denied:
        """Bring the topic about. Refusal and Denied are told once, and tried again when asked again."""
        if self.ready(name):
            return State.READY
        verdict = self._verdicts.pop(name, None)
        if verdict is not None:
            return verdict
        self._missing.setdefault(name, _Missing(time.monotonic()))
        return State.PENDING

    def look_up(self, names: Iterable[str]) -> dict[str, Future[Any]]:
        """Ask the broker whether the topics are there: futures that fail with UNKNOWN_TOPIC_OR_PART if not."""
        return self._admin.describe_topics(TopicCollection(list(names)), request_timeout=REQUEST_S)

    def serve(self) -> None:
        """Send what is due and take what was answered. Raises WorkerFailureError where a topic cannot be created."""
        self._admin.poll(0)  # or what the client says of its connections would be kept, and told nowhere
        self.limits.serve()
        if self._missing:
            self._take_created()
            self._create_due()

    def _create_due(self) -> None:
        now = time.monotonic()
        due = [name for name, missing in self._missing.items() if missing.future is None and missing.retry_at <= now]
        due = due[:CREATE_MAX]
        if not due:
            return
        if self._settings.topic_create == "none":
            self._look_for(due)
            return
        futures = self._admin.create_topics(
            [self._new_topic(name) for name in due], request_timeout=REQUEST_S, operation_timeout=REQUEST_S / 2
        )
        for name, future in futures.items():
            self._missing[name].future = future

    def _look_for(self, names: list[str]) -> None:
        for name, future in self.look_up(names).items():
            self._missing[name].future = future

    def _new_topic(self, name: str) -> NewTopic:
        settings = self._settings
        config = dict(settings.topic_config)
        if name == settings.dead_letter_topic:
            # Room for the headers, and any timestamp: a dead letter must not be refused for what it died of.
            config = {"max.message.bytes": str(self._source_max_bytes + client.HEADER_ROOM_BYTES)}
            if not self._plain_dead_letters:
                config["message.timestamp.after.max.ms"] = str(2**63 - 1)
        return NewTopic(
            name,
            num_partitions=settings.topic_partitions,
            replication_factor=settings.topic_replication,
            config=config,
        )

    def _take_created(self) -> None:
        for name, missing in list(self._missing.items()):
            if missing.future is not None and missing.future.done():
                error = missing.future.exception()
                missing.future = None
                if error is None:
                    self._exists(name, created=self._settings.topic_create != "none")
                else:
                    self._not_created(name, missing, kafka_error(error))

    def _exists(self, name: str, *, created: bool) -> None:
        del self._missing[name]
        self._granted.discard(name)
        self._known.add(name)
        if created:
            self._created()
            _log.info("topic created", topic=name)

    def _not_created(self, name: str, missing: _Missing, error: KafkaError) -> None:
        code = error.code()
        if code == KafkaError.TOPIC_ALREADY_EXISTS:
            self._exists(name, created=False)
        elif code in (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED):
            del self._missing[name]
            operation = "describe" if self._settings.topic_create == "none" else "create"
            self._verdicts[name] = Denied(operation, error.str())
        elif code == KafkaError.TOPIC_EXCEPTION and name != self._settings.dead_letter_topic:
            # For example a.b where a_b exists: Kafka's metric names would collide.
            del self._missing[name]
            self._granted.discard(name)
            self._verdicts[name] = Refusal(Reason.BAD_NAMESPACE, error.str())
        elif self._settings.topic_create == "none" and code == KafkaError.UNKNOWN_TOPIC_OR_PART:
            self._absent(name)
        elif code == KafkaError.INVALID_CONFIG and name == self._settings.dead_letter_topic:
            # Before Kafka 3.6 the timestamp limit has another name, and no limit is the default.
            self._again(missing, plain=True)
        else:
            self._retry(name, missing, error)

    def _absent(self, name: str) -> None:
        del self._missing[name]
        if name == self._settings.dead_letter_topic:
            raise WorkerFailureError(
                FailureKind.TOPIC_NOT_CREATED,
                f"the dead-letter topic {name} does not exist and TOPIC_CREATE=none: create it",
            )
        self._verdicts[name] = Refusal(Reason.UNKNOWN_TOPIC, f"{name} does not exist and TOPIC_CREATE=none")

    def _again(self, missing: _Missing, *, plain: bool) -> None:
        missing.retry_at = time.monotonic() + (RETRY_S if self._plain_dead_letters else 0.0)
        self._plain_dead_letters = plain

    def _retry(self, name: str, missing: _Missing, error: KafkaError) -> None:
        now = time.monotonic()
        missing.retry_at = now + RETRY_S
        _repeats.warning("topic not created yet", name, topic=name, error=error.str())
        # A broker that is away is waited for; a broker that refuses is not.
        if not error.code() < 0 and now - missing.since > self._settings.topic_create_timeout_ms / 1000:
            raise WorkerFailureError(
                FailureKind.TOPIC_NOT_CREATED,
                f"topic {name} could not be created for {now - missing.since:.0f} s: {error.str()}; "
                "look at TOPIC_REPLICATION, TOPIC_PARTITIONS and TOPIC_CONFIG, and at the broker's policies",
            )
