"""What every measurement leaves: a JSON file with its raw samples, and on what and with what they were measured."""

import os
import platform
import shlex
import sys
import time
from pathlib import Path
from typing import Generic, TypeVar

import confluent_kafka
import msgspec
import psutil

import fanout
from bench.broker.jars import kafka_version
from bench.broker.target import LOCAL_TOLD
from bench.peers.peer import ROOT

OUT = ROOT / "bench" / "out"

T = TypeVar("T")


class Machine(msgspec.Struct, frozen=True):
    """What it was measured on."""

    cpu: str
    cores: int
    memory_bytes: int
    kernel: str


class Result(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One measurement. `data` is its own kind, with the raw samples; figures are worked out from them when shown.

    `cluster` is "local broker", or the user's: its address, its brokers, and what is to be known of its topics.
    """

    name: str
    begun: str  # local time with its offset from UTC
    took_s: float
    command: str
    machine: Machine
    versions: dict[str, str]
    cluster: str = LOCAL_TOLD
    data: T


class Measuring:
    """The frame around a measurement: made before it begins, it makes the Result when it has ended.

    `cluster` is what `bench.broker.Target.told` says.
    """

    def __init__(self, name: str, cluster: str = LOCAL_TOLD) -> None:
        self._name = name
        self.cluster = cluster
        self._begun = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        self._started = time.monotonic()

    def result(self, data: T) -> "Result[T]":
        """What came of it. Which version of Kafka the user's cluster has is not known."""
        local = self.cluster == LOCAL_TOLD
        return Result(
            name=self._name,
            begun=self._begun,
            took_s=round(time.monotonic() - self._started, 3),
            command=shlex.join(["python", "-m", "bench", *sys.argv[1:]]),
            machine=machine(),
            versions={name: version for name, version in versions().items() if local or name != "kafka"},
            cluster=self.cluster,
            data=data,
        )


def machine() -> Machine:
    """This one."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return Machine(
        cpu=models[0].partition(":")[2].strip() if models else platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=psutil.virtual_memory().total,
        kernel=platform.release(),
    )


def versions() -> dict[str, str]:
    """Of what a figure depends on."""
    return {
        "events-fanout": fanout.__version__,
        "python": platform.python_version(),
        "confluent-kafka": str(confluent_kafka.version()),
        "librdkafka": str(confluent_kafka.libversion()[0]),
        "kafka": kafka_version(),
    }


def save(result: "Result[T]") -> Path:
    """Write it to bench/out, under its name and the time; the file, relative to the checkout."""
    OUT.mkdir(exist_ok=True)
    path = OUT / f"{result.name}-{time.strftime('%Y%m%d-%H%M%S')}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    return path.relative_to(ROOT)


def load(path: Path, data: type[T]) -> "Result[T]":
    """Read one back. Raises msgspec.ValidationError with the field if it holds another measurement."""
    return msgspec.json.decode(path.read_bytes(), type=Result[data])  # type: ignore[valid-type]


def newest(name: str, folder: Path = OUT) -> Path | None:
    """The last one of that name; None if there is none."""
    return max(folder.glob(f"{name}-[0-9]*.json"), default=None)
