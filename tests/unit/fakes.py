"""Stand-ins for the client library, which do what it was seen to do, and no more.

What they claim of the real client is checked in `test_client.py`, on the real client.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, NamedTuple, cast

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicCollection
from confluent_kafka.admin import AdminClient

from fanout.settings import Settings
from fanout.worker.records import Headers

NOW_MS = 1_700_000_000_000


def settings(**changes: object) -> Settings:
    """Settings with what is required, and these changes."""
    return Settings(**({"endpoint": "127.0.0.1:1", "topic": "cluster-events"} | changes))  # type: ignore[arg-type]


def event(namespace: str, **fields: object) -> bytes:
    """The smallest Eventrouter record of a namespace."""
    more = "".join(f',"{name}":"{value}"' for name, value in fields.items())
    return f'{{"verb":"ADDED","event":{{"metadata":{{"namespace":"{namespace}"}}{more}}}}}'.encode()


class FakeRecord:
    """A record of the source."""

    def __init__(
        self,
        offset: int = 0,
        value: bytes | None = b"{}",
        key: bytes | None = b"k",
        *,
        headers: Headers = None,
        timestamp: tuple[int, int] = (1, NOW_MS),
        partition: int = 0,
    ) -> None:
        self._offset = offset
        self._value = value
        self._key = key
        self._headers = headers
        self._timestamp = timestamp
        self._partition = partition

    def __len__(self) -> int:
        return len(self._value or b"")

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<record {self._partition}/{self._offset}>"

    def value(self) -> bytes | None:
        return self._value

    def key(self) -> bytes | None:
        return self._key

    def headers(self) -> Headers:
        return self._headers

    def timestamp(self) -> tuple[int, int]:
        return self._timestamp

    def offset(self) -> int:
        return self._offset

    def partition(self) -> int:
        return self._partition

    def error(self) -> KafkaError | None:
        return None


class RecordWithUnreadableHeaders(FakeRecord):
    """The client can be asked for such headers once: the second time crashes the process."""

    asked = 0

    def headers(self) -> Headers:
        self.asked += 1
        assert self.asked == 1, "the real client crashes when it is asked a second time"
        raise SystemError("a header's name is not UTF-8")


class ErrorMessage:
    """What a consumer returns in a record's place."""

    def __init__(self, code: int, partition: int = 0) -> None:
        self._error = KafkaError(code)
        self._partition = partition

    def error(self) -> KafkaError:
        return self._error

    def partition(self) -> int:
        return self._partition


class _Report:
    """The message of a delivery report that tells of a failure: no timestamp, no headers, no offset."""

    def __init__(self, value: bytes | None, key: bytes | None) -> None:
        self._value = value
        self._key = key

    def value(self) -> bytes | None:
        return self._value

    def key(self) -> bytes | None:
        return self._key

    def timestamp(self) -> tuple[int, int]:
        return (0, -1)

    def headers(self) -> Headers:
        return None


class Produced(NamedTuple):
    """One call of `produce`."""

    topic: str
    value: bytes | None
    key: bytes | None
    partition: int
    callback: Callable[[KafkaError | None, Message], None]
    timestamp: int
    headers: Headers

    def header(self, name: str) -> str:
        """The text of the last header of this name."""
        values = [value for header, value in self.headers or [] if header == name]
        assert isinstance(values[-1], bytes)
        return values[-1].decode()


