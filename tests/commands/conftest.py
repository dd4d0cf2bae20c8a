"""A real Kafka for the commands that ask one. None of the tests is skipped without it: they fail."""

from collections.abc import Iterator

import pytest

from bench.broker import LocalKafka
from tests.support.prefix import prefix

__all__ = ["kafka", "prefix"]


@pytest.fixture(scope="package")
def kafka() -> Iterator[LocalKafka]:
    """One node, shared by the session: leave it running, and use topics and groups named with `prefix`."""
    with LocalKafka() as running:
        yield running
