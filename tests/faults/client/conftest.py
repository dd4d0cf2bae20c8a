"""One program for all errors of a module: each test leaves it well again."""

from collections.abc import Iterator

import pytest

from tests.faults.client.rig import Rig, running


@pytest.fixture(scope="module", params=["classic", "consumer"])
def either(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """The program under load, as a member by either protocol."""
    with running(GROUP_PROTOCOL=request.param) as rig:
        yield rig
