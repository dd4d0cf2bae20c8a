"""One turn: a program drains the backlog of a source topic, and what that cost."""

import contextlib
import math
import os
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from subprocess import STDOUT, Popen
from tempfile import NamedTemporaryFile
from typing import IO

import msgspec
from confluent_kafka.admin import AdminClient

from bench.broker import Cluster, terms
from bench.broker.tether import Tether
from bench.cpu import Running, ended, reap, tree
from bench.nonfinite import NonFinite, restored
from bench.offsets import GroupReader, spans
from bench.peers.peer import ROOT, Job, Peer, base_environment

POLL_S = 0.2
STOP_TIMEOUT_S = 60.0


class Turn(msgspec.Struct, frozen=True):
    """What one drain took.

    `cpu_s`, `user_s`, `system_s` are of the whole process tree, from its start to its end. `wall_s` is from its start
    until the group had committed the end of the source, looked at every 0.2 s, so the program's own commit interval is
    in it. `broker_cpu_s` is what the broker used meanwhile, NaN of one that is not local. `processes` are those that
    lived then, the one that was started first: of events-fanout the supervisor, and then the workers.
    """

    peer: str
    events: int
    cpu_s: float
    user_s: float
    system_s: float
    wall_s: float
    broker_cpu_s: NonFinite
    processes: list[Running]

    def __post_init__(self) -> None:
        restored(self, math.nan, "broker_cpu_s")

    @property
    def peak_bytes(self) -> int:
        """Sum of the most resident memory that each of its processes ever had."""
        return sum(process.peak_bytes for process in self.processes)

    def draining_s(self, idle: "Turn") -> float:
        """Seconds without the start and the wait for the last commit, both as in a drain of two events.

        Where the backlog was so small that these are most of it, nothing is taken off: the difference would be noise.
        """
        less = self.wall_s - idle.wall_s
        return less if less > self.wall_s / 2 else self.wall_s


class DrainFailedError(RuntimeError):
    """The program ended too early, took too long, or left with an error; the message holds the tail of its output."""


def drain(peer: Peer, kafka: Cluster, topic: str, *, bootstrap: str | None = None, timeout_s: float = 600.0) -> Turn:
    """Have a program drain the topic in a group of its own, then end it with SIGTERM. Blocks until it has ended.

    `bootstrap` is what the program is told, by default the broker's own; what looks on goes past it. Raises
    DrainFailedError.
    """
    there = terms(kafka)
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap, "log_level": 2, **there.client})
    # A partition that is empty is never committed.
    ends = {partition: span.high for (_, partition), span in spans(admin, [topic]).items() if span.high > 0}
    job = Job(bootstrap or kafka.bootstrap, topic, f"{there.prefix}{peer.name}-{uuid.uuid4().hex[:8]}")
    started = peer.start(job)
    broker_before_s = kafka.cpu_s()
    begun = time.monotonic()
    environment = there.environment | started.environment
    with (
        GroupReader(kafka.bootstrap, job.group, there.client) as group,
        NamedTemporaryFile() as output,
        _running(started.command, environment, output) as process,
    ):
        while group.committed(topic, ends) != ends:
            if ended(process):
                raise DrainFailedError(f"{peer.name} ended before the backlog did\n{_tail(output)}")
            if time.monotonic() - begun > timeout_s:
                raise DrainFailedError(f"{peer.name} is not done after {timeout_s:g} s\n{_tail(output)}")
            time.sleep(POLL_S)
        wall_s = time.monotonic() - begun
        broker_cpu_s = kafka.cpu_s() - broker_before_s
        processes = tree(process.pid)
        os.kill(process.pid, signal.SIGTERM)
        usage = reap(process, STOP_TIMEOUT_S)
        if process.returncode != 0:
            raise DrainFailedError(f"{peer.name} exited with {process.returncode}\n{_tail(output)}")
    return Turn(
        peer=peer.name,
        events=sum(ends.values()),
        cpu_s=usage.cpu_s,
        user_s=usage.user_s,
        system_s=usage.system_s,
        wall_s=wall_s,
        broker_cpu_s=broker_cpu_s,
        processes=processes,
    )


@contextlib.contextmanager
def _running(command: list[str], environment: dict[str, str], output: IO[bytes]) -> Iterator[Popen[bytes]]:
    """The program's process; killed if it still runs at the end."""
    tether = Tether()
    environment = base_environment() | environment
    try:
        process = tether.popen(command, stdout=output, stderr=STDOUT, environment=environment, folder=str(ROOT))
        try:
            yield process
        finally:
            if process.returncode is None:
                os.kill(process.pid, signal.SIGKILL)
                reap(process, STOP_TIMEOUT_S)
    finally:
        tether.close()


def _tail(output: IO[bytes], lines: int = 20) -> str:
    # Read by name: the program, which may still write, has the same position in it as `output`.
    return "\n".join(Path(output.name).read_text(errors="replace").splitlines()[-lines:])
