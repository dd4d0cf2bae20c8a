"""Route: from a decoded record to a destination, a refusal with its reason, or a skip. The contract of routing.

Decided once per namespace and remembered; per record it is one look-up.
"""

import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple

from fanout.counters import Counter
from fanout.errors import Reason
from fanout.settings import Settings
from fanout.worker.destination import Destination, Route
from fanout.worker.envelope import CLUSTER_SCOPED_NAMESPACE, KeyOf, RoutingKey, Special, UnroutableError
from fanout.worker.records import Record
from fanout.worker.routes import Refusal, Skip

# Kafka's own rule for topic names.
_LEGAL = re.compile(r"[a-zA-Z0-9._-]{1,249}")
# Routes that are remembered; what strangers name must not fill the memory.
_REMEMBERED = 50_000


class Grouped(NamedTuple):
    """One round: its records by route, each list in source order, and which were undecodable, by index."""

    groups: dict[Route, list[Record]]
    undecodable: list[int]


def is_legal_topic(name: str) -> bool:
    """Whether Kafka allows a topic of this name."""
    return _LEGAL.fullmatch(name) is not None and name not in (".", "..")


class Router:
    """The routing table of a worker. `open_destination` is asked once for each topic that is routed to."""

    def __init__(
        self, settings: Settings, key_of: KeyOf, open_destination: Callable[[str], Destination | Refusal]
    ) -> None:
        self._settings = settings
        self._key_of = key_of
        self._open = open_destination
        self._routes: dict[RoutingKey, Route] = {}
        self._destinations: dict[str, Destination] = {}

    def grouped(self, records: Iterable[Record]) -> Grouped:
        """Group a round by route. Does not block."""
        key_of, known = self._key_of, self._routes
        groups: dict[Route, list[Record]] = {}
        undecodable: list[int] = []
        for index, record in enumerate(records):
            try:
                key = key_of(record.value())
            except UnroutableError as error:
                undecodable.append(index)
                groups.setdefault(Refusal(error.reason, error.detail), []).append(record)
                continue
            route = known.get(key)
            if route is None:
                route = self._resolve(key)
            group = groups.get(route)
            if group is None:
                groups[route] = [record]
            else:
                group.append(record)
        return Grouped(groups, undecodable)

    def forget(self, topics: Iterable[str]) -> None:
        """These destinations are closed: open them anew when a record comes."""
        closed = {self._destinations.pop(topic, None) for topic in topics}
        self._routes = {key: route for key, route in self._routes.items() if route not in closed}

    def _resolve(self, key: RoutingKey) -> Route:
        route = self._route(key)
        # The limit on topics may leave room again: what it refuses is asked each time.
        if not (isinstance(route, Refusal) and route.reason is Reason.TOPICS_MAX):
            if len(self._routes) >= _REMEMBERED:
                self._routes = {k: r for k, r in self._routes.items() if isinstance(r, Destination)}
            self._routes[key] = route
        return route

    def _route(self, key: RoutingKey) -> Route:
        settings = self._settings
        if key is Special.RESYNC:
            return Skip(Counter.RESYNCS_DROPPED)
        namespace = CLUSTER_SCOPED_NAMESPACE if isinstance(key, Special) else key
        if _matches(namespace, settings.namespaces_deny) or (
            settings.namespaces_allow and not _matches(namespace, settings.namespaces_allow)
        ):
            return Skip(Counter.SKIPPED)
        topic = settings.topic_template.replace("{namespace}", namespace)
        if not is_legal_topic(namespace) or not is_legal_topic(topic):
            return Refusal(Reason.BAD_NAMESPACE, f"Kafka allows no topic for the namespace {namespace[:80]!r}")
        reserved = key is not Special.CLUSTER_SCOPED and _matches(topic, settings.topics_reserved)
        if reserved or topic in (settings.topic, settings.dead_letter_topic):
            return Refusal(Reason.RESERVED_TOPIC, f"{topic} is reserved, the source, or the dead-letter topic")
        destination = self._destinations.get(topic)
        if destination is not None:
            return destination
        opened = self._open(topic)
        if isinstance(opened, Destination):
            self._destinations[topic] = opened
        return opened


def _matches(name: str, globs: Iterable[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)
