"""Dead letters as a worker writes them, planted without one."""

from collections.abc import Iterable

from bench.broker import LocalKafka
from fanout.errors import Reason
from fanout.worker.deadletter import Letter
from fanout.worker.records import HeaderList
from tests.support.topics import Record, produce


class Origin:
    """A record of the source, of which the letter is made."""

    def __init__(
        self,
        value: bytes | None,
        key: bytes | None = None,
        *,
        offset: int = 0,
        headers: HeaderList | None = None,
        at_ms: int = 1_700_000_000_000,
    ) -> None:
        self._value = value
        self._key = key
        self._offset = offset
        self._headers = headers
        self._at_ms = at_ms

    def value(self) -> bytes | None:
        return self._value

    def key(self) -> bytes | None:
        return self._key

    def headers(self) -> HeaderList | None:
        return self._headers

    def timestamp(self) -> tuple[int, int]:
        return (1, self._at_ms)

    def offset(self) -> int:
        return self._offset

    def partition(self) -> int:
        return 0


def letter(origin: Origin, source: str, reason: Reason, detail: str = "why", *, shrunk: bool = False) -> Record:
    """The record of the dead-letter topic that stands for `origin`."""
    made = Letter(origin, source, reason, detail)
    if shrunk:
        made.shrink()
    headers = tuple((name, content) for name, content in made.headers() or [] if not isinstance(content, str))
    return Record(made.value(), made.key(), headers, made.timestamp(), partition=0)


def plant(kafka: LocalKafka, source: str, letters: Iterable[Record]) -> str:
    """Make the source and its dead-letter topic, and write these; the name of that topic."""
    topic = f"{source}-dlq"
    kafka.create_topic(source)
    kafka.create_topic(topic)
    produce(kafka.bootstrap, topic, letters)
    return topic
