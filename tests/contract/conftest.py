"""The two Kafkas on which the same promises are tested: librdkafka's mock cluster, and a real one."""

import itertools
import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from bench.broker import LocalKafka
from fanout.demo.cluster import Cluster

PARTITIONS = 4
_numbers = itertools.count()


class Served(NamedTuple):
    """A Kafka with an empty source topic of PARTITIONS partitions, and automatic creation of topics."""

    bootstrap: str
    source: str


@pytest.fixture(scope="package")
def real() -> Iterator[LocalKafka]:
    """A real node that creates topics when they are asked for, as the mock does and many clusters do."""
    with LocalKafka(config={"auto.create.topics.enable": "true"}) as running:
        yield running


@pytest.fixture(params=["mock", "real"])
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    """The Kafka under test; the mock is a new one for each test."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower())[:30].strip("-")
    source = f"c{next(_numbers)}-{name}"
    with ExitStack() as stack:
        if request.param == "mock":
            cluster = stack.enter_context(Cluster({source: PARTITIONS}))
            yield Served(cluster.bootstrap, source)
        else:
            kafka: LocalKafka = request.getfixturevalue("real")
            kafka.create_topic(source, PARTITIONS)
            yield Served(kafka.bootstrap, source)
