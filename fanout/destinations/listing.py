"""The topics that the template names, with what is in them, as plain data. None is "not known".

A topic carries no mark of who made it. What is known is its name, which the template matches or not, and its last
record, which is an event of that namespace or not.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import NamedTuple

import msgspec

from fanout.check.destinations import namespace_of
from fanout.client import kept_ms
from fanout.cluster.answers import AskError, Ends, Overview, Place
from fanout.cluster.cluster import Cluster
from fanout.cluster.reading import Read, Reading
from fanout.settings import Settings
from fanout.worker.envelope import CLUSTER_SCOPED_NAMESPACE, UnroutableError, key_function

LOOKS_AT_ONCE = 500  # topics whose last records are read by one client
LOOK_S = 10.0


class Origin(StrEnum):
    """Whose a topic is, as far as can be known."""

    EVENTS = "events"  # its last record is an event of the namespace that the name stands for
    MATCHES = "matches the template"  # it is empty, or could not be read
    FOREIGN = "other records"  # its last record is no event of that namespace
    RESERVED = "reserved"  # TOPICS_RESERVED: never a destination
    OWN = "the program's own"  # the source, or the dead-letter topic


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """One topic whose name the template gives for some namespace."""

    name: str
    namespace: str
    origin: Origin
    partitions: int
    retention_s: float | None  # None: for ever, or not known
    retention_known: bool
    records: int  # between its ends: a compacted topic, and one with transactions, holds fewer
    last_event_age_s: float | None  # None: there is none, or it is not known
    clash: str  # why it should not be, or is not, written to; empty if nothing speaks against it


class Answers(NamedTuple):
    """What the cluster said of the topics that the template names."""

    partitions: Mapping[str, int]
    ends: Mapping[Place, Ends]
    newest: Mapping[Place, int]  # milliseconds since the epoch
    configs: Mapping[str, dict[str, str] | AskError]
    last: Mapping[str, Read]


def matching(settings: Settings, topics: Iterable[str]) -> dict[str, str]:
    """The namespace of each topic that the template names."""
    found = {topic: namespace for topic in topics
             if (namespace := namespace_of(settings.topic_template, topic)) is not None}  # fmt: skip
    scoped = settings.topic_template.replace("{namespace}", CLUSTER_SCOPED_NAMESPACE)
    if settings.split_cluster_scoped and scoped in topics:
        found[scoped] = CLUSTER_SCOPED_NAMESPACE
    return dict(sorted(found.items()))


def destinations(settings: Settings, topics: Iterable[str]) -> dict[str, str]:
    """The namespace of each topic that may be a destination, by its name alone."""
    found = matching(settings, topics)
    return {topic: namespace for topic, namespace in found.items() if _set_apart(settings, topic, namespace) is None}


def look(settings: Settings, cluster: Cluster, overview: Overview) -> list[Topic]:
    """Ask the cluster, and read the last record of each. Blocks, some seconds for a thousand; raises AskError."""
    namespaces = matching(settings, list(overview.topics))
    places = [(topic, number) for topic in namespaces for number in range(overview.topics[topic])]
    ends = cluster.ends(places)
    newest = cluster.newest(place for place in places if ends[place].high > ends[place].low)
    configs = cluster.topic_configs(namespaces)
    last = last_records(settings, list(destinations(settings, namespaces)), ends, newest)
    answers = Answers(overview.topics, ends, newest, configs, last)
    return [topic_of(settings, topic, namespace, answers) for topic, namespace in namespaces.items()]


def last_records(
    settings: Settings, topics: Sequence[str], ends: Mapping[Place, Ends], newest: Mapping[Place, int]
) -> dict[str, Read]:
    """The last record of each topic, of the partition written to last; a topic that may not be read is left out."""
    wanted = set(topics)
    fullest: dict[str, Place] = {}
    for place, span in ends.items():
        topic = place[0]
        if topic in wanted and span.high > span.low:
            best = fullest.setdefault(topic, place)
            if newest.get(place, 0) > newest.get(best, 0):
                fullest[topic] = place
    waiting = list(fullest.values())
    found: dict[str, Read] = {}
    for first in range(0, len(waiting), LOOKS_AT_ONCE):
        part = waiting[first : first + LOOKS_AT_ONCE]
        # Two: the last offset holds the end of a transaction, which is no record, where something was replayed.
        ranges = {place: Ends(max(ends[place].low, ends[place].high - 2), ends[place].high) for place in part}
        for record in Reading(settings, ranges, LOOK_S, tolerant=True).records():
            found[record.topic()] = record
    return found


def _set_apart(settings: Settings, topic: str, namespace: str) -> Origin | None:
    """Whether it is no destination by its name alone."""
    if topic in (settings.topic, settings.dead_letter_topic):
        return Origin.OWN
    scoped = namespace == CLUSTER_SCOPED_NAMESPACE
    if not scoped and any(fnmatchcase(topic, pattern) for pattern in settings.topics_reserved):
        return Origin.RESERVED
    return None


def topic_of(settings: Settings, topic: str, namespace: str, answers: Answers) -> Topic:
    """What the answers say of one topic."""
    places = [(topic, number) for number in range(answers.partitions[topic])]
    latest = [answers.newest[place] for place in places if place in answers.newest]
    config = answers.configs[topic]
    kept = None if isinstance(config, AskError) else kept_ms(config)
    origin = _set_apart(settings, topic, namespace) or origin_of(settings, namespace, answers.last.get(topic))
    age_ms = time.time_ns() // 1_000_000 - max(latest) if latest else None
    return Topic(
        name=topic,
        namespace=namespace,
        origin=origin,
        partitions=len(places),
        retention_s=kept / 1000 if kept is not None else None,
        retention_known=not isinstance(config, AskError),
        records=sum(answers.ends[place].high - answers.ends[place].low for place in places),
        last_event_age_s=max(0, age_ms) / 1000 if age_ms is not None else None,
        clash=_clash(origin, config),
    )


def origin_of(settings: Settings, namespace: str, last: Read | None) -> Origin:
    """What the last record of a topic says of who writes to it."""
    if last is None:
        return Origin.MATCHES
    # Without the options, which give other keys than namespaces; SLIM leaves the namespace where it was.
    plain = msgspec.structs.replace(settings, drop_resync=False, split_cluster_scoped=False)
    wanted = "default" if namespace == CLUSTER_SCOPED_NAMESPACE else namespace
    try:
        return Origin.EVENTS if key_function(plain)(last.value()) == wanted else Origin.FOREIGN
    except UnroutableError:
        return Origin.FOREIGN


def _clash(origin: Origin, config: Mapping[str, str] | AskError) -> str:
    if origin is Origin.OWN:
        return "events of this namespace become dead letters: a prefix in TOPIC_TEMPLATE keeps them apart"
    if origin is Origin.RESERVED:
        return "events of this namespace become dead letters (TOPICS_RESERVED)"
    if origin is Origin.FOREIGN:
        return "another program seems to write here: events of this namespace would be among its records"
    if not isinstance(config, AskError) and "compact" in config.get("cleanup.policy", ""):
        return "it is compacted: events without a key are refused, and older ones of a key are removed"
    return ""
