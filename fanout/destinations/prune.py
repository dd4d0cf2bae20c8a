"""Which destinations may go: those of namespaces that are not there any more. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from fanout.check.destinations import prefix_of
from fanout.destinations.listing import Origin, Topic
from fanout.destinations.live import LiveListError
from fanout.settings import Settings
from fanout.words import duration
from fanout.worker.envelope import CLUSTER_SCOPED_NAMESPACE


class Plan(NamedTuple):
    """Topics to delete; topics of namespaces that are not live and that stay all the same, with the reason."""

    delete: list[Topic]
    keep: list[tuple[Topic, str]]


def plan(settings: Settings, topics: Iterable[Topic], live: frozenset[str], idle_s: float) -> Plan:
    """What would be deleted. Raises LiveListError where the template, or the list, cannot tell whose a topic is.

    A topic that was written to within `idle_s` stays: its namespace may be younger than the list.
    """
    prefix = prefix_of(settings.topic_template)
    if not prefix:
        raise LiveListError(
            f"TOPIC_TEMPLATE={settings.topic_template} has no prefix: any application's topic could be called so; "
            "nothing is pruned"
        )
    candidates = [topic for topic in topics if topic.name.startswith(prefix)]
    if candidates and not any(topic.namespace in live for topic in candidates):
        raise LiveListError(
            f"the list names the namespace of none of the {len(candidates)} destinations under {prefix}: "
            "it seems to be of another cluster; nothing is pruned"
        )
    found = Plan([], [])
    for topic in candidates:
        if topic.namespace in live:
            continue
        reason = _reason_to_keep(topic, idle_s)
        if reason:
            found.keep.append((topic, reason))
        else:
            found.delete.append(topic)
    return found


def _reason_to_keep(topic: Topic, idle_s: float) -> str:
    if topic.origin in (Origin.OWN, Origin.RESERVED):
        return topic.origin.value
    if topic.namespace == CLUSTER_SCOPED_NAMESPACE:
        return "it holds the events of cluster-scoped objects"
    if topic.origin is Origin.FOREIGN:
        return "its last record is no event of this namespace"
    if topic.origin is Origin.MATCHES and topic.records:
        return "its last record could not be read: whose the topic is, is not known"
    if topic.last_event_age_s is not None and topic.last_event_age_s < idle_s:
        return f"written to {duration(topic.last_event_age_s)} ago, within --idle {duration(idle_s)}"
    if topic.records and topic.last_event_age_s is None and idle_s > 0:
        return "when it was written to last is not known"
    return ""
