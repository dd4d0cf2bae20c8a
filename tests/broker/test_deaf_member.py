"""A member of the group that its coordinator does not answer any more, while the broker serves everybody else."""

import sys
from pathlib import Path
from unittest import mock

import pytest

from bench import program as program_module
from bench.broker import LocalKafka
from bench.program import Program
from tests.support.comparing import assert_complete, assert_ordered, committed, wait_caught_up
from tests.support.load import Load
from tests.support.topics import wait_until

COMMAND = (sys.executable, "-m", "tests.broker.deaf", "run")
LEASE_MS = 2_000
RATE = 500
TOLD_S = 2.0  # until the workers hear of it: a tick, on a busy machine


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_it_reads_nothing_new_until_another_member_has_its_seat_and_then_goes_on(
    kafka: LocalKafka, prefix: str, protocol: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kafka.create_topic(prefix, 2)
    sign = tmp_path / "deaf"
    monkeypatch.setenv("DEAF", str(sign))
    namespaces = [f"{prefix}-{number}" for number in range(5)]
    with (
        mock.patch.object(program_module, "COMMAND", COMMAND),
        Program(kafka.bootstrap, prefix, prefix, GROUP_PROTOCOL=protocol, LEASE_MS=LEASE_MS) as program,
        Load(kafka.bootstrap, prefix, namespaces, rate=RATE, partitions=2) as load,
    ):
        wait_until(lambda: sum(committed(kafka.bootstrap, prefix, prefix).values()) > 100, 30, "deliveries")
        before = sum(committed(kafka.bootstrap, prefix, prefix).values())
        sign.touch()
        program.wait_for("the group does not answer: nothing new is read until it does", 20)
        written = len(load.sent)
        program.wait_for("partitions assigned", 60, count=2)
        sent = load.stop()
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        assert program.terminate() == 0
    assert len(program.lines("joining")) == 1, "the replica itself goes on"
    assert_ordered(kafka.bootstrap, sent)
    twice = assert_complete(kafka.bootstrap, sent)
    print(f"{len(sent)} events, {twice} twice, {written - before} from the last commit until it was noticed")
    assert twice <= written - before + RATE * TOLD_S, (
        "what came after that was not read before another member was there"
    )
