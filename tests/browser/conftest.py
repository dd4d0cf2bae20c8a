"""One browser for all tests of this folder, a folder for pictures, and a real Kafka. Without them tests fail."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.broker.conftest import kafka
from tests.browser.browser import Browser, browser
from tests.support.prefix import prefix
from tests.support.replica import FakeReplica, Running, healthy

__all__ = ["kafka", "prefix"]


@pytest.fixture(scope="package")
def page() -> Iterator[Browser]:
    """A real browser: leave it open."""
    with browser() as started:
        yield started


@pytest.fixture(scope="package")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures of the page go: to the folder that PICTURES names, or to a temporary one."""
    named = os.environ.get("PICTURES")
    folder = Path(named) if named else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def running() -> Iterator[Running]:
    """A server that tells of a replica which is well; what it tells can be exchanged."""
    server = Running(FakeReplica(healthy))
    server.start()
    yield server
    server.end()
