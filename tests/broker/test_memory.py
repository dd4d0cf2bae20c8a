"""Resident memory of worker and supervisor with a backlog behind them and a broker that answers in strokes."""

import os
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import pytest

from bench.broker import LocalKafka
from bench.program import Program
from tests.support.comparing import assert_complete, wait_caught_up
from tests.support.load import write
from tests.support.samples import PADDING, event
from tests.support.topics import Record, wait_until
from tests.support.watching import MEGABYTE, Watch

BACKLOG = int(os.environ.get("BACKLOG_EVENTS", "60000"))
NAMESPACES = 50
WORKER_MAX = 200 * MEGABYTE
SUPERVISOR_MAX = 80 * MEGABYTE
HANGS_S, ANSWERS_S = 0.25, 0.05
STROKES = 40  # so long that the in-flight bound is reached many times over


@pytest.fixture(scope="module")
def private() -> Iterator[LocalKafka]:
    """A broker that is stopped and continued here."""
    with LocalKafka() as running:
        yield running


class Slow:
    """Makes a broker slow, in strokes, until left."""

    def __init__(self, kafka: LocalKafka) -> None:
        self._kafka = kafka
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._strike, name="slow broker", daemon=True)
        self.strokes = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    def _strike(self) -> None:
        while not self._end.is_set():
            self._kafka.pause()
            self._end.wait(HANGS_S)
            self._kafka.resume()
            self._end.wait(ANSWERS_S)
            self.strokes += 1


@pytest.mark.timeout(600)
def test_memory_is_bounded_with_a_backlog_and_a_slow_broker(private: LocalKafka, prefix: str) -> None:
    private.create_topic(prefix)
    names = [f"{prefix}-{number}" for number in range(NAMESPACES)]
    padding = PADDING * 2  # 1.1 kB a record
    sent = [
        Record(event(names[number % NAMESPACES], f"pod-{number % 7}", number, padding=padding), b"k", partition=0)
        for number in range(BACKLOG)
    ]
    write(private.bootstrap, prefix, sent)
    with Program(private.bootstrap, prefix, prefix) as program:
        program.worker(0)
        with Watch(program.workers) as worker, Watch(lambda: [program.pid]) as supervisor:
            with Slow(private) as slow:
                wait_until(lambda: slow.strokes >= STROKES, 120, "a slow broker for a while")
            wait_caught_up(private.bootstrap, prefix, prefix, 300)
        assert not program.lines("worker died")
        assert program.terminate() == 0
    print(
        f"{BACKLOG} events of {len(sent[0].value or b'')} bytes, at most: "
        f"worker {worker.most}; supervisor {supervisor.most}"
    )
    assert worker.most.rss < WORKER_MAX
    assert supervisor.most.rss < SUPERVISOR_MAX
    assert_complete(private.bootstrap, sent)
