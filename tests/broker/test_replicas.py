"""Several replicas in one group: a third joins, one is stopped, one is killed; in both group protocols."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from bench.broker import LocalKafka
from bench.program import Program
from tests.support.comparing import Group, assert_complete, assert_ordered, committed, wait_caught_up
from tests.support.load import Load
from tests.support.topics import read_all, read_topics, wait_until

PARTITIONS = 6
SESSION_MS = 6_000
LEASE_MS = 3_000
PROTOCOLS: dict[str, dict[str, str]] = {
    "classic": {"KAFKA_SESSION_TIMEOUT_MS": str(SESSION_MS), "KAFKA_HEARTBEAT_INTERVAL_MS": "500"},
    "consumer": {},  # there it is the broker's to say
}


@pytest.fixture(scope="module")
def quick() -> Iterator[LocalKafka]:
    """A broker that gives up a member that is silent soon."""
    config = {
        "group.consumer.session.timeout.ms": str(SESSION_MS),
        "group.consumer.heartbeat.interval.ms": "500",
    }
    with LocalKafka(config=config) as running:
        yield running


def shared(*replicas: Program) -> bool:
    """Whether each of these holds as many partitions as the others, and together they hold all."""
    held = [replica.assigned() for replica in replicas]
    alike = {len(partitions) for partitions in held} == {PARTITIONS // len(replicas)}
    return alike and set().union(*held) == set(range(PARTITIONS))


def reached(offsets: dict[int, int], ends: dict[int, int]) -> bool:
    """Whether everything up to these ends is committed."""
    return all(offsets.get(partition, 0) >= end for partition, end in ends.items())


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_nothing_is_lost_when_replicas_come_and_go(quick: LocalKafka, prefix: str, protocol: str) -> None:
    namespaces = [f"{prefix}-{number}" for number in range(5)]
    quick.create_topic(prefix, PARTITIONS)
    settings: dict[str, Any] = {"GROUP_PROTOCOL": protocol, "LEASE_MS": LEASE_MS, **PROTOCOLS[protocol]}
    # So seldom that what is not committed when a partition is given back would be delivered twice.
    settings["COMMIT_INTERVAL_MS"] = 1_500

    def replica() -> Program:
        return Program(quick.bootstrap, prefix, prefix, **settings)

    with (
        replica() as first,
        replica() as second,
        Load(quick.bootstrap, prefix, namespaces, rate=600, partitions=PARTITIONS) as load,
    ):
        first.wait_for("joining", protocol=protocol)
        wait_until(lambda: shared(first, second), 30, "two replicas to share")
        with replica() as third:
            wait_until(lambda: shared(first, second, third), 30, "the third replica to get its share")
            assert first.terminate() == 0
            wait_until(lambda: shared(second, third), 30, "two replicas to share after a stop")
            with Group(quick.bootstrap, prefix, prefix) as group:
                ends = group.ends()
                wait_until(lambda: reached(group.committed(), ends), 20, "commits of all that was there by then")
            before_death = committed(quick.bootstrap, prefix, prefix)
            second.kill()
            wait_until(lambda: shared(third), 30, "the last replica to have all after a death")
            sent = load.stop()
            wait_caught_up(quick.bootstrap, prefix, prefix)
            assert third.terminate() == 0
    assert_ordered(quick.bootstrap, sent)
    twice = assert_complete(quick.bootstrap, sent)
    print(f"{protocol}: delivered twice: {twice} of {len(sent)}")
    # Joining and stopping repeat nothing, and a death only what was not committed.
    settled = [r for r in read_all(quick.bootstrap, prefix) if r.offset < before_death.get(r.partition, 0)]
    found = Counter(r.value for records in read_topics(quick.bootstrap, namespaces).values() for r in records)
    assert settled
    assert [record.offset for record in settled if found[record.value] != 1] == []
