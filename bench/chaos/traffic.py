"""The load of a fault run: a thread that writes stamped events at a rate that changes, and keeps the ledger."""

import contextlib
import random
import threading
import time
from functools import partial
from types import TracebackType
from typing import NamedTuple, Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from bench.chaos.ledger import Entry, acknowledged
from bench.checker import Sent
from bench.pace import Schedule
from bench.stamp import Content, Place, stamped
from fanout.demo.events import Generator
from fanout.demo.poison import poison
from fanout.errors import Reason

TICK_S = 0.005
FLUSH_S = 60.0
METADATA_S = 2.0
ODD_SHARE = 0.004  # of the events of a namespace whose topic does not take everything
POISON_SHARE = 0.003
NAMESPACES = 12

# Namespaces whose topics are made beforehand and refuse some records; what spoils a batch there is sent now and then.
SMALL, DATED, COMPACTED = "ml-pipeline", "checkout", "payments"
SMALL_BYTES = 1_100_000  # above a batch of the client, or every record would be sent alone
SOURCE_BYTES = 4_000_000
PICKY_TOPICS = {
    SMALL: {"max.message.bytes": str(SMALL_BYTES)},
    DATED: {"message.timestamp.after.max.ms": "3600000"},
    COMPACTED: {"cleanup.policy": "compact", "min.compaction.lag.ms": "86400000"},
}
ODD_REASONS = {SMALL: Reason.TOO_LARGE, DATED: Reason.BAD_TIMESTAMP, COMPACTED: Reason.NULL_KEY}


class Draft(NamedTuple):
    """A record before it has its place."""

    content: Content
    namespace: str  # "" of poison
    reason: str


