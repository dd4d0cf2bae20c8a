"""A real Kafka for these tests, and one that asks who is there."""

from collections.abc import Iterator

import pytest

from bench.broker import LocalKafka
from bench.broker.security import AUTHORIZER, Certificates, logins, mutual_tls, tls
from tests.security.ways import PLAIN_PASSWORD, PLAIN_USER, Secured


@pytest.fixture(scope="package")
def kafka() -> Iterator[LocalKafka]:
    """One node: leave it running, and name everything after the case."""
    with LocalKafka() as running:
        yield running


@pytest.fixture(scope="package")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """One node with an authorizer: as above."""
    own = Certificates(tmp_path_factory.mktemp("own"))
    listeners = [tls(own), mutual_tls(own), logins(own, {PLAIN_USER: PLAIN_PASSWORD})]
    with LocalKafka(listeners=listeners, config=AUTHORIZER) as running:
        yield Secured(running, own)
