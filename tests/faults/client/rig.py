"""The program on a mock Kafka under load, and what has to be so of its destinations at any moment."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from bench.mock import PROGRAM_SETTINGS, Api, MockKafka
from bench.program import Program
from fanout.errors import ExitCode
from tests.support.comparing import Group
from tests.support.load import Load
from tests.support.samples import namespace_of
from tests.support.topics import Record, read_topics, wait_until

SOURCE = "source"
DEAD_LETTERS = f"{SOURCE}-dlq"
GROUP = "group"
PARTITIONS = 2
RATE = 200.0  # records a second, in all
# Each has brokers of its own, so that an error meets one of them alone.
SOURCE_BROKER, OTHERS_BROKER, VICTIM_BROKER = 1, 2, 3
OTHERS = ["other-a", "other-b"]
VICTIM = "victim"
DENIED = ["denied-a", "denied-b"]
NAMESPACES = [*OTHERS, VICTIM, *DENIED]


class Found(NamedTuple):
    """What the destinations and the dead letters hold."""

    arrived: dict[str, list[Record]]
    letters: list[Record]

    def reasons(self) -> dict[bytes | None, str]:
        """The reason of each dead letter, by value."""
        return {letter.value: (dict(letter.headers)["fanout.reason"] or b"").decode() for letter in self.letters}


class Rig(NamedTuple):
    """A mock Kafka with a running program and a load on it."""

    kafka: MockKafka
    program: Program
    load: Load

    def sent(self) -> dict[int, list[Record]]:
        """What was written so far, by partition of the source: an index is an offset."""
        by_partition: dict[int, list[Record]] = defaultdict(list)
        for record in list(self.load.sent):
            by_partition[record.partition].append(record)
        return by_partition

    def read(self) -> Found:
        """Everything that was delivered so far."""
        arrived = read_topics(self.kafka.bootstrap, [*NAMESPACES, DEAD_LETTERS])
        return Found(arrived, arrived.pop(DEAD_LETTERS))

    def committed(self) -> dict[int, int]:
        """The committed offset of each partition that has one."""
        with Group(self.kafka.bootstrap, GROUP, SOURCE) as group:
            return group.committed()

    def recover(self, within_s: float) -> None:
        """Wait until all that is written by now is committed."""
        ends = {partition: len(records) for partition, records in self.sent().items()}
        with Group(self.kafka.bootstrap, GROUP, SOURCE) as group:
            wait_until(
                lambda: all(group.committed().get(partition, 0) >= end for partition, end in ends.items()),
                within_s, f"a commit of {ends}",
            )  # fmt: skip

    def check(self) -> Found:
        """Nothing is committed that is not delivered, nothing strays, and first arrivals are in the source's order."""
        offsets = self.committed()
        found = self.read()
        # Only after the reading: what is found must be among it.
        sent = self.sent()
        self._assert_delivered(offsets, sent, found)
        place = {
            record.value: (partition, n) for partition, records in sent.items() for n, record in enumerate(records)
        }
        for topic, records in found.arrived.items():
            assert all(namespace_of(record) == topic for record in records), f"a stranger in {topic}"
            assert all(record.value in place for record in records), f"something that was never written in {topic}"
            for partition in sent:
                first = list(dict.fromkeys(place[r.value][1] for r in records if place[r.value][0] == partition))
                assert first == sorted(first), f"first arrivals of partition {partition} in {topic} are out of order"
        return found

    @staticmethod
    def _assert_delivered(offsets: dict[int, int], sent: dict[int, list[Record]], found: Found) -> None:
        there = {record.value for records in found.arrived.values() for record in records}
        letters = {letter.value for letter in found.letters}
        for partition, offset in offsets.items():
            missing = [n for n, r in enumerate(sent[partition][:offset]) if r.value not in there | letters]
            assert not missing, f"{offset} of partition {partition} is committed, and not delivered: {missing[:5]}"

    def ends(self) -> dict[str, int]:
        """How often a worker ended of itself, and partitions were lost."""
        told = (
            "worker died",
            "worker failed",
            "partitions lost: another replica has them",
            "membership broken, joining anew",
        )
        return {message: len(self.program.lines(message)) for message in told}

    def push(self, broker: int, key: Api, codes: Sequence[int], within_s: float = 15.0) -> None:
        """Have the next requests of this kind to this broker fail; returns when all of them have come."""
        self.kafka.push_to(broker, key, [(code, 0) for code in codes])
        wait_until(lambda: not self.kafka.left(broker, key), within_s, f"{len(codes)} requests {key.name} that fail")


@contextmanager
def mock() -> Iterator[MockKafka]:
    """A mock Kafka of three brokers: the source and the group, the other destinations, the victim."""
    topics = dict.fromkeys([*NAMESPACES, DEAD_LETTERS], 1) | {SOURCE: PARTITIONS}
    with MockKafka(topics, brokers=3) as kafka:
        for partition in range(PARTITIONS):
            kafka.partition_set_leader(SOURCE, partition, SOURCE_BROKER)
        for name in (*OTHERS, *DENIED, DEAD_LETTERS):
            kafka.partition_set_leader(name, 0, OTHERS_BROKER)
        kafka.partition_set_leader(VICTIM, 0, VICTIM_BROKER)
        kafka.set_coordinator(GROUP, SOURCE_BROKER)
        yield kafka


def make_program(kafka: MockKafka, **settings: object) -> Program:
    """The program, not started yet."""
    return Program(kafka.bootstrap, SOURCE, GROUP, **PROGRAM_SETTINGS | settings)


def make_load(kafka: MockKafka) -> Load:
    """Events for all destinations, not started yet."""
    return Load(kafka.bootstrap, SOURCE, NAMESPACES, rate=RATE, partitions=PARTITIONS)


@contextmanager
def running(**settings: object) -> Iterator[Rig]:
    """The program under load; at the end everything written is committed and delivered, and the program ends with 0."""
    with mock() as kafka, make_program(kafka, **settings) as program, make_load(kafka) as load:
        rig = Rig(kafka, program, load)
        rig.recover(30)
        yield rig
        load.stop()
        rig.recover(60)
        assert program.terminate() == ExitCode.OK
        rig.check()
