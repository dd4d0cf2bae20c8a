"""A replica whose host stands still at every single turn of the loop while it is about to start a worker."""

import pytest

from fanout.supervisor.membership import POLL_S
from tests.models.test_group_model import GroupMachine

TURNS = range(12)
LONG_S = 50.0  # by then its partitions are another replica's


def begun() -> GroupMachine:
    machine = GroupMachine()
    machine.begin(workers_max=0, committed={0: 5}, given={0})
    return machine


def judge(machine: GroupMachine) -> None:
    """Let everything settle, and see that the group found nothing wrong."""
    try:
        for _ in range(100):
            machine.loop.advance(0.1)
        assert machine.group.wrong == []
    finally:
        machine.replica.close()


@pytest.mark.parametrize("turns", TURNS)
def test_no_worker_is_replaced_for_a_partition_that_went_while_it_was_to_be(turns: int) -> None:
    machine = begun()
    (process,) = machine.live()
    process.end(-9)
    machine.loop.step(turns)
    machine.expel(learns_s=4.0, frozen_s=LONG_S, after=0)
    judge(machine)


@pytest.mark.parametrize("turns", TURNS)
def test_a_hand_over_that_was_begun_before_the_stop_starts_nothing_after_it(turns: int) -> None:
    machine = begun()
    machine.assign({1}, 0)
    machine.loop.advance(POLL_S)
    machine.loop.step(turns)
    machine.freeze(LONG_S)
    judge(machine)
