"""Manifests of the destinations, printed, for who applies or deletes them with kubectl."""

import sys
from collections.abc import Iterable

from fanout.check.destinations import prefix_of
from fanout.cluster.answers import AskError, Overview
from fanout.cluster.cluster import Cluster
from fanout.destinations import live, prune
from fanout.destinations.listing import Origin, Topic, look
from fanout.errors import ExitCode
from fanout.kafkatopics.manifest import Manifest, Shape, Terms, as_json, as_yaml, manifest
from fanout.settings import Settings


def of_all(settings: Settings, output: str, terms: Terms) -> int:
    """Print the KafkaTopics of the destinations, and on stderr what has none and why; the exit code: 1 if any.

    Blocks; raises UnreachableError and AskError.
    """
    cluster = Cluster(settings)
    overview = cluster.overview()
    topics = look(settings, cluster, overview)
    left = [(topic, why) for topic in topics if (why := _not_ours(settings, topic))]
    without = {topic.name for topic, _ in left}
    ours = [topic for topic in topics if topic.name not in without]
    whole = _print(cluster, overview, ours, left, output=output, terms=terms)
    return ExitCode.OK if whole and not left else ExitCode.CHECK_FAILED


def of_dead(settings: Settings, output: str, terms: Terms, text: str, idle_s: float) -> int:
    """Print the KafkaTopics of the destinations that `topics --prune` would delete; `text` lists live namespaces.

    Blocks; raises UnreachableError, AskError and LiveListError.
    """
    names = live.parse(text)
    cluster = Cluster(settings)
    overview = cluster.overview()
    plan = prune.plan(settings, look(settings, cluster, overview), names, idle_s)
    whole = _print(cluster, overview, plan.delete, plan.keep, output=output, terms=terms)
    return ExitCode.OK if whole else ExitCode.CHECK_FAILED


def _not_ours(settings: Settings, topic: Topic) -> str:
    """Why the topic is none of ours, as far as can be known; empty if it is."""
    if topic.origin is Origin.EVENTS:
        return ""
    if topic.origin is Origin.MATCHES:
        known = bool(prefix_of(settings.topic_template))
        return "" if known else "whose it is, is not known: no event of this namespace was read from it"
    return topic.clash


def _print(
    cluster: Cluster,
    overview: Overview,
    topics: Iterable[Topic],
    left: Iterable[tuple[Topic, str]],
    *,
    output: str,
    terms: Terms,
) -> bool:
    """Print the KafkaTopics, and on stderr what has none; whether the cluster told what each of `topics` is."""
    for topic, why in left:
        _tell(topic.name, why)
    manifests: list[Manifest] = []
    configs = cluster.own_configs(topic.name for topic in topics)
    for name, config in configs.items():
        if isinstance(config, AskError):
            _tell(name, str(config))
        else:
            manifests.append(manifest(name, Shape(overview.topics[name], overview.replicas[name]), config, terms))
    sys.stdout.write(as_json(manifests) if output == "json" else as_yaml(manifests))
    return len(manifests) == len(configs)


def _tell(topic: str, why: str) -> None:
    sys.stderr.write(f"events-fanout: no KafkaTopic for {topic}: {why}\n")
