"""The destinations as they are in the Kafka cluster: which topics, of what shape, and what is set on them.

Who may describe a topic knows its name, its partitions and its configuration. Whose it is, is in its records, and these
need the right to read the events of all tenants. Where TOPIC_TEMPLATE has a prefix, the name is enough. Without one any
application's topic may be called like a namespace: then the last record is read, once for as long as no other comes.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from fanout.check.destinations import prefix_of
from fanout.cluster.answers import AskError, Ends, Place
from fanout.cluster.cluster import Cluster
from fanout.destinations.listing import Origin, destinations, last_records, matching, origin_of
from fanout.kafkatopics.manifest import Shape
from fanout.settings import Settings

_UNREAD = (
    "its last record could not be read, and without a prefix in TOPIC_TEMPLATE nothing else tells whose it is: "
    "grant READ on it"
)


class Destination(NamedTuple):
    """One topic; `config` is what is set on the topic itself."""

    shape: Shape
    config: dict[str, str]


class Seen(NamedTuple):
    """What the Kafka cluster said."""

    destinations: dict[str, Destination]
    unknown: dict[str, str]  # by topic, why it is not known what it is
    gone: frozenset[str]  # asked about, and not there: the cluster said so, it did not only leave it out


class Looker:
    """Looks again and again, and remembers whose a topic was for as long as no record has come to it."""

    def __init__(self) -> None:
        self._origins: dict[str, tuple[list[int], Origin]] = {}

    def look(self, settings: Settings, cluster: Cluster, known: Collection[str]) -> Seen:
        """Ask the cluster; `known` are topics that have a KafkaTopic of ours. Blocks for each answer.

        Raises UnreachableError, and AskError.
        """
        overview = cluster.overview()
        there = overview.topics
        named = destinations(settings, there)
        had = matching(settings, known).keys()
        unknown: dict[str, str] = {}
        if not prefix_of(settings.topic_template):
            origins = self._whose(settings, cluster, {t: there[t] for t in named.keys() - had}, named)
            unknown = {topic: _UNREAD for topic, origin in origins.items() if origin is None}
            named = {t: n for t, n in named.items() if t in had or origins.get(t) is Origin.EVENTS}
        found = {}
        for topic, config in cluster.own_configs(named).items():
            if not isinstance(config, AskError):
                found[topic] = Destination(Shape(there[topic], overview.replicas[topic]), config)
            elif not config.absent:
                unknown[topic] = f"{config}; grant DESCRIBE_CONFIGS on it" if config.denied else str(config)
        return Seen(found, unknown, _gone(cluster, had - there.keys()))

    def _whose(
        self, settings: Settings, cluster: Cluster, topics: Mapping[str, int], namespaces: Mapping[str, str]
    ) -> dict[str, Origin | None]:
        """Whose each topic is by its last record; None where that cannot be read. Topics of so many partitions."""
        ends = cluster.ends((topic, number) for topic, partitions in topics.items() for number in range(partitions))
        high = {topic: [ends[topic, n].high for n in range(partitions)] for topic, partitions in topics.items()}
        self._origins = {t: kept for t, kept in self._origins.items() if high.get(t) == kept[0]}
        moved = [topic for topic in topics if topic not in self._origins]
        spans = {place: span for place, span in ends.items() if place[0] in set(moved) and span.high > span.low}
        last = last_records(settings, moved, spans, cluster.newest(spans))
        for topic in moved:
            if topic in last or not _holds(topic, spans):
                self._origins[topic] = high[topic], origin_of(settings, namespaces[topic], last.get(topic))
        return {topic: self._origins[topic][1] if topic in self._origins else None for topic in topics}


def _holds(topic: str, spans: Mapping[Place, Ends]) -> bool:
    return any(place[0] == topic for place in spans)


def _gone(cluster: Cluster, topics: Iterable[str]) -> frozenset[str]:
    """Those that are not there; what was left out of a list for lack of rights is there."""
    asked = list(topics)
    answers = cluster.operations(asked) if asked else {}
    return frozenset(t for t, answer in answers.items() if isinstance(answer, AskError) and answer.absent)
