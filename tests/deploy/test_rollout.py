"""A rolling update under load: nothing is lost, nothing comes twice, and how long a partition stands still meanwhile.

Figures are printed (`pytest -rP`), with the settings that they hang on.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from bench.broker import LocalKafka
from tests.deploy.rollout import Replica, broker_setting, deployed, exchange, pauses_s, shared
from tests.support.comparing import Group, assert_exactly, assert_ordered, wait_caught_up
from tests.support.figures import APPEND_TIME
from tests.support.load import Load
from tests.support.prefix import prefix
from tests.support.topics import read_all, read_topics, wait_until

pytestmark = pytest.mark.timeout(600)  # its waits have deadlines of their own, of which several may be used up

__all__ = ["prefix"]

PARTITIONS = 12
REPLICAS = 3
NAMESPACES = 10
RATE = 200  # so few that the processors are no limit: what is measured is the hand-over
SLACK_S = 1.0
HEARTBEAT = "group.consumer.heartbeat.interval.ms"
BESIDES = ("group.consumer.assignment.interval.ms", "group.consumer.session.timeout.ms")


@pytest.fixture(scope="module")
def kafka() -> Iterator[LocalKafka]:
    """Its groups are configured as a broker's are as shipped."""
    with LocalKafka() as running:
        yield running


@pytest.mark.parametrize("protocol", ["consumer", "classic"])
def test_a_rolling_update_loses_nothing_repeats_nothing_and_is_short(
    kafka: LocalKafka, prefix: str, protocol: str
) -> None:
    manifest = deployed()
    assert (manifest.surge, manifest.unavailable) == (0, 1), "so it is done below: one stops, then one starts"
    namespaces = [f"{prefix}-{number}" for number in range(NAMESPACES)]
    kafka.create_topic(prefix, PARTITIONS, config=APPEND_TIME)
    kafka.create_topics(namespaces, config=APPEND_TIME)
    # So seldom that what is not committed when a partition is given back would be delivered twice.
    settings = {"COMMIT_INTERVAL_MS": 5_000, **manifest.settings, "GROUP_PROTOCOL": protocol}
    old, new = ([Replica(kafka, prefix, settings) for _ in range(REPLICAS)] for _ in range(2))
    with ExitStack() as stack:
        for replica in old:
            stack.enter_context(replica.run())
        wait_until(lambda: shared(old, PARTITIONS), 60, "the old replicas to share")
        load = stack.enter_context(Load(kafka.bootstrap, prefix, namespaces, rate=RATE, partitions=PARTITIONS))
        with Group(kafka.bootstrap, prefix, prefix) as group:
            wait_until(lambda: group.delivering() == PARTITIONS, 60, "deliveries of all partitions")
        began_ms = time.time() * 1000
        steps = [exchange(*pair, manifest, stack) for pair in zip(old, new, strict=True)]
        wait_until(lambda: shared(new, PARTITIONS), 60, "the new replicas to share")
        sent = load.stop()
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        assert [replica.program.terminate(manifest.grace_s) for replica in new] == [0] * REPLICAS
    assert_exactly(kafka.bootstrap, sent)
    assert_ordered(kafka.bootstrap, sent)
    delivered = (record for records in read_topics(kafka.bootstrap, namespaces).values() for record in records)
    pauses = pauses_s(read_all(kafka.bootstrap, prefix), delivered, began_ms)
    assert len(pauses) == PARTITIONS
    longest_s, drain_s = max(pauses.values()), max(step.drain_s for step in steps)
    bound_s = int(broker_setting(kafka, HEARTBEAT)) / 1000 + drain_s + SLACK_S
    print(
        f"{protocol}: {REPLICAS} replicas exchanged under {RATE} events/s, {PARTITIONS} partitions, {len(sent)} events",
        f"of deploy/base: {manifest.settings}, minReadySeconds {manifest.min_ready_s}",
        f"of the broker: {', '.join(f'{name}={broker_setting(kafka, name)}' for name in (HEARTBEAT, *BESIDES))}",
        "drain, then start until ready: " + ", ".join(f"{step.drain_s:.2f} s, {step.start_s:.2f} s" for step in steps),
        "longest pause of each partition: " + ", ".join(f"{pauses[number]:.2f}" for number in sorted(pauses)),
        f"longest of all: {longest_s:.2f} s; heartbeat + drain + {SLACK_S:g} s = {bound_s:.2f} s (consumer only)",
        sep="\n",
    )
    if protocol == "consumer":
        assert longest_s <= bound_s
