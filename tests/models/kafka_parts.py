"""A made-up cluster for the model of a worker: a source that is read, and topics that take or refuse what is sent."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from confluent_kafka import KafkaError, TopicPartition

from fanout.errors import Reason
from fanout.worker.records import Headers
from tests.models.virtual import WALL_MS, Clock
from tests.unit.fakes import ErrorMessage, FakeAdmin, FakeProducer, FakeRecord, Produced, RecordWithUnreadableHeaders

DLQ = "cluster-events-dlq"
SMALL = 2_000  # a topic that takes less than a batch; records have a few hundred bytes, or LARGE
LARGE = 3_000
UNKNOWN_FAULTS_MAX = 12
At = tuple[int, int]  # where a record is in the source: its partition and offset


@dataclass(frozen=True)
class Spec:
    """A record of the source, and what must become of it."""

    value: bytes | None
    key: bytes | None = b"k"
    timestamp: tuple[int, int] = (1, WALL_MS)
    topic: str = ""  # where it has to go, if it goes anywhere
    reason: Reason | None = None  # why it must be a dead letter
    skipped: bool = False
    unreadable: bool = False
    poison: bool = False

    def record(self, at: At) -> FakeRecord:
        kind = RecordWithUnreadableHeaders if self.unreadable else FakeRecord
        headers: Headers = [("at", b"%d/%d" % at), ("nothing", None)]
        return kind(at[1], self.value, self.key, headers=headers, timestamp=self.timestamp, partition=at[0])


class ModelAdmin(FakeAdmin):
    """The same, and it may be polled."""

    def poll(self, timeout_s: float) -> int:
        assert timeout_s == 0
        return 0


class Cluster:
    """What the source holds, and what was written. Whatever is written is checked at once."""

    def __init__(self, topic_create: str, partitions: int) -> None:
        self.admin = ModelAdmin([DLQ])
        self.creates_by_itself = topic_create == "broker"
        self.source: dict[int, list[Spec]] = {partition: [] for partition in range(partitions)}
        self.low = dict.fromkeys(self.source, 0)
        self.done: set[At] = set()
        self.order: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
        self.refused: set[At] = set()
        self.denied: set[str] = set()
        # All that was ever so: what a dead letter may be justified by.
        self.was_denied: set[str] = set()
        self.was_configured: set[tuple[str, str]] = set()
        self.was_refused: set[str] = set()
        self.unknown_faults = 0

    def spec(self, at: At) -> Spec:
        return self.source[at[0]][at[1]]

    def configure(self, topic: str, config: dict[str, str]) -> None:
        self.admin.topics[topic] = config
        self.was_configured |= {(topic, name) for name in config}

    def objection(self, topic: str, batch: Sequence[Produced]) -> int | None:
        """What a broker says to this batch, as an error code."""
        if topic in self.denied:
            return KafkaError.TOPIC_AUTHORIZATION_FAILED
        if topic not in self.admin.topics and not self.creates_by_itself:
            return KafkaError.UNKNOWN_TOPIC_OR_PART
        config = self.admin.topics.setdefault(topic, {})
        if sum(map(_size, batch)) > int(config.get("max.message.bytes", 10**6)):
            return KafkaError.MSG_SIZE_TOO_LARGE
        if "compact" in config.get("cleanup.policy", "") and any(sent.key is None for sent in batch):
            return KafkaError.INVALID_RECORD
        latest = WALL_MS + int(config.get("message.timestamp.after.max.ms", 2**62))
        if any(sent.timestamp > latest for sent in batch):
            return KafkaError.INVALID_TIMESTAMP
        poisoned = topic != DLQ and any(self.spec(_at(sent)).poison for sent in batch)
        return KafkaError.POLICY_VIOLATION if poisoned else None

    def write(self, sent: Produced) -> None:
        if sent.topic == DLQ:
            self._write_letter(sent)
            return
        at = _at(sent)
        spec = self.spec(at)
        assert (sent.topic, spec.reason, spec.skipped) == (spec.topic, None, False), f"{spec} went to {sent.topic}"
        record = spec.record(at)
        timestamp = spec.timestamp[1] or 1 if spec.timestamp[0] else 0
        assert (sent.value, sent.key, sent.timestamp) == (spec.value, spec.key, timestamp), "not as it was read"
        assert sent.headers == record.headers()
        order = self.order[sent.topic, at[0]]
        # What was refused once may be taken when it is read again, after its topic has changed.
        if at[1] not in order and at not in self.refused:
            assert not order or order[-1] < at[1], f"{at} of {sent.topic} came after {order[-1]}"
            order.append(at[1])
        self.done.add(at)

    def _write_letter(self, sent: Produced) -> None:
        reason = Reason(sent.header("fanout.reason"))
        at = int(sent.header("fanout.partition")), int(sent.header("fanout.offset"))
        if reason is Reason.EXPIRED:
            last = int(sent.header("fanout.detail").split(" to ")[1].split(",")[0])
            assert last < self.low[at[0]], "records were called expired that are there"
            self.done |= {(at[0], offset) for offset in range(at[1], last + 1)}
            return
        spec = self.spec(at)
        assert not spec.skipped, f"a dead letter of what is to be skipped: {spec}"
        assert self._justified(reason, spec), f"{reason} is no fault of {spec}"
        assert sent.key == spec.key
        if sent.value != spec.value:
            assert sent.value is None
            assert spec.value is not None
            assert sent.header("fanout.sha256") == hashlib.sha256(spec.value).hexdigest()
            assert (DLQ, "max.message.bytes") in self.was_configured
        self.done.add(at)

    def _justified(self, reason: Reason, spec: Spec) -> bool:
        if spec.reason is not None:
            return reason is spec.reason
        by_config = {
            Reason.TOO_LARGE: ("max.message.bytes", len(spec.value or b"") >= LARGE),
            Reason.NULL_KEY: ("cleanup.policy", spec.key is None),
            Reason.BAD_TIMESTAMP: ("message.timestamp.after.max.ms", spec.timestamp[1] > WALL_MS),
        }
        if reason in by_config:
            name, fault = by_config[reason]
            return fault and (spec.topic, name) in self.was_configured
        if reason is Reason.REFUSED_BY_BROKER:
            compacted = spec.key is None and (spec.topic, "cleanup.policy") in self.was_configured
            return spec.poison or compacted or self.unknown_faults >= UNKNOWN_FAULTS_MAX
        return {
            Reason.BAD_HEADERS: spec.unreadable,
            Reason.NOT_AUTHORIZED: spec.topic in self.was_denied | self.was_refused,
            Reason.BAD_NAMESPACE: spec.topic in self.was_refused,
            Reason.UNKNOWN_TOPIC: True,
        }.get(reason, False)


class ModelProducer(FakeProducer):
    """A producer on the cluster: what of one topic is outstanding fails from the first on that is not taken."""

    def __init__(self, cluster: Cluster, *, only_errors: bool) -> None:
        super().__init__(only_errors=only_errors)
        self._cluster = cluster

    def topics(self) -> list[str]:
        return sorted({sent.topic for sent in self.outstanding})

    def answer(self, topic: str, count: int | None = None) -> None:
        """The broker's answer to the oldest `count` of one topic."""
        batch = [sent for sent in self.outstanding if sent.topic == topic][:count]
        code = self._cluster.objection(topic, batch)
        if code is not None:
            self.fail(code, topic=topic)
            return
        for sent in self.deliver(count, topic):
            self._cluster.write(sent)

    def break_off(self, topic: str, code: int, written: int) -> None:
        """All of one topic fail, and some were written even so."""
        for sent in self.fail(code, topic=topic)[:written]:
            if self._cluster.objection(topic, [sent]) is not None:
                break
            self._cluster.write(sent)

    def die(self, written: int) -> None:
        """The process is gone; some of what was under way arrives."""
        for topic in self.topics():
            self.break_off(topic, KafkaError._PURGE_INFLIGHT, written)


