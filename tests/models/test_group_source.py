"""A source topic that is made anew while its partitions change hands."""

import pytest

from tests.models.test_group_model import GroupMachine

GONE_S = [0.2, 1.0, 4.0]  # between two looks at the topic, which come every 5 s


@pytest.mark.parametrize("gone_s", GONE_S)
def test_partitions_that_are_assigned_after_it_was_made_anew_begin_at_their_beginning(gone_s: float) -> None:
    machine = GroupMachine()
    try:
        machine.begin(workers_max=0, committed={}, given={0})
        machine.loop.advance(1.0)
        (process,) = machine.live()
        process.deliver(0, 5)
        process.report()
        machine.loop.advance(2.0)
        assert machine.group.committed == {0: 5}
        machine.revoke({0}, 0)
        machine.loop.advance(1.0)
        machine.make_the_source_anew()
        machine.loop.advance(gone_s)
        machine.assign({0}, 0)
        machine.loop.advance(1.0)
        (process,) = machine.live()
        assert process.positions == {0: 0}
        assert machine.group.wrong == []
    finally:
        machine.replica.close()
