"""A program of the comparison at work, for tests: a filled source, destinations, and what has to be so in them."""

import contextlib
import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from subprocess import STDOUT, Popen

import msgspec

from bench.broker import LocalKafka
from bench.broker.tether import Tether
from bench.destinations import Destinations
from bench.load import Shape, Written, fill
from bench.peers.peer import ROOT, Job, Peer, base_environment
from tests.support.topics import committed, wait_until

SOURCE = "peers-source"
PARTITIONS = 2
DELIVERED_S = 60.0
STOPPED_S = 40.0


class Ground(msgspec.Struct, frozen=True):
    """A broker of their own, because the destinations are named by the generator of the events."""

    kafka: LocalKafka
    written: Written
    destinations: Destinations

    def arrived(self) -> int:
        return self.destinations.counts().total()

    def committed(self, job: Job) -> int:
        """Over both partitions; offsets begin at 0, so it is the number of events."""
        return sum(committed(job.bootstrap, job.group, job.topic).values())


@contextlib.contextmanager
def ground(events: int, namespaces: int) -> Iterator[Ground]:
    """A source with so many events, some of them with headers, and their destinations."""
    with LocalKafka() as kafka:
        kafka.create_topic(SOURCE, PARTITIONS)
        written = fill(kafka.bootstrap, SOURCE, events, Shape(namespaces=namespaces, headers=0.3))
        yield Ground(kafka, written, Destinations(kafka, written.namespaces))


def assert_delivers_and_stops(peer: Peer, there: Ground, log: Path) -> None:
    """It delivers every event once and as it was, over a stop in the middle, and commits what it has delivered.

    Both stops are SIGTERM, and both have to end it with 0. The second start is of the same group.
    """
    peer.build()
    there.destinations.empty()
    job = Job(there.kafka.bootstrap, SOURCE, f"{peer.name}-{uuid.uuid4().hex[:8]}")
    every = there.written.counts.total()
    with _running(peer, job, log) as process:
        wait_until(lambda: there.arrived() > 0, DELIVERED_S, "the first event")
        _stop(process, log)
    assert there.committed(job) == there.arrived()
    with _running(peer, job, log) as process:
        wait_until(lambda: there.arrived() >= every, DELIVERED_S, "the last event")
        _stop(process, log)
    assert there.committed(job) == every
    assert there.destinations.counts() == there.written.counts
    assert there.destinations.holds(there.written.watched, there.written.events, peer.loses)


@contextlib.contextmanager
def _running(peer: Peer, job: Job, log: Path) -> Iterator["Popen[bytes]"]:
    """The program's process, killed at the end if it still runs; what it says is in the log."""
    tether = Tether()
    started = peer.start(job)
    try:
        with log.open("wb") as file:
            environment = base_environment() | started.environment
            yield tether.popen(started.command, stdout=file, stderr=STDOUT, environment=environment, folder=str(ROOT))
    finally:
        tether.close()


def _stop(process: "Popen[bytes]", log: Path) -> None:
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(STOPPED_S) == 0, log.read_text(errors="replace")
