"""A rolling update as the Deployment does it, with processes in place of pods; and how long partitions stood still."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from bench.broker import LocalKafka
from bench.program import Program
from tests.support.asking import Asked, free_port
from tests.support.figures import appended_ms
from tests.support.topics import Record

BASE = Path(__file__).parents[2] / "deploy" / "base"
READY_S = 60.0
REQUEST_S = 10.0


class Deployed(NamedTuple):
    """What deploy/base says of a replica and of an update."""

    settings: dict[str, str]
    surge: int
    unavailable: int
    min_ready_s: float  # for which a replica has to be ready to count as available
    grace_s: float  # from SIGTERM to SIGKILL


def deployed() -> Deployed:
    """What it says now."""
    spec: dict[str, Any] = yaml.safe_load((BASE / "deployment.yaml").read_text())["spec"]
    lines = (BASE / "settings.env").read_text().splitlines()
    update, pod = spec["strategy"]["rollingUpdate"], spec["template"]["spec"]
    return Deployed(
        settings={
            name: value for name, _, value in (line.partition("=") for line in lines if line[:1] not in ("", "#"))
        },
        surge=update["maxSurge"],
        unavailable=update["maxUnavailable"],
        min_ready_s=spec.get("minReadySeconds", 0),
        grace_s=pod["terminationGracePeriodSeconds"],
    )


class Replica:
    """One pod: the real program, and its probe."""

    def __init__(self, kafka: LocalKafka, topic: str, settings: Mapping[str, Any]) -> None:
        self._asked = Asked(free_port())
        self.program = Program(kafka.bootstrap, topic, topic, **settings, **self._asked.settings)

    @contextmanager
    def run(self) -> Iterator["Replica"]:
        """From its start to its end, whichever way that comes."""
        with self.program:
            yield self

    def wait_ready(self) -> None:
        """Until the readiness probe says yes."""
        self._asked.wait_code("/readyz", 200, READY_S)


class Step(NamedTuple):
    """One replica exchanged: how long the old one took to end, and the new one from its start until it was ready."""

    drain_s: float
    start_s: float


def exchange(old: Replica, new: Replica, manifest: Deployed, stack: ExitStack) -> Step:
    """Stop the old one; when it has ended start the new one, and wait until it counts as available."""
    began = time.monotonic()
    assert old.program.terminate(manifest.grace_s) == 0
    ended = time.monotonic()
    stack.enter_context(new.run())
    new.wait_ready()
    ready = time.monotonic()
    time.sleep(manifest.min_ready_s)  # as the Deployment does
    return Step(ended - began, ready - ended)


def shared(replicas: Iterable[Replica], partitions: int) -> bool:
    """Whether these hold all partitions, each as many as the others or one more."""
    held = [replica.program.assigned() for replica in replicas]
    counts = [len(own) for own in held]
    return sum(counts) == partitions == len(set().union(*held)) and max(counts) - min(counts) <= 1


def pauses_s(written: Iterable[Record], delivered: Iterable[Record], since_ms: float) -> dict[int, float]:
    """Of each partition of the source, the longest time that a record was under way which was written since then.

    From append to append, by the broker's clock. The first record after a partition has come to stand still is under
    way for as long as it stands.
    """
    arrived = appended_ms(delivered)
    found: dict[int, float] = {}
    for record in written:
        _, at_ms = record.timestamp
        if at_ms >= since_ms:
            under_way_s = (arrived[record.value] - at_ms) / 1000
            found[record.partition] = max(found.get(record.partition, 0.0), under_way_s)
    return found


def broker_setting(kafka: LocalKafka, name: str) -> str:
    """What the broker has this setting at, by its own word."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    resource = ConfigResource(ResourceType.BROKER, "0")
    value = admin.describe_configs([resource], request_timeout=REQUEST_S)[resource].result()[name].value
    assert value is not None
    return str(value)
