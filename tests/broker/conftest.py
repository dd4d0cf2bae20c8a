"""A real Kafka for all tests of this folder. None of them is skipped without it: they fail."""

import itertools
import re
from collections.abc import Iterator

import pytest

from bench.broker import LocalKafka

_numbers = itertools.count()


@pytest.fixture(scope="package")
def kafka() -> Iterator[LocalKafka]:
    """One node, shared by the session: leave it running, and use topics and groups named with `prefix`."""
    with LocalKafka() as running:
        yield running


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    """Begins the names of this test's topics and groups: unique in the session, legal in Kafka and as a namespace."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    return f"t{next(_numbers)}-{name[:30].strip('-')}"
