"""A real Kafka that takes large records, for all tests of this folder. Without it they fail; none is skipped."""

from collections.abc import Iterator

import pytest

from bench.broker import LocalKafka
from tests.support.prefix import prefix

__all__ = ["kafka", "prefix"]

# The largest batch that the broker takes, unless a topic says otherwise: eight times Kafka's own default.
BROKER_MAX_BYTES = 8 * 1024 * 1024


@pytest.fixture(scope="package")
def kafka() -> Iterator[LocalKafka]:
    """One node, shared by the session: leave it running, and use topics and groups named with `prefix`."""
    with LocalKafka(config={"message.max.bytes": str(BROKER_MAX_BYTES)}) as running:
        yield running
