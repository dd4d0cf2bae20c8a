"""A supervisor that hangs for longer than its session: its workers stop by their lease, and it moves nothing back."""

import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import pytest

from bench.broker import LocalKafka
from bench.program import Program
from fanout.errors import ExitCode
from tests.support.comparing import Group, assert_complete, assert_ordered, wait_caught_up
from tests.support.load import Load
from tests.support.topics import wait_until

PARTITIONS = 4
SESSION_MS = 6_000
LEASE_MS = 3_000
PROTOCOLS: dict[str, dict[str, str]] = {
    "classic": {"KAFKA_SESSION_TIMEOUT_MS": str(SESSION_MS), "KAFKA_HEARTBEAT_INTERVAL_MS": "500"},
    "consumer": {},  # there it is the broker's to say
}


@pytest.fixture(scope="module")
def quick() -> Iterator[LocalKafka]:
    """A broker that gives up a member that is silent soon."""
    config = {
        "group.consumer.session.timeout.ms": str(SESSION_MS),
        "group.consumer.heartbeat.interval.ms": "500",
    }
    with LocalKafka(config=config) as running:
        yield running


class Watch:
    """Looks at the committed offsets of a group many times a second, and keeps what it saw move back."""

    def __init__(self, bootstrap: str, group: str, topic: str) -> None:
        self._group = Group(bootstrap, group, topic)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)
        self._failed: Exception | None = None
        self.latest: dict[int, int] = {}
        self.looks = 0
        self.moved_back: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._group.__exit__(None, None, None)
        if error is None and self._failed is not None:
            raise self._failed

    def _look(self) -> None:
        try:
            while not self._stop.wait(0.02):
                for partition, offset in self._group.committed().items():
                    before = self.latest.get(partition, 0)
                    if offset < before:
                        self.moved_back.append(f"{datetime.now(UTC)}: partition {partition} from {before} to {offset}")
                    self.latest[partition] = offset
                self.looks += 1
        except Exception as error:  # noqa: BLE001 - told where the thread is joined
            self._failed = error


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_supervisor_that_hangs_is_replaced_and_moves_no_offset_back(
    quick: LocalKafka, prefix: str, protocol: str
) -> None:
    namespaces = [f"{prefix}-{number}" for number in range(5)]
    quick.create_topic(prefix, PARTITIONS)
    settings: dict[str, Any] = {"GROUP_PROTOCOL": protocol, "LEASE_MS": LEASE_MS, **PROTOCOLS[protocol]}
    everything = set(range(PARTITIONS))
    with (
        Watch(quick.bootstrap, prefix, prefix) as watch,
        Program(quick.bootstrap, prefix, prefix, **settings) as hangs,
        Program(quick.bootstrap, prefix, prefix, **settings) as healthy,
        Load(quick.bootstrap, prefix, namespaces, rate=400, partitions=PARTITIONS) as load,
    ):
        wait_until(lambda: len(hangs.assigned()) == len(healthy.assigned()) == PARTITIONS // 2, 30, "two halves")
        wait_until(lambda: len(watch.latest) == PARTITIONS, 30, "deliveries of every partition")
        workers = hangs.workers()
        hangs.signal(signal.SIGSTOP)
        wait_until(lambda: not hangs.workers(), LEASE_MS / 1000 + 5, "the workers to end by their lease")
        wait_until(lambda: healthy.assigned() == everything, 40, "the other replica to take over")
        taken_over = dict(watch.latest)
        wait_until(lambda: all(watch.latest[p] > taken_over[p] for p in everything), 20, "deliveries by the other")
        hangs.signal(signal.SIGCONT)
        wait_until(lambda: hangs.workers() and hangs.workers() != workers, 40, "the one that hung to work again")
        wait_until(lambda: len(hangs.assigned()) == len(healthy.assigned()) == PARTITIONS // 2, 30, "two halves again")
        sent = load.stop()
        wait_caught_up(quick.bootstrap, prefix, prefix)
        ended = [line["exit_code"] for line in hangs.lines("worker died") + hangs.lines("worker stopped")]
        assert ended.count(ExitCode.WORKER_LEASE_EXPIRED) == len(workers)
        assert watch.moved_back == []
        assert hangs.terminate() == 0
        assert healthy.terminate() == 0
    assert watch.moved_back == []
    twice = assert_complete(quick.bootstrap, sent)
    assert_ordered(quick.bootstrap, sent)
    print(f"{protocol}: delivered twice: {twice} of {len(sent)}; looked {watch.looks} times")
