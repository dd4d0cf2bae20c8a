"""The broker is away for a while: the same processes go on, and nothing is lost. With a broker of its own."""

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from bench.broker import LocalKafka
from bench.program import Program
from fanout.errors import ExitCode
from tests.support.comparing import (
    assert_complete,
    assert_exactly,
    assert_ordered,
    committed,
    delivering,
    wait_caught_up,
)
from tests.support.load import Load, write
from tests.support.samples import events
from tests.support.topics import wait_until

PARTITIONS = 2
AWAY_S = float(os.environ.get("BROKER_AWAY_S", "15"))
BACK_WITHIN_S = 30.0
# A member that cannot say goodbye holds its partitions for the rest of its session: let it be a short one.
SHORT_SESSION = {
    "GROUP_PROTOCOL": "classic",
    "KAFKA_SESSION_TIMEOUT_MS": "3000",
    "KAFKA_HEARTBEAT_INTERVAL_MS": "500",
    "LEASE_MS": "2000",
}


@pytest.fixture(scope="module")
def private() -> Iterator[LocalKafka]:
    """A broker that is stopped, killed and paused here."""
    with LocalKafka() as running:
        yield running


@pytest.mark.timeout(240)
def test_the_same_processes_go_on_and_a_start_meanwhile_waits_for_the_broker(private: LocalKafka, prefix: str) -> None:
    namespaces = [f"{prefix}-{number}" for number in range(10)]
    waiting, waiting_sent = f"{prefix}-late", events([f"{prefix}-late-a"], 50)
    private.create_topic(prefix, PARTITIONS)
    private.create_topic(waiting)
    write(private.bootstrap, waiting, waiting_sent)
    with (
        Program(private.bootstrap, prefix, prefix) as program,
        Load(private.bootstrap, prefix, namespaces, rate=300, partitions=PARTITIONS) as load,
    ):
        wait_until(lambda: delivering(private.bootstrap, prefix, prefix) == PARTITIONS, 20, "deliveries")
        before = program.workers()
        assert len(before) == PARTITIONS
        private.stop()
        gone = time.monotonic()
        with Program(private.bootstrap, waiting, waiting) as late:
            late.wait_for("broker not reachable, waiting for it", 30)
            # Nothing is there to wait for but time: that is what is tested.
            wait_until(lambda: time.monotonic() - gone > AWAY_S, AWAY_S + 5, "the time to pass")
            assert (program.exit_code, late.exit_code) == (None, None)
            private.start()
            back = time.monotonic()
            reached = sum(committed(private.bootstrap, prefix, prefix).values())
            wait_until(
                lambda: sum(committed(private.bootstrap, prefix, prefix).values()) > reached,
                BACK_WITHIN_S, "deliveries after the broker is back",
            )  # fmt: skip
            print(f"moved again {time.monotonic() - back:.1f} s after the broker was back from {AWAY_S:.0f} s away")
            sent = load.stop()
            wait_caught_up(private.bootstrap, prefix, prefix)
            wait_caught_up(private.bootstrap, waiting, waiting)
            assert late.terminate() == 0
        assert program.workers() == before
        assert not program.lines("worker died")
        assert not program.lines("worker failed")
        assert program.terminate() == 0
    assert_exactly(private.bootstrap, waiting_sent)
    assert_ordered(private.bootstrap, sent)
    print(f"delivered twice: {assert_complete(private.bootstrap, sent)} of {len(sent)}")


def test_a_stop_while_the_broker_hangs_ends_by_its_deadline_and_says_so(private: LocalKafka, prefix: str) -> None:
    private.create_topic(prefix, PARTITIONS)
    namespaces = [f"{prefix}-{number}" for number in range(3)]
    hurried: dict[str, Any] = {**SHORT_SESSION, "STOP_TIMEOUT_MS": 2_500}
    with (
        Program(private.bootstrap, prefix, prefix, **hurried) as program,
        Load(private.bootstrap, prefix, namespaces, rate=300, partitions=PARTITIONS) as load,
    ):
        wait_until(lambda: delivering(private.bootstrap, prefix, prefix) == PARTITIONS, 20, "deliveries")
        private.pause()
        try:
            written = len(load.sent)
            wait_until(lambda: len(load.sent) > written + 100, 10, "events while it hangs")
            began = time.monotonic()
            assert program.terminate(15) == ExitCode.STOPPED_UNDELIVERED
            assert time.monotonic() - began < 2.5 + 2
            assert program.workers() == set()
        finally:
            private.resume()
        sent = load.stop()
    with Program(private.bootstrap, prefix, prefix) as program:
        wait_caught_up(private.bootstrap, prefix, prefix)
        assert program.terminate() == 0
    assert_complete(private.bootstrap, sent)


def test_a_second_signal_cuts_the_deadline_short(private: LocalKafka, prefix: str) -> None:
    private.create_topic(prefix, PARTITIONS)
    with (
        Program(private.bootstrap, prefix, prefix, STOP_TIMEOUT_MS=60_000) as program,
        Load(private.bootstrap, prefix, [f"{prefix}-a"], rate=300, partitions=PARTITIONS) as load,
    ):
        wait_until(lambda: delivering(private.bootstrap, prefix, prefix) == PARTITIONS, 20, "deliveries")
        private.pause()
        try:
            program.signal(signal.SIGTERM)
            program.wait_for("stopping")
            program.signal(signal.SIGTERM)
            assert program.wait(10) == ExitCode.STOPPED_UNDELIVERED
        finally:
            private.resume()
        load.stop()
