"""HTTP of a replica to which events come as fast as they can be written: all who ask are answered, and it delivers.

Figures are printed (`pytest -rP`); what is asserted of times is loose, for the machine is shared.
"""

import contextlib
import multiprocessing
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from bench.broker import LocalKafka
from bench.load import Shape, fill
from bench.program import Program
from tests.support.asking import Asked, free_port
from tests.support.comparing import wait_caught_up
from tests.support.figures import percentile, told
from tests.support.topics import wait_until

EVENTS = 200_000
CROWD = 1_000
PATHS = ("/metrics", "/livez", "/status")
EVERY_S = 0.01
P50_S = 0.5  # quiet: 0.002; its 99th percentile is 0.04, and on a busy machine whatever that makes of it
HALF = b"GET /status HTTP/1.1\r\nHost: x\r\nX: "  # of a request whose end never comes


class Drained(NamedTuple):
    """What came of one load."""

    took_s: float
    answered_s: list[float]
    refused: list[tuple[str, int, str]]
    files_left: int  # that the supervisor has open after it, more than before


def files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


@contextlib.contextmanager
def asking(asked: Asked, answered_s: list[float], refused: list[tuple[str, int, str]]) -> Iterator[None]:
    """Ask all paths in turn, from a thread, as often as EVERY_S."""
    end = threading.Event()

    def ask() -> None:
        while not end.is_set():
            for path in PATHS:
                begun = time.monotonic()
                code, text = asked.get(path)
                answered_s.append(time.monotonic() - begun)
                if code != 200:
                    refused.append((path, code, text))
                end.wait(EVERY_S)

    thread = threading.Thread(target=ask, name="asking")
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


@contextlib.contextmanager
def crowd(port: int, count: int) -> Iterator[None]:
    """So many clients that send half of a request."""
    clients = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(count)]
    try:
        for client in clients:
            with contextlib.suppress(ConnectionError):  # it had to make room
                client.sendall(HALF)
        yield
    finally:
        for client in clients:
            client.close()


def drained(kafka: LocalKafka, topic: str, clients: int) -> Drained:
    kafka.create_topic(topic, 2)
    asked = Asked(free_port())
    answered_s: list[float] = []
    refused: list[tuple[str, int, str]] = []
    with Program(kafka.bootstrap, topic, topic, **asked.settings) as program:
        wait_until(lambda: program.assigned() == {0, 1}, 30, "its partitions")
        before = files(program.pid)
        # In a process of its own: what writes must not keep what asks from running.
        with (
            ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as writer,
            crowd(asked.port, clients),
            asking(asked, answered_s, refused),
        ):
            begun = time.monotonic()
            writer.submit(fill, kafka.bootstrap, topic, EVENTS, Shape(namespaces=20)).result()
            wait_caught_up(kafka.bootstrap, topic, topic)
            took_s = time.monotonic() - begun
        # Its own clients may have opened some connections to the broker meanwhile.
        wait_until(lambda: files(program.pid) < before + 32, 30, "the connections of the crowd to be closed")
        left = files(program.pid) - before
        assert program.terminate() == 0
        assert program.totals()["delivered"] == EVENTS
    return Drained(took_s, answered_s, refused, left)


@pytest.mark.parametrize("clients", [0, CROWD])
def test_what_asks_is_answered_under_full_load(kafka: LocalKafka, prefix: str, clients: int) -> None:
    found = drained(kafka, prefix, clients)
    print(told(f"{clients} other clients: answers", [seconds * 1000 for seconds in found.answered_s]))
    print(f"{clients} other clients: {EVENTS / found.took_s:,.0f} events/s, {found.files_left} files more")
    assert not found.refused
    assert percentile(found.answered_s, 0.5) < P50_S
