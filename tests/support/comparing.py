"""What has to be so in the destinations: everything there, nothing twice, in order."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer, TopicPartition

from bench.offsets import patiently
from tests.support.samples import namespace_of
from tests.support.topics import Headers, Record, read_topics

REQUEST_S = 10.0

Content = tuple[bytes | None, bytes | None, Headers, int]


def content(record: Record) -> Content:
    """What must not change on the way: value, key, headers and the timestamp's milliseconds."""
    return record.value, record.key, record.headers, record.timestamp[1]


def body(record: Record) -> tuple[bytes | None, bytes | None, Headers]:
    """The same without the timestamp, for records that were written with none of their own."""
    return record.value, record.key, record.headers


def by_namespace(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Records of Eventrouter by their namespace, each in the order given."""
    found: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        found[namespace_of(record)].append(record)
    return dict(found)


class Group:
    """The offsets of a group, asked for by a client that never joins it. Close it, or use `with`.

    Not the admin client's list_consumer_group_offsets: librdkafka 2.16.1 crashes there when the coordinator moves.
    """

    def __init__(self, bootstrap: str, group: str, topic: str) -> None:
        self._topic = topic
        self._consumer = Consumer(
            {"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False, "log_level": 2}
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def committed(self) -> dict[int, int]:
        """The committed offset of each partition that has one. Waits for a starting broker; raises KafkaException."""
        answers = patiently(lambda: self._consumer.committed(self._places(), timeout=REQUEST_S))
        return {answer.partition: answer.offset for answer in answers if answer.offset >= 0}

    def delivering(self) -> int:
        """Partitions of which something is delivered and committed: where they begin is committed before that."""
        return sum(offset > 0 for offset in self.committed().values())

    def ends(self) -> dict[int, int]:
        """One past the last record of each partition that holds or held any. As patient; raises KafkaException."""
        ends = patiently(lambda: {place.partition: self._end(place) for place in self._places()})
        return {partition: end for partition, end in ends.items() if end}

    def lag(self) -> dict[int, int]:
        """How many records are not committed, of each partition that has any such. Raises KafkaException."""
        offsets = self.committed()
        behind = {partition: end - offsets.get(partition, 0) for partition, end in self.ends().items()}
        return {partition: records for partition, records in behind.items() if records}

    def _places(self) -> list[TopicPartition]:
        metadata = self._consumer.list_topics(self._topic, timeout=REQUEST_S).topics[self._topic]
        return [TopicPartition(self._topic, partition) for partition in sorted(metadata.partitions)]

    def _end(self, place: TopicPartition) -> int:
        return self._consumer.get_watermark_offsets(place, timeout=REQUEST_S)[1]


def committed(bootstrap: str, group: str, topic: str) -> dict[int, int]:
    """The committed offset of each partition that has one."""
    with Group(bootstrap, group, topic) as asked:
        return asked.committed()


def delivering(bootstrap: str, group: str, topic: str) -> int:
    """How many partitions there are of which something is delivered and committed."""
    with Group(bootstrap, group, topic) as asked:
        return asked.delivering()


def wait_caught_up(bootstrap: str, group: str, topic: str, deadline_s: float = 60.0) -> None:
    """Wait until everything in the source is committed. Raises TimeoutError with what is not."""
    deadline = time.monotonic() + deadline_s
    with Group(bootstrap, group, topic) as asked:
        while lag := asked.lag():
            if time.monotonic() > deadline:
                raise TimeoutError(f"after {deadline_s:g} s {group} has not committed all of {topic}: {lag}")
            time.sleep(0.05)


def assert_exactly(bootstrap: str, sent: Iterable[Record], topic_of: Callable[[str], str] = str) -> None:
    """Each destination holds the records of its namespace, each as often as it was sent, and nothing else."""
    expected = by_namespace(sent)
    found = read_topics(bootstrap, [topic_of(namespace) for namespace in expected])
    for namespace, records in expected.items():
        wanted = Counter(body(record) for record in records)
        there = Counter(body(record) for record in found[topic_of(namespace)])
        lost, extra = wanted - there, there - wanted
        assert not lost, f"{lost.total()} of {wanted.total()} records lost from {namespace}: {next(iter(lost))}"
        assert not extra, f"{extra.total()} records too many in {namespace}: {next(iter(extra))}"


def assert_complete(bootstrap: str, sent: Iterable[Record], topic_of: Callable[[str], str] = str) -> int:
    """Each destination holds every record of its namespace, and no other's; how many are there twice."""
    expected = by_namespace(sent)
    found = read_topics(bootstrap, [topic_of(namespace) for namespace in expected])
    twice = 0
    for namespace, records in expected.items():
        wanted = {body(record) for record in records}
        there = Counter(body(record) for record in found[topic_of(namespace)])
        lost = wanted - there.keys()
        assert not lost, f"{len(lost)} of {len(wanted)} records lost from {namespace}: {next(iter(lost))}"
        assert not there.keys() - wanted, f"strangers in {namespace}: {next(iter(there.keys() - wanted))}"
        twice += there.total() - len(wanted)
    return twice


def assert_ordered(bootstrap: str, sent: Iterable[Record], topic_of: Callable[[str], str] = str) -> None:
    """The first arrivals of each object's records stand in their destination in the order of the source.

    `sent` is in the order in which it was written, per key.
    """
    expected = by_namespace(sent)
    found = read_topics(bootstrap, [topic_of(namespace) for namespace in expected])
    for namespace, records in expected.items():
        wanted, there = _first_by_key(records), _first_by_key(found[topic_of(namespace)])
        for key, values in wanted.items():
            assert there[key] == values, f"order of {key!r} in {namespace} is not the source's"


def _first_by_key(records: Iterable[Record]) -> dict[bytes | None, list[bytes | None]]:
    ordered: dict[bytes | None, dict[bytes | None, None]] = defaultdict(dict)
    for record in records:
        ordered[record.key][record.value] = None  # a dict keeps the place of the first
    return {key: list(values) for key, values in ordered.items()}
