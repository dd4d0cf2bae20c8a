"""Faults of the broker: restarted, killed, paused, throttling, its leaders elsewhere."""

import random
import subprocess
import time

from bench.broker.jars import kafka_jars, tool
from bench.chaos.faults.base import Done, Fault
from bench.chaos.stage import Stage

QUOTA_BYTES = 60_000  # a second, of produce requests


def _node(stage: Stage, rng: random.Random) -> int:
    return rng.randrange(stage.plan.nodes)


def _restarted(stage: Stage, rng: random.Random) -> Done | None:
    node = _node(stage, rng)
    with stage.broker_lock:
        stage.kafka.restart(node)
    return Done(f"node {node}", time.monotonic())


def _killed(stage: Stage, rng: random.Random) -> Done | None:
    node, seconds = _node(stage, rng), rng.choice([0.0, 2.0, 5.0])
    with stage.broker_lock:
        stage.kafka.kill(node)
        time.sleep(seconds)
        stage.kafka.start(node)
    return Done(f"node {node}, for {seconds:g} s and its start", time.monotonic())


def _paused(stage: Stage, rng: random.Random) -> Done | None:
    node, seconds = _node(stage, rng), rng.choice([1.0, 3.0, 6.0])
    with stage.broker_lock:
        stage.kafka.pause(node)
        time.sleep(seconds)
        stage.kafka.resume(node)
    return Done(f"node {node}, for {seconds:g} s", time.monotonic())


def _throttled(stage: Stage, _: random.Random) -> Done | None:
    """By a quota on what the program's clients may produce."""
    with stage.broker_lock:
        _quota(stage, "--add-config", f"producer_byte_rate={QUOTA_BYTES}")
        time.sleep(3.0)
        _quota(stage, "--delete-config", "producer_byte_rate")
    return Done(f"{QUOTA_BYTES // 1000} kB/s", time.monotonic())


def _quota(stage: Stage, *change: str) -> None:
    command = [
        tool("java", "openjdk-17-jre-headless"),
        "-Xmx256m",
        "-XX:TieredStopAtLevel=1",
        "-cp",
        f"{kafka_jars()}/*",
    ]
    command += ["kafka.admin.ConfigCommand", "--bootstrap-server", stage.bootstrap, "--alter"]
    subprocess.run(
        [*command, *change, "--entity-type", "clients", "--entity-name", stage.group],
        check=True,
        capture_output=True,
        timeout=60,
    )


def _leader_moved(stage: Stage, rng: random.Random) -> Done | None:
    """Away from a node that is stopped for a while; the controller moves them back when it has caught up."""
    node = _node(stage, rng)
    with stage.broker_lock:
        stage.kafka.stop(node)
        time.sleep(1.0)
        stage.kafka.start(node)
    return Done(f"from node {node} and back", time.monotonic())


BROKERS: dict[str, Fault] = {
    "broker-restarted": _restarted,
    "broker-killed": _killed,
    "broker-paused": _paused,
    "broker-throttled": _throttled,
    "leader-moved": _leader_moved,
}
