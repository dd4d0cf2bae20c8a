"""The peers in Java do the job that is measured: all is delivered, nothing changed, nothing committed too early."""

import subprocess
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from bench.broker import LocalKafka
from bench.destinations import Destinations
from bench.drain import drain
from bench.load import Shape, Written, fill
from bench.peers import kafka_clients, kafka_streams
from bench.peers.peer import Job, Peer, base_environment
from tests.support.samples import event
from tests.support.topics import Record, committed, produce

SOURCE = "backlog"
EVENTS = 4_000
PEERS = [*kafka_clients.PEERS, *kafka_streams.PEERS]
END_TIMEOUT_S = 60.0
SMALL = {"max.message.bytes": "2000"}

each_peer = pytest.mark.parametrize("peer", PEERS, ids=[peer.name for peer in PEERS])


class Backlog(NamedTuple):
    kafka: LocalKafka
    written: Written
    destinations: Destinations


@pytest.fixture(scope="module")
def backlog() -> Iterator[Backlog]:
    """On a broker of its own: the namespaces of the generator have the same names for everybody."""
    with LocalKafka() as kafka:
        kafka.create_topic(SOURCE, partitions=2)
        written = fill(kafka.bootstrap, SOURCE, EVENTS, Shape(namespaces=6, headers=0.5))
        yield Backlog(kafka, written, Destinations(kafka, written.namespaces))


@each_peer
def test_delivers_each_event_once_and_as_it_was_and_stops_with_the_end_committed(peer: Peer, backlog: Backlog) -> None:
    peer.build()
    backlog.destinations.empty()
    # It waits for the end to be committed, sends SIGTERM, and fails if the exit code is not 0.
    turn = drain(peer, backlog.kafka, SOURCE)
    assert turn.events == EVENTS
    assert backlog.destinations.counts() == backlog.written.counts
    assert backlog.destinations.holds(backlog.written.watched, backlog.written.events)


@each_peer
@pytest.mark.parametrize(("why", "padding"), [("RecordTooLarge", "x" * 3_000), ("not JSON", None)])
def test_ends_at_an_event_that_cannot_be_delivered_and_commits_nothing_beyond_it(
    peer: Peer, backlog: Backlog, prefix: str, why: str, padding: str | None
) -> None:
    bootstrap, destination = backlog.kafka.bootstrap, f"{prefix}-small"
    backlog.kafka.create_topic(prefix)
    backlog.kafka.create_topic(destination, config=SMALL)
    bad = b"{" if padding is None else event(destination, "pod", 1, padding=padding)
    good = event(destination, "pod", 0, padding="")
    produce(bootstrap, prefix, [Record(good), Record(bad), Record(good)])
    peer.build()
    started = peer.start(Job(bootstrap, prefix, prefix))
    ended = subprocess.run(
        started.command,
        env=base_environment() | started.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=END_TIMEOUT_S,
        check=False,
    )
    assert ended.returncode == 1, ended.stdout
    assert why in ended.stdout
    assert committed(bootstrap, prefix, prefix).get(0, 0) <= 1
