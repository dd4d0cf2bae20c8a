"""What is to be done about the KafkaTopics, from what is there and what should be. Pure."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from fanout.kafkatopics.existing import CONFIG, Existing, said
from fanout.kafkatopics.manifest import Manifest, Terms
from fanout.words import some


class Left(NamedTuple):
    """A KafkaTopic that is left as it is, and why."""

    topic: str
    name: str
    why: str


class Plan(NamedTuple):
    """What to apply, what stays, and what cannot be done."""

    change: list[tuple[str, Manifest]]  # topic and KafkaTopic: it is ours, and says otherwise
    create: list[tuple[str, Manifest]]
    unchanged: int
    waiting: list[Left]  # ours, and the Topic Operator is still at it
    foreign: list[Left]  # somebody else's
    differing: list[Left]  # ours, with something in it that somebody else wrote and that is not so


def plan(wanted: Mapping[str, Manifest], there: Iterable[Existing], terms: Terms) -> Plan:
    """`wanted` are the KafkaTopics as they should be, by topic; `there` all that are in the namespace."""
    by_name = {each.name: each for each in there}
    in_cluster = [each for each in by_name.values() if each.cluster == terms.cluster]
    ours = {each.topic: each for each in in_cluster if each.ours}
    others = {each.topic: each for each in in_cluster if not each.ours}
    found = Plan([], [], 0, [], [], [])
    unchanged = 0
    for topic, manifest in wanted.items():
        name = manifest["metadata"]["name"]
        if topic in others:
            found.foreign.append(Left(topic, others[topic].name, "it was made by somebody else"))
        elif topic not in ours and name in by_name:
            why = f"a KafkaTopic of this name was made by somebody else, for the topic {by_name[name].topic}"
            found.foreign.append(Left(topic, name, why))
        elif topic not in ours:
            found.create.append((topic, manifest))
        elif ours[topic].going:
            found.waiting.append(Left(topic, ours[topic].name, "it is being deleted"))
        elif ours[topic].managed and ours[topic].ahead:
            why = "the Topic Operator has not yet done to the topic what it says"
            found.waiting.append(Left(topic, ours[topic].name, why))
        else:
            unchanged += _compare(found, topic, _of(manifest, ours[topic]), ours[topic])
    return found._replace(unchanged=unchanged)


def _of(manifest: Manifest, present: Existing) -> Manifest:
    """The manifest for the KafkaTopic that is there. One that is deleted meanwhile does not come back by its uid."""
    metadata = {**manifest["metadata"], "name": present.name, "uid": present.uid}
    spec = dict(manifest["spec"])
    if present.name != present.topic:
        spec["topicName"] = present.topic
    replicas = present.says.get(("spec", "replicas"))
    if "replicas" not in spec and replicas is not None:
        spec["replicas"] = int(replicas)  # not known for certain now: what is said of it stays
    return {**manifest, "metadata": metadata, "spec": spec}


def _compare(found: Plan, topic: str, manifest: Manifest, present: Existing) -> int:
    """Put it where it belongs; 1 if nothing is to be done about it."""
    wanted = said(manifest)
    known = wanted.keys() | present.applied
    strange = [path[-1] for path in present.says if path[:2] == CONFIG and path not in known]
    if strange:
        why = f"somebody else wrote {some(sorted(strange))} into it, which is not set on the topic"
        found.differing.append(Left(topic, present.name, why))
    same = all(present.says.get(path) == text for path, text in wanted.items())
    if same and present.applied <= wanted.keys():
        return 0 if strange else 1
    found.change.append((topic, manifest))
    return 0
