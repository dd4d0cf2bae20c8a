"""What the ScaledObject asks for against what replicas really do: partitions, workers, the lag of the group.

KEDA itself does not run here: what it makes of a lag is its arithmetic, told in `pods_for`.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import NamedTuple

import pytest
from confluent_kafka import Producer

from bench.broker import LocalKafka
from fanout.config import load
from tests.deploy.kustomize import PROD, manifests, one, variables_of
from tests.deploy.rollout import Replica, shared
from tests.support.comparing import Group, assert_exactly, assert_ordered, wait_caught_up
from tests.support.load import Load
from tests.support.prefix import prefix
from tests.support.topics import wait_until

pytestmark = pytest.mark.timeout(600)  # its waits have deadlines of their own, of which several may be used up

__all__ = ["prefix"]

RATE = 200
SETTLED_S = 90.0


class Scaling(NamedTuple):
    """The figures of prod's manifests that have to fit one another."""

    fewest: int
    most: int
    threshold: int
    partitions: int
    workers_max: int


@pytest.fixture(scope="module")
def scaling() -> Scaling:
    built = manifests(PROD)
    spec = one(built, "ScaledObject", "events-fanout")["spec"]
    [trigger] = spec["triggers"]
    metadata = trigger["metadata"]
    given = {name: value for name, value in variables_of(PROD).items() if not name.startswith("KAFKA_")}
    settings = load(given, {}).settings
    assert (metadata["topic"], metadata["consumerGroup"]) == (settings.topic, settings.groupid)
    assert metadata["offsetResetPolicy"] == "earliest"
    assert "allowIdleConsumers" not in metadata, "a pod without a partition would be of no use"
    return Scaling(
        spec["minReplicaCount"],
        spec["maxReplicaCount"],
        int(metadata["lagThreshold"]),
        one(built, "KafkaTopic", metadata["topic"])["spec"]["partitions"],
        settings.workers_max,
    )


@pytest.fixture(scope="module")
def kafka() -> Iterator[LocalKafka]:
    with LocalKafka() as running:
        yield running


def pods_for(scaling: Scaling, lag: Mapping[int, int]) -> int:
    """How many pods KEDA and the autoscaler ask for: lag over threshold, capped by partitions, then by the bounds."""
    total = min(sum(lag.values()), scaling.partitions * scaling.threshold)
    return min(max(math.ceil(total / scaling.threshold), scaling.fewest), scaling.most)


def backlog(kafka: LocalKafka, topic: str, partitions: int, records: int) -> None:
    """Write so many records, spread over all partitions, of which only the number counts."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "queue.buffering.max.messages": 0, "linger.ms": 50})
    each = [{"value": b"{}"}] * math.ceil(records / partitions)
    for partition in range(partitions):
        assert producer.produce_batch(topic, each, partition) == len(each)
    assert producer.flush(120) == 0


def test_between_the_bounds_each_replica_has_its_share_and_never_more_workers_than_it_may(
    kafka: LocalKafka, prefix: str, scaling: Scaling
) -> None:
    kafka.create_topic(prefix, scaling.partitions)
    namespaces = [f"{prefix}-{number}" for number in range(5)]
    settings = {"WORKERS_MAX": scaling.workers_max, "GROUP_PROTOCOL": "consumer", "COMMIT_INTERVAL_MS": 5_000}
    replicas: list[Replica] = []
    with ExitStack() as stack:
        writing = None
        for count in range(scaling.fewest, scaling.most + 1):
            while len(replicas) < count:
                replicas.append(stack.enter_context(Replica(kafka, prefix, settings).run()))
            # Also with the fewest somebody has each partition; also with the most nobody has none.
            wait_until(lambda: shared(replicas, scaling.partitions), SETTLED_S, f"{count} replicas to share")
            for replica in replicas:
                wait_until(replica.program.workers, 30, "workers")
                assert len(replica.program.workers()) <= scaling.workers_max
            writing = writing or stack.enter_context(
                Load(kafka.bootstrap, prefix, namespaces, rate=RATE, partitions=scaling.partitions)
            )
            print(f"{count} replicas: {[len(replica.program.assigned()) for replica in replicas]} partitions")
        assert writing is not None
        # And back to the fewest, as when the lag is gone: the last pods are stopped, none is started.
        for replica in replicas[scaling.fewest :]:
            assert replica.program.terminate() == 0
        left = replicas[: scaling.fewest]
        wait_until(lambda: shared(left, scaling.partitions), SETTLED_S, "the fewest replicas to share")
        sent = writing.stop()
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        assert [replica.program.terminate() for replica in left] == [0] * scaling.fewest
    assert_exactly(kafka.bootstrap, sent)
    assert_ordered(kafka.bootstrap, sent)


def test_a_lag_asks_for_as_many_replicas_as_drain_it_in_time(kafka: LocalKafka, prefix: str, scaling: Scaling) -> None:
    kafka.create_topic(prefix, scaling.partitions)
    settings = {"WORKERS_MAX": scaling.workers_max}
    with Group(kafka.bootstrap, prefix, prefix) as group:
        assert pods_for(scaling, group.lag()) == scaling.fewest  # nothing is there
        with Load(kafka.bootstrap, prefix, [f"{prefix}-a"], rate=RATE, partitions=scaling.partitions) as writing:
            wait_until(lambda: writing.acknowledged > RATE, 60, "events")
        assert sum(group.lag().values()) == len(writing.sent)  # all of it counts before the first commit
        with Replica(kafka, prefix, settings).run() as replica:
            wait_caught_up(kafka.bootstrap, prefix, prefix)
            assert replica.program.terminate() == 0
        assert pods_for(scaling, group.lag()) == scaling.fewest
        # As much as the fewest drain in time, and a little more.
        backlog(kafka, prefix, scaling.partitions, scaling.fewest * scaling.threshold + scaling.partitions)
        lag = group.lag()
    wanted = pods_for(scaling, lag)
    print(f"lag {sum(lag.values())}, threshold {scaling.threshold}: {wanted} replicas")
    assert wanted == scaling.fewest + 1


def test_no_lag_asks_for_more_replicas_than_there_are_partitions(scaling: Scaling) -> None:
    assert 1 < scaling.fewest < scaling.most <= scaling.partitions
    assert scaling.partitions % scaling.fewest == scaling.partitions % scaling.most == 0, (
        "or some would have more to do"
    )
    assert pods_for(scaling, {0: 10**9}) == scaling.most
    unbound = scaling._replace(most=10**6)
    assert pods_for(unbound, {0: 10**12}) == scaling.partitions
