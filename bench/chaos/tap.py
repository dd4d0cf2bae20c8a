"""The tap: a thread that reads all destinations from their beginning on, and remembers each arrival."""

import re
import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self, cast

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Message, TopicPartition

from bench.checker import Arrival
from bench.stamp import Content, read_stamp
from fanout.worker.records import HeaderList

POLL_S = 0.05
LOOK_EVERY_S = 0.3
METADATA_S = 5.0
_RANGE = re.compile(r"offsets \d+ to (\d+)")


class Tap:
    """Reads the topics of these names, as soon as they are there. Each has one partition."""

    def __init__(self, bootstrap: str, topics: Iterable[str]) -> None:
        self._wanted = set(topics)
        self._generations = dict.fromkeys(self._wanted, 0)
        self._positions: dict[str, int] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "tap-never-joins",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 20,
                "fetch.error.backoff.ms": 50,
                "max.partition.fetch.bytes": 4_000_000,
                "topic.metadata.refresh.interval.ms": 2_000,
                "reconnect.backoff.max.ms": 500,
                "log_level": 2,
            }
        )
        self._thread = threading.Thread(target=self._read, name="tap", daemon=True)
        self._failure: BaseException | None = None
        self.arrivals: list[Arrival] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._consumer.close()

    def generation(self, topic: str) -> int:
        """How often the topic was deleted."""
        return self._generations[topic]

    def let_go(self, topic: str) -> None:
        """Read this topic no more: it is about to be deleted."""
        with self._lock:
            self._wanted.discard(topic)
            if self._positions.pop(topic, None) is not None:
                self._consumer.incremental_unassign([TopicPartition(topic, 0)])

    def take_up(self, topic: str) -> None:
        """The topic is deleted: what comes now under its name is another one."""
        with self._lock:
            self._generations[topic] += 1
            self._wanted.add(topic)

    def missing(self, ends: dict[str, int]) -> dict[str, int]:
        """How many records of these topics, by their ends, are not read yet."""
        self.check()
        with self._lock:
            return {t: end - self._positions.get(t, 0) for t, end in ends.items() if end > self._positions.get(t, 0)}

    def check(self) -> None:
        """Raise what ended the thread, if something did."""
        if self._failure is not None:
            raise RuntimeError("the tap broke") from self._failure

    def _read(self) -> None:
        look_at = 0.0
        try:
            while not self._stop.is_set():
                if time.monotonic() >= look_at:
                    self._look_for_topics()
                    look_at = time.monotonic() + LOOK_EVERY_S
                first = self._consumer.poll(POLL_S)
                if first is not None:
                    self._take([first, *self._consumer.consume(10_000, 0)])
        except BaseException as error:  # noqa: BLE001 - told by `check`
            self._failure = error

    def _look_for_topics(self) -> None:
        with self._lock:
            absent = self._wanted - self._positions.keys()
        if not absent:
            return
        try:
            there = self._consumer.list_topics(timeout=METADATA_S).topics
        except KafkaException:
            return  # no broker now: looked for again soon
        with self._lock:
            found = sorted(t for t in absent & self._wanted & there.keys() if there[t].error is None)
            if found:
                self._consumer.incremental_assign([TopicPartition(topic, 0, OFFSET_BEGINNING) for topic in found])
                self._positions |= dict.fromkeys(found, 0)

    def _take(self, messages: list[Message]) -> None:
        at = time.monotonic()
        with self._lock:
            for message in messages:
                topic, offset = message.topic(), message.offset()
                if message.error() is None and topic in self._positions and offset is not None:
                    if offset != self._positions[topic]:
                        raise RuntimeError(f"{topic}: {offset} was read, and not {self._positions[topic]}")
                    self._positions[topic] = offset + 1
                    self.arrivals.append(_arrival(message, topic, self._generations[topic], at))


def _arrival(message: Message, topic: str, generation: int, at: float) -> Arrival:
    headers = [(name, _bytes(value)) for name, value in cast(HeaderList, message.headers() or [])]
    own = {name: (value or b"").decode() for name, value in headers if name.startswith("fanout.")}
    rest = [header for header in headers if not header[0].startswith("fanout.")]
    stamp = read_stamp(Content(message.value(), message.key(), rest, message.timestamp()[1]))
    expired = _RANGE.search(own.get("fanout.detail", ""))
    offset = message.offset()
    assert offset is not None
    return Arrival(
        topic=topic,
        generation=generation,
        offset=offset,
        at=at,
        place=stamp.place if stamp is not None else None,
        intact=stamp is not None and stamp.intact,
        reason=own.get("fanout.reason", ""),
        until=int(expired[1]) + 1 if expired else 0,
        coordinates=(int(own["fanout.partition"]), int(own["fanout.offset"])) if own else None,
    )


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
