"""What is taken from the pool at every single turn of the loop after it was given."""

import pytest

from tests.models.test_pool_model import PoolMachine

TURNS = range(10)


@pytest.mark.parametrize("how", ["drain", "drop", "stop"])
def test_a_worker_that_is_about_to_start_is_not_started_for_partitions_that_are_gone(how: str) -> None:
    for turns in TURNS:
        machine = PoolMachine()
        machine.begin(workers_max=0)
        try:
            machine.add({0}, 5.0, turns)
            if how == "drain":
                machine.drain({0}, 5.0, 0)
            elif how == "drop":
                machine.drop({0}, 0)
            else:
                machine.stop(5.0, 0)
            machine.loop.advance(10.0)
            machine.it_holds()
            assert machine.live() == []
            assert machine.pool.partitions() == set()
        finally:
            machine.loop.abandon()
            machine.patches.undo()
