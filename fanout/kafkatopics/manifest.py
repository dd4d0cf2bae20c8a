"""The KafkaTopic of a topic: what Strimzi's Topic Operator would have to do about it is nothing."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from fanout.kafkatopics.names import resource_name

Manifest = dict[str, Any]

GROUP = "kafka.strimzi.io"
VERSION = "v1"
KIND = "KafkaTopic"
CLUSTER_LABEL = "strimzi.io/cluster"
MADE_BY_LABEL = "app.kubernetes.io/managed-by"
MADE_BY = "events-fanout"
MANAGED_ANNOTATION = "strimzi.io/managed"
# They come and go while partitions are moved.
_PASSING = frozenset({"leader.replication.throttled.replicas", "follower.replication.throttled.replicas"})
_WHOLE = re.compile(r"0|-?[1-9]\d{0,17}")


class Shape(NamedTuple):
    """A topic as it is; `replicas` is None where it cannot be told now."""

    partitions: int
    replicas: int | None


class Terms(NamedTuple):
    """For whom the resources are made."""

    cluster: str  # name of Strimzi's Kafka resource
    namespace: str  # of the resources; empty in a manifest leaves it to who applies it
    unmanaged: bool  # the Topic Operator is to leave the topics alone


def manifest(topic: str, shape: Shape, config: Mapping[str, str], terms: Terms) -> Manifest:
    """The KafkaTopic that says of the topic what is so. `config` is what is set on the topic itself."""
    name = resource_name(topic)
    metadata: Manifest = {"name": name}
    if terms.namespace:
        metadata["namespace"] = terms.namespace
    metadata["labels"] = {CLUSTER_LABEL: terms.cluster, MADE_BY_LABEL: MADE_BY}
    if terms.unmanaged:
        metadata["annotations"] = {MANAGED_ANNOTATION: "false"}
    spec: Manifest = {} if name == topic else {"topicName": topic}
    spec["partitions"] = shape.partitions
    if shape.replicas is not None:
        spec["replicas"] = shape.replicas
    kept = {key: _value(text) for key, text in config.items() if key not in _PASSING}
    if kept:
        spec["config"] = kept
    return {"apiVersion": f"{GROUP}/{VERSION}", "kind": KIND, "metadata": metadata, "spec": spec}


def _value(text: str) -> str | int:
    """Whole numbers as numbers: the Topic Operator reads `min.insync.replicas` as one. All else as the text it is."""
    return int(text) if _WHOLE.fullmatch(text) else text


def as_json(manifests: Iterable[Manifest]) -> str:
    """All of them in one List."""
    whole = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode() + "\n"


def as_yaml(manifests: Iterable[Manifest]) -> str:
    """A document for each. Texts are quoted as in JSON, which is YAML: a topic may be called `null` or `1e3`."""
    return "".join("---\n" + "".join(f"{line}\n" for line in _lines(each, "")) for each in manifests)


def _lines(mapping: Manifest, indent: str) -> Iterable[str]:
    for key, value in mapping.items():
        if isinstance(value, dict):
            yield f"{indent}{key}:"
            yield from _lines(value, indent + "  ")
        else:
            yield f"{indent}{key}: {msgspec.json.encode(value).decode()}"
