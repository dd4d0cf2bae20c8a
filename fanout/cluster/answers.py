"""What the cluster answers, in our own words."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from fanout.errors import FanoutError

Place = tuple[str, int]  # topic, partition


class AskError(FanoutError):
    """The cluster did not answer, or refused to."""

    def __init__(
        self,
        text: str,
        *,
        denied: bool = False,  # no rights
        absent: bool = False,  # what was asked about is not there
        exists: bool = False,  # what was to be created is there
        invalid_config: bool = False,
    ) -> None:
        super().__init__(text)
        self.denied = denied
        self.absent = absent
        self.exists = exists
        self.invalid_config = invalid_config


class UnreachableError(FanoutError):
    """No broker could be spoken to; `causes` are (name of the error, text), as the client told them, oldest first."""

    def __init__(self, causes: list[tuple[str, str]]) -> None:
        super().__init__(causes[-1][1] if causes else "no answer")
        self.causes = causes


class Overview(NamedTuple):
    """What the cluster tells everyone."""

    cluster_id: str
    brokers: list[str]  # host:port
    topics: dict[str, int]  # number of partitions, of the topics that we may know of
    replicas: Mapping[str, int | None] = MappingProxyType({})  # None: partitions differ, or are being moved


class Member(NamedTuple):
    """A member of the group that is there now."""

    id: str
    client_id: str
    host: str
    places: frozenset[Place]  # the partitions that it has

    @property
    def topics(self) -> frozenset[str]:
        """The topics of its partitions."""
        return frozenset(topic for topic, _ in self.places)


class Group(NamedTuple):
    """A consumer group; `operations` is None where the broker does not tell."""

    protocol: str  # classic, consumer, or unknown
    assignor: str
    members: list[Member]
    operations: frozenset[str] | None


class Commit(NamedTuple):
    """A committed offset, and the identity of the topic that it was of; empty where another program committed it."""

    offset: int
    identity: str


class Ends(NamedTuple):
    """The first offset of a partition, and one past its last."""

    low: int
    high: int
