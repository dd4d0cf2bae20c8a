"""A real Kafka that asks who is there, for all tests of this folder, with every way in that the program knows."""

from collections.abc import Iterator

import pytest

from bench.broker import LocalKafka
from bench.broker.security import AUTHORIZER, Certificates, logins, mutual_tls, tls
from tests.security.ways import PLAIN_PASSWORD, PLAIN_USER, Secured
from tests.support.prefix import prefix

__all__ = ["prefix", "secured"]


@pytest.fixture(scope="package")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """One node with an authorizer: leave it running, and use topics, groups and users named with `prefix`."""
    own = Certificates(tmp_path_factory.mktemp("own"))
    listeners = [tls(own), mutual_tls(own), logins(own, {PLAIN_USER: PLAIN_PASSWORD})]
    config = {**AUTHORIZER, "group.consumer.heartbeat.interval.ms": "500"}
    with LocalKafka(listeners=listeners, config=config) as running:
        yield Secured(running, own)