class FakeProducer:
    """Records what is produced; the test says what becomes of it, and `poll` tells."""

    def __init__(self, *, only_errors: bool = True) -> None:
        self._only_errors = only_errors
        self._reports: list[tuple[Produced, KafkaError | None]] = []
        self._refusals: list[tuple[bytes | None, Exception]] = []
        self.produced: list[Produced] = []
        self.outstanding: list[Produced] = []

    def as_producer(self) -> Producer:
        return cast("Producer", self)

    def __len__(self) -> int:
        return len(self.outstanding) + len(self._reports)

    def __bool__(self) -> bool:
        return True

    def produce(
        self, topic: str, value: bytes | None, key: bytes | None, partition: int,
        callback: Callable[[KafkaError | None, Message], None], on_delivery: None, timestamp: int, headers: Headers,
    ) -> None:  # fmt: skip
        assert on_delivery is None
        for refusal in self._refusals:
            if refusal[0] == value:
                self._refusals.remove(refusal)
                raise refusal[1]
        produced = Produced(topic, value, key, partition, callback, timestamp, list(headers) if headers else headers)
        self.produced.append(produced)
        self.outstanding.append(produced)

    def poll(self, timeout_s: float) -> int:
        assert timeout_s == 0, "the loop must not block here"
        reports, self._reports = self._reports, []
        for produced, error in reports:
            if error is not None or not self._only_errors:
                produced.callback(error, cast("Message", _Report(produced.value, produced.key)))
        return len(reports)

    def refuse(self, value: bytes | None, error: Exception) -> None:
        """Raise this at the next `produce` of this value."""
        self._refusals.append((value, error))

    def deliver(self, count: int | None = None, topic: str | None = None) -> list[Produced]:
        """Acknowledge the oldest outstanding records (all, if not told how many, perhaps of one topic)."""
        return self._settle(None, count, topic)

    def fail(self, code: int, count: int | None = None, topic: str | None = None) -> list[Produced]:
        """Let the oldest outstanding records fail."""
        return self._settle(KafkaError(code), count, topic)

    def _settle(self, error: KafkaError | None, count: int | None, topic: str | None) -> list[Produced]:
        settled = [produced for produced in self.outstanding if topic in (None, produced.topic)][:count]
        for produced in settled:
            self.outstanding.remove(produced)
        self._reports += [(produced, error) for produced in settled]
        return settled

    def values(self, topic: str | None = None) -> list[bytes | None]:
        """The values of everything produced, in order."""
        return [produced.value for produced in self.produced if topic in (None, produced.topic)]


class _Entry(NamedTuple):
    value: str | None


class _Listing(NamedTuple):
    topics: dict[str, object]


class FakeAdmin:
    """A cluster's topics. Requests are answered at once, unless `silent`; then `answer` answers them all."""

    def __init__(self, topics: Iterable[str] = ()) -> None:
        self.topics: dict[str, dict[str, str]] = {name: {} for name in topics}
        self.refusals: dict[str, int] = {}  # topic -> error code of its creation
        self.silent = False
        self.polled = False
        self.requests: list[tuple[str, list[str]]] = []
        self.created: list[Any] = []
        self._unanswered: list[Callable[[], None]] = []

    def as_admin(self) -> AdminClient:
        return cast("AdminClient", self)

    def poll(self, timeout: float) -> int:
        assert timeout == 0, "a worker has to beat"
        self.polled = True
        return 0

    def list_topics(self, timeout: float) -> _Listing:
        self.requests.append(("list", []))
        return _Listing(dict.fromkeys(self.topics))

    def create_topics(self, new: Sequence[Any], **_options: float) -> dict[str, Future[None]]:
        self.requests.append(("create", [topic.topic for topic in new]))
        self.created += new
        return {topic.topic: self._future(partial(self._create, topic.topic)) for topic in new}

    def _create(self, name: str) -> None:
        if name in self.refusals:
            raise KafkaException(KafkaError(self.refusals[name]))
        if name in self.topics:
            raise KafkaException(KafkaError(KafkaError.TOPIC_ALREADY_EXISTS))
        self.topics[name] = {}

    def describe_topics(self, collection: TopicCollection, **_options: float) -> dict[str, Future[None]]:
        names = [str(name) for name in collection.topic_names]
        self.requests.append(("describe", names))
        return {name: self._future(partial(self._describe, name)) for name in names}

    def _describe(self, name: str) -> None:
        if name in self.refusals:
            raise KafkaException(KafkaError(self.refusals[name]))
        if name not in self.topics:
            raise KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))

    def describe_configs(self, resources: Sequence[Any], **_options: float) -> dict[Any, Future[dict[str, _Entry]]]:
        self.requests.append(("configs", [resource.name for resource in resources]))
        return {resource: self._future(partial(self._config, resource.name)) for resource in resources}

    def _config(self, name: str) -> dict[str, _Entry]:
        self._describe(name)
        return {key: _Entry(value) for key, value in self.topics[name].items()}

    def _future(self, work: Callable[[], Any]) -> "Future[Any]":
        future: Future[Any] = Future()

        def answer() -> None:
            try:
                future.set_result(work())
            except KafkaException as error:
                future.set_exception(error)

        if self.silent:
            self._unanswered.append(answer)
        else:
            answer()
        return future

    def answer(self) -> None:
        """Answer everything that was asked while silent."""
        unanswered, self._unanswered = self._unanswered, []
        for answer in unanswered:
            answer()
