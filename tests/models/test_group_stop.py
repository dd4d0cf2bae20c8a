"""What a replica says of its stop when the last commit meets a rebalance."""

import pytest
from confluent_kafka import KafkaError

from fanout.errors import ExitCode
from tests.models.test_group_model import GroupMachine

# What was found by seed 90 of the fault runs: the commit before the goodbye is refused, the one of the revoke is taken.
# Each commit is preceded by a question, which meets the same.
ONCE, EVERY_TIME = 2, 4


@pytest.mark.parametrize(
    ("refused", "code", "committed"), [(ONCE, ExitCode.OK, 8), (EVERY_TIME, ExitCode.STOPPED_UNDELIVERED, 5)]
)
def test_a_stop_is_clean_if_the_goodbye_could_commit_what_was_refused_before_it(
    refused: int, code: ExitCode, committed: int
) -> None:
    machine = GroupMachine()
    try:
        machine.begin(workers_max=0, committed={0: 5}, given={0})
        machine.loop.advance(1.0)
        (process,) = machine.live()
        process.deliver(0, 3)
        member = machine.replica.member()
        assert member is not None
        machine.replica.terminate()
        member.refusals = [KafkaError.ILLEGAL_GENERATION] * refused
        assert machine.replica.ended(30.0) == code
        assert machine.group.committed[0] == committed
        assert machine.group.wrong == []
    finally:
        machine.replica.close()
