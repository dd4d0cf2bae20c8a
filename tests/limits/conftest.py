"""A real Kafka that takes large records, for all tests of this folder. Without it they fail; none is skipped."""

import itertools
import re
from collections.abc import Iterator

import pytest

from bench.broker import LocalKafka

# The largest batch that the broker takes, unless a topic says otherwise: eight times Kafka's own default.
BROKER_MAX_BYTES = 8 * 1024 * 1024
_numbers = itertools.count()


@pytest.fixture(scope="package")
def kafka() -> Iterator[LocalKafka]:
    """One node, shared by the session: leave it running, and use topics and groups named with `prefix`."""
    with LocalKafka(config={"message.max.bytes": str(BROKER_MAX_BYTES)}) as running:
        yield running


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    """Begins the names of this test's topics and groups: unique in the session, legal in Kafka and as a namespace."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    return f"t{next(_numbers)}-{name[:30].strip('-')}"
