"""One real Kafka for the thirteen faults, with a second way in that wants TLS and a password."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.broker import LocalKafka
from bench.broker.security import Certificates, logins

USER, PASSWORD = "fanout", "not-a-secret"


@pytest.fixture(scope="package")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """What the broker shows to clients that ask who it is."""
    return Certificates(tmp_path_factory.mktemp("broker"))


@pytest.fixture(scope="package")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificate of an authority that has signed nothing here."""
    return Certificates(tmp_path_factory.mktemp("stranger")).authority


@pytest.fixture(scope="package")
def kafka(certificates: Certificates) -> Iterator[LocalKafka]:
    """One node, shared by the session: leave it running, and use topics and groups named with `prefix`."""
    with LocalKafka(listeners=[logins(certificates, {USER: PASSWORD}, ["PLAIN"])]) as running:
        yield running
