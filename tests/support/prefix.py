"""The fixture `prefix`, for the tests that share a broker."""

import itertools
import re

import pytest

_numbers = itertools.count()


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    """Begins the names of this test's topics and groups: unique in the session, legal in Kafka and as a namespace."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    return f"t{next(_numbers)}-{name[:30].strip('-')}"