class ModelConsumer:
    """Reads the source from where it is assigned; the end of what has expired is told as an error."""

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self._cluster = cluster
        self._clock = clock
        self._positions: dict[int, int] = {}
        self._told: set[int] = set()

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        low = self._cluster.low
        self._positions = {tp.partition: tp.offset if tp.offset >= 0 else low[tp.partition] for tp in partitions}
        self._told.clear()

    def consume(self, limit: int, timeout_s: float) -> list[FakeRecord | ErrorMessage]:
        assert timeout_s == 0
        return list(islice(self._messages(), limit))

    def poll(self, timeout_s: float) -> FakeRecord | ErrorMessage | None:
        message = next(self._messages(), None)
        self._clock.now += timeout_s if message is None else 0.0
        return message

    def _messages(self) -> Iterator[FakeRecord | ErrorMessage]:
        for partition, position in list(self._positions.items()):
            if position < self._cluster.low[partition]:
                if partition not in self._told:
                    self._told.add(partition)
                    yield ErrorMessage(KafkaError._AUTO_OFFSET_RESET, partition)
                continue
            for offset in range(position, len(self._cluster.source[partition])):
                # What was handed out is read, even if no more is asked for.
                self._positions[partition] = offset + 1
                yield self._cluster.spec((partition, offset)).record((partition, offset))

    def get_watermark_offsets(self, partition: TopicPartition, timeout: float) -> tuple[int, int]:
        return self._cluster.low[partition.partition], len(self._cluster.source[partition.partition])


def _at(sent: Produced) -> At:
    partition, _, offset = sent.header("at").partition("/")
    return int(partition), int(offset)


def _size(sent: Produced) -> int:
    return len(sent.value or b"") + len(sent.key or b"")
