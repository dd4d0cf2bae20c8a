"""A stop under load: it ends in time, with 0, and the next start delivers nothing twice."""

import os
import signal
import time
from collections.abc import Callable

import pytest

from bench.broker import LocalKafka
from bench.program import Program
from tests.support.comparing import assert_exactly, assert_ordered, committed, wait_caught_up
from tests.support.load import Load
from tests.support.topics import wait_until

PARTITIONS = 2
WITHIN_S = 10.0


def terminate(program: Program) -> None:
    """As Kubernetes does it."""
    program.signal(signal.SIGTERM)


def interrupt_all(program: Program) -> None:
    """As Ctrl-C does it: every process of the group gets the signal."""
    os.killpg(program.pid, signal.SIGINT)


@pytest.mark.parametrize("stop", [terminate, interrupt_all])
def test_a_stop_under_load_loses_nothing_and_repeats_nothing(
    kafka: LocalKafka, prefix: str, stop: Callable[[Program], None]
) -> None:
    namespaces = [f"{prefix}-{number}" for number in range(10)]
    kafka.create_topic(prefix, PARTITIONS)

    def moves_beyond(offset: int) -> bool:
        return sum(committed(kafka.bootstrap, prefix, prefix).values()) > offset

    with Load(kafka.bootstrap, prefix, namespaces, rate=1_000, partitions=PARTITIONS) as load:
        for _ in range(2):
            reached = sum(committed(kafka.bootstrap, prefix, prefix).values())
            with Program(kafka.bootstrap, prefix, prefix) as program:
                wait_until(lambda at=reached: moves_beyond(at), 20, "deliveries")  # type: ignore[misc]
                began = time.monotonic()
                stop(program)
                assert program.wait() == 0
                took_s = time.monotonic() - began
                print(f"stopped in {took_s:.2f} s")
                assert took_s < WITHIN_S
                assert program.workers() == set()
                assert all(line["drained"] for line in program.lines("worker stopped"))
        sent = load.stop()
    with Program(kafka.bootstrap, prefix, prefix) as program:
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        assert program.terminate() == 0
    assert_exactly(kafka.bootstrap, sent)
    assert_ordered(kafka.bootstrap, sent)


def test_a_stop_before_anything_is_assigned_ends_with_0(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(prefix)
    with Program(kafka.bootstrap, prefix, prefix) as program:
        program.wait_for("starting")
        assert program.terminate(WITHIN_S) == 0


def test_a_stop_of_an_idle_program_is_short(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(prefix)
    with Program(kafka.bootstrap, prefix, prefix) as program:
        program.worker(0)
        assert program.terminate(WITHIN_S / 2) == 0
        assert program.workers() == set()
