"""Read: the source partitions of this worker, from the offsets that the supervisor handed over.

The client is assigned and never subscribed; it commits nothing. A round is whatever is there: one record when
idle, thousands in a backlog.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from fanout import client, log
from fanout.errors import FailureKind, WorkerFailureError
from fanout.worker.health import unreadable
from fanout.worker.records import SourceRecord

WATERMARKS_S = 5.0
DENIED = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
}

_log = log.get("source")
_repeats = log.Repeats(_log)


class Expired(NamedTuple):
    """Records that were deleted before they were read: offsets `first` to `next_offset - 1`."""

    partition: int
    first: int
    next_offset: int


def beginnings(
    consumer: Consumer, topic: str, offsets: Mapping[int, int], goes_on: Callable[[], bool]
) -> dict[int, int]:
    """The earliest offset of each partition that has no commit, as far as a broker tells; blocks for its answers.

    It is to be committed before anything is delivered: of what expires until then nobody would know that it was there.
    Each takes a round trip, before which `goes_on` beats, or a worker of many partitions would be taken for one that
    hangs, and says whether to go on.
    """
    found: dict[int, int] = {}
    for partition in sorted(p for p, offset in offsets.items() if offset < 0):
        if not goes_on():
            break
        try:
            watermarks = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=WATERMARKS_S)
        except KafkaException as error:
            watermarks = None
            _repeats.warning("beginning not known", partition, partition=partition,
                             error=client.kafka_error(error).str())  # fmt: skip
        if watermarks is None:
            break  # the next would wait as long, and a worker has to beat
        found[partition] = watermarks[0]
    return found


class Source:
    """The worker's consumer."""

    def __init__(self, consumer: Consumer, topic: str, offsets: Mapping[int, int]) -> None:
        self._consumer = consumer
        self._topic = topic
        self._expired: list[Expired] = []
        # What to read next; kept here because an assignment can only be changed as a whole.
        self._positions = dict(offsets)
        self._assign()

    def _assign(self) -> None:
        self._consumer.assign([TopicPartition(self._topic, p, offset) for p, offset in self._positions.items()])

    def read(self, limit: int, timeout_s: float) -> dict[int, Sequence[SourceRecord]]:
        """At most `limit` records: blocks up to `timeout_s` for the first and takes what is there then.

        Returns them by partition, each in source order. Raises WorkerFailureError where the source cannot be read.
        """
        messages = self._consumer.consume(limit, 0)
        if not messages:
            first = self._consumer.poll(timeout_s)
            if first is None:
                return {}
            messages = [first]
            if limit > 1:
                messages += self._consumer.consume(limit - 1, 0)
        # By identity: the client's errors cannot be compared with None.
        odd = [message for message in messages if message.error() is not None]
        if odd:
            messages = [message for message in messages if message.error() is None]
        groups = self._by_partition(cast("list[SourceRecord]", messages))
        for partition, group in groups.items():
            self._positions[partition] = group[-1].offset() + 1
        if odd:
            self._handle(odd)
        return groups

    def _by_partition(self, records: Sequence[SourceRecord]) -> dict[int, Sequence[SourceRecord]]:
        if len(self._positions) > 1:
            return by_partition(records)
        # Most workers have one partition: there each record need not be asked.
        return {records[0].partition(): records} if records else {}

    def _handle(self, messages: Sequence[Message]) -> None:
        """What the client tells in the place of records."""
        out_of_range = []
        for message in messages:
            error = cast("KafkaError", message.error())
            code = error.code()
            if code == KafkaError._AUTO_OFFSET_RESET:
                out_of_range.append(cast("SourceRecord", message).partition())
            elif code in DENIED:
                raise unreadable(self._topic, error)
            elif error.fatal():
                raise WorkerFailureError(FailureKind.CLIENT_FATAL, error.str())
            else:
                # The client tries again by itself; a deleted source is the supervisor's matter.
                _repeats.warning("source not readable, trying again", code, topic=self._topic, error=error.str())
        if out_of_range:
            self._find(out_of_range)
            self._assign()

    def _find(self, partitions: Sequence[int]) -> None:
        """Where to go on in partitions whose next record is not there: it expired, or the topic was made anew.

        Where no broker answers, the rest is left for the next time: each would be waited for, and nothing beats here.
        """
        for partition in partitions:
            try:
                watermarks = self._consumer.get_watermark_offsets(
                    TopicPartition(self._topic, partition), timeout=WATERMARKS_S
                )
            except KafkaException as error:
                watermarks = None
                _repeats.warning("watermarks not known, trying again", partition, error=client.kafka_error(error).str())
            if watermarks is None:
                return
            self._go_on(partition, *watermarks)

    def _go_on(self, partition: int, low: int, high: int) -> None:
        position = self._positions[partition]
        if 0 <= position < low:
            _log.error(
                "records expired before they were read", partition=partition, first=position, next=low,
                lost=low - position, advice="raise the retention of the source, or add workers",
            )  # fmt: skip
            self._expired.append(Expired(partition, position, low))
            self._positions[partition] = low
        elif position > high:
            raise WorkerFailureError(
                FailureKind.SOURCE_RECREATED,
                f"offset {position} of partition {partition} is past its end {high}: {self._topic} was made anew "
                "or cut by its broker; reading it again from the start",
            )

    def take_expired(self) -> list[Expired]:
        """The ranges that were found to have expired since the last call: they end before what is read next."""
        expired, self._expired = self._expired, []
        return expired


def by_partition(records: Sequence[SourceRecord]) -> dict[int, Sequence[SourceRecord]]:
    """The same records, by partition."""
    groups: dict[int, list[SourceRecord]] = {}
    for record in records:
        groups.setdefault(record.partition(), []).append(record)
    return dict(sorted(groups.items()))
