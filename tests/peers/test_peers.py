"""The programs of the comparison that are built or installed first: `make test-peers`, not `make test`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.peers.catalogue import PEERS
from tests.support.peers import Ground, assert_delivers_and_stops, ground

NAMES = ("franz-go", "franz-go-checked", "go-original", "bento", "aiokafka")
BUILD_S = 1_800  # Bento is some nine hundred packages


@pytest.fixture(scope="module")
def there() -> Iterator[Ground]:
    with ground(events=20_000, namespaces=20) as made:
        yield made


@pytest.mark.timeout(BUILD_S)
@pytest.mark.parametrize("name", NAMES)
def test_a_peer_delivers_every_event_once_and_stops_with_what_it_delivered_committed(
    name: str, there: Ground, tmp_path: Path
) -> None:
    assert_delivers_and_stops(PEERS[name], there, tmp_path / "log")