class Drafts:
    """An endless stream of records: events like those of a cluster, some that their topic refuses, some poison.

    `own_names` are namespaces that would lead into the source or the dead letters. `picky` is whether there are
    records that their topic refuses.
    """

    def __init__(self, seed: int, own_names: list[str], *, picky: bool) -> None:
        self._random = random.Random(seed)
        now_ms = time.time_ns() // 1_000_000
        self._events = Generator(
            seed, NAMESPACES, updated=0.3, headers=0.3, start_ms=now_ms, size_bytes=600, per_second=1_000
        )
        self._poison = [each for each in poison(seed) if each.reason is not Reason.RESERVED_TOPIC]
        self._own_names = own_names
        self._picky = picky
        self.namespaces = self._events.namespaces

    def draw(self) -> Draft:
        """The next record."""
        chance = self._random.random()
        if chance < POISON_SHARE:
            return self._bad()
        [event] = self._events.records(1)
        content = Content(event.value, event.key, list(event.headers), time.time_ns() // 1_000_000)
        if self._picky and event.namespace in ODD_REASONS and self._random.random() < ODD_SHARE:
            return self._odd(content, event.namespace)
        return Draft(content, event.namespace, "")

    def _odd(self, content: Content, namespace: str) -> Draft:
        if namespace == SMALL:
            padding = b',"padding":"%b"}' % (b"x" * (SMALL_BYTES + 1_000))
            content = content._replace(value=(content.value or b"")[:-1] + padding)
        elif namespace == DATED:
            content = content._replace(timestamp_ms=content.timestamp_ms + 7_200_000)
        else:
            content = content._replace(key=None)
        return Draft(content, namespace, ODD_REASONS[namespace])

    def _bad(self) -> Draft:
        timestamp_ms = time.time_ns() // 1_000_000
        if self._random.random() < 0.2:
            name = self._random.choice(self._own_names)
            value = b'{"verb":"ADDED","event":{"metadata":{"namespace":"%b"}}}' % name.encode()
            return Draft(Content(value, b"loop", [], timestamp_ms), "", Reason.RESERVED_TOPIC)
        each = self._random.choice(self._poison)
        return Draft(Content(each.value, each.key, [], timestamp_ms), "", each.reason)


class Traffic:
    """Writes from `with` to `stop`; survives a broker that is away. `rate` is records a second over all partitions.

    Each partition is numbered by itself; a record's partition is decided by its key.
    """

    def __init__(self, bootstrap: str, topic: str, partitions: int, drafts: Drafts, rate: float) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "linger.ms": 1,
                "message.timeout.ms": 0,
                "message.max.bytes": SOURCE_BYTES,
                "reconnect.backoff.max.ms": 500,
                "log_level": 2,
            }
        )
        self._topic = topic
        self._drafts = drafts
        self._sequences = [0] * partitions
        self._generation = 0
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._write, name="traffic", daemon=True)
        self._errors: list[str] = []
        self._ledger: list[Entry] = []
        self.rate = rate

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._producer.purge()

    def stop(self) -> None:
        """Write no more, and wait until all is acknowledged. Raises RuntimeError if a record was refused."""
        self._stop.set()
        self._thread.join()
        self._flush()

    def ledger(self) -> list[Sent]:
        """Everything that was written so far and acknowledged."""
        with self._lock:
            entries = list(self._ledger)
        return acknowledged(entries)

    @property
    def partitions(self) -> int:
        """How many partitions are written to."""
        return len(self._sequences)

    def widen(self, partitions: int) -> None:
        """Write to so many partitions from now on."""
        with self._lock:
            self._sequences += [0] * (partitions - len(self._sequences))

    def between_generations(self) -> threading.Lock:
        """Hold this while the topic is made anew: nothing is written meanwhile. Call `new_generation` before."""
        return self._lock

    def new_generation(self) -> None:
        """The topic is about to become another one. To be called with the lock held."""
        self._flush()
        self._generation += 1

    def _flush(self) -> None:
        left = self._producer.flush(FLUSH_S)
        if left or self._errors:
            raise RuntimeError(f"the source does not take the load: {left} records left, {self._errors[:1]}")

    def _write(self) -> None:
        try:
            self._write_on()
        except Exception as error:  # noqa: BLE001 - the thread of `stop` raises it
            self._errors.append(repr(error))

    def _write_on(self) -> None:
        # After a stand-still the rate goes on; what was missed is not made up for at once.
        schedule = Schedule(time.monotonic(), self.rate, made_up_s=0.5)
        while not self._stop.wait(TICK_S):
            schedule.change(self.rate)
            due = schedule.due(time.monotonic())
            with self._lock:
                for _ in range(due):
                    self._produce(self._drafts.draw())
            self._producer.poll(0)

    def _produce(self, draft: Draft) -> None:
        number = hash_of(draft.content.key) % len(self._sequences)
        place = Place(number, self._sequences[number])
        self._sequences[number] += 1
        content = stamped(draft.content, place, draft.namespace)
        entry = Entry(place, draft.namespace, draft.reason, self._generation)
        self._ledger.append(entry)
        deadline = time.monotonic() + FLUSH_S
        while not self._taken(content, entry):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the client does not know partition {number} of {self._topic}")
            # It was added, and the client has not heard of it.
            with contextlib.suppress(KafkaException):
                self._producer.list_topics(self._topic, timeout=METADATA_S)

    def _taken(self, content: Content, entry: Entry) -> bool:
        """Hand a record to the client; False if it does not know the partition."""
        try:
            self._producer.produce(
                self._topic,
                content.value,
                content.key,
                entry.place.partition,
                partial(self._told, entry),
                timestamp=content.timestamp_ms,
                headers=list(content.headers) or None,
            )
        except KafkaException as error:
            if error.args[0].code() != KafkaError._UNKNOWN_PARTITION:
                raise
            return False
        return True

    def _told(self, entry: Entry, error: KafkaError | None, message: Message) -> None:
        offset = message.offset()
        if error is not None:
            self._errors.append(error.str())
            return
        entry.acknowledged = True
        if offset is not None:
            entry.offset = offset


def hash_of(key: bytes | None) -> int:
    """A number for a key, the same in every process."""
    return sum((key or b"?")[:64]) * 2_654_435_761 >> 7
