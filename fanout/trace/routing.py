"""What a run with these settings would do with a record: the worker's own decoder and router, and nothing is sent."""

from collections.abc import Sequence
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple

import msgspec

from fanout.cluster.answers import Overview
from fanout.counters import Counter
from fanout.errors import Reason
from fanout.settings import Settings
from fanout.worker.destination import Destination, Route
from fanout.worker.envelope import CLUSTER_SCOPED_NAMESPACE, KeyOf, Special, UnroutableError, key_function
from fanout.worker.offsets import Window
from fanout.worker.records import Record
from fanout.worker.rewrite import rewrite_function
from fanout.worker.router import Router
from fanout.worker.routes import Refusal


class Way(StrEnum):
    """Where a record goes."""

    DESTINATION = "destination"
    SKIPPED = "skipped"
    RESYNC = "resync"
    REFUSED = "refused"


class Outcome(NamedTuple):
    """`detail` is the topic, or the setting that skips it, or the reason of the refusal."""

    way: Way
    detail: str


class Routing:
    """The routes of one cluster as it is now."""

    def __init__(self, settings: Settings, overview: Overview) -> None:
        self._settings = settings
        self._topics = set(overview.topics)  # and those that a run would have made by now
        self._router = Router(settings, key_function(settings), self._open)
        # What is skipped as a resync has a namespace all the same.
        self._key_of = key_function(msgspec.structs.replace(settings, drop_resync=False))
        self._rewrite = rewrite_function(msgspec.structs.replace(settings, provenance_headers=False))

    def namespace_of(self, value: bytes | None) -> str | None:
        """The namespace by which a record is routed; None where none can be read."""
        try:
            key = self._key_of(value)
        except UnroutableError:
            return None
        return CLUSTER_SCOPED_NAMESPACE if isinstance(key, Special) else key

    def of(self, record: Record) -> Outcome:
        """What a run would do with the record."""
        (route,) = self._router.grouped([record]).groups
        return self._outcome(route)

    def of_namespace(self, namespace: str) -> Outcome:
        """What a run would do with a record of this namespace, if there is nothing else about it."""
        scoped = self._settings.split_cluster_scoped and namespace == CLUSTER_SCOPED_NAMESPACE
        key_of: KeyOf = lambda _: Special.CLUSTER_SCOPED if scoped else namespace  # noqa: E731
        (route,) = Router(self._settings, key_of, self._open).grouped([_Blank()]).groups
        return self._outcome(route)

    def digest(self, record: Record) -> bytes:
        """The hash of the value that would be delivered: SLIM changes it."""
        delivered = self._rewrite([record])[0] if self._rewrite is not None else record
        return digest_of(delivered.value())

    def _outcome(self, route: Route) -> Outcome:
        if isinstance(route, Destination):
            return Outcome(Way.DESTINATION, route.name)
        if isinstance(route, Refusal):
            return Outcome(Way.REFUSED, f"{route.reason}: {route.detail}")
        if route.counter is Counter.RESYNCS_DROPPED:
            return Outcome(Way.RESYNC, "DROP_RESYNC")
        return Outcome(Way.SKIPPED, "NAMESPACES_ALLOW or NAMESPACES_DENY")

    def _open(self, name: str) -> Destination | Refusal:
        """As the worker opens a destination, but for making the topic."""
        if name not in self._topics:
            if self._settings.topic_create == "none":
                return Refusal(Reason.UNKNOWN_TOPIC, f"{name} does not exist and TOPIC_CREATE=none")
            if len(self._topics) >= self._settings.topics_max:
                return Refusal(Reason.TOPICS_MAX, f"the cluster has {len(self._topics)} topics (TOPICS_MAX)")
            self._topics.add(name)
        return Destination(name, _Nowhere())


def digest_of(value: bytes | None) -> bytes:
    """By which a record of the source is found again in its destination."""
    return sha256(value or b"").digest()


class _Nowhere:
    """A producer that is never sent anything."""

    number = 0
    epoch = 0

    def unsettled(self) -> bool:
        return False

    def send(
        self,
        _destination: Destination,
        records: Sequence[Record],
        _window: Window,
        *,
        vetted: bool,  # noqa: ARG002
    ) -> Sequence[Record]:
        return records


class _Blank:
    """A record of which only the namespace matters, and that is known."""

    def value(self) -> bytes | None:
        return None

    def key(self) -> bytes | None:
        return None

    def headers(self) -> None:
        return None

    def timestamp(self) -> tuple[int, int]:
        return (0, 0)

    def offset(self) -> int:
        return 0

    def partition(self) -> int:
        return 0
