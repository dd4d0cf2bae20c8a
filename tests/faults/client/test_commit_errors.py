"""Errors that a coordinator answers to a commit: it is made again, and nothing is delivered again for it."""

import pytest

from bench.mock import Api
from bench.mock_errors import ERRORS, Error
from tests.faults.client.rig import SOURCE_BROKER, Rig

# The coordinator has moved, is starting, or is not there.
NAMES = {"not_coordinator", "coordinator_load_in_progress", "coordinator_not_available"}
ELSEWHERE = [error for error in ERRORS if error.key is Api.OFFSET_COMMIT and error.name in NAMES]
RECOVERED_S = 30.0


@pytest.mark.parametrize("error", ELSEWHERE, ids=[error.name for error in ELSEWHERE])
def test_a_commit_that_no_coordinator_takes_is_made_again_and_delivers_nothing_twice(either: Rig, error: Error) -> None:
    ends = either.ends()
    either.push(SOURCE_BROKER, Api.OFFSET_COMMIT, error.codes, RECOVERED_S)
    either.recover(RECOVERED_S)
    found = either.check()
    assert found.letters == []
    for topic, records in found.arrived.items():
        assert len({record.value for record in records}) == len(records), f"duplicates in {topic}"
    assert either.ends() == ends
