"""A KafkaTopic as the API server gives it: whose it is, what it says, and which of that was applied by us."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from fanout.kafkatopics.manifest import CLUSTER_LABEL, MADE_BY, MADE_BY_LABEL, MANAGED_ANNOTATION, Manifest

FIELD_MANAGER = MADE_BY
Path = tuple[str, ...]
CONFIG: Path = ("spec", "config")


class Existing(NamedTuple):
    """One KafkaTopic. `says` holds its labels, annotations and spec by path; `applied` are the paths that are ours."""

    name: str
    uid: str
    topic: str
    cluster: str
    ours: bool
    managed: bool  # by the Topic Operator: whoever deletes the resource deletes the topic
    going: bool  # it is being deleted
    ahead: bool  # it was changed since the Topic Operator looked at it last
    says: dict[Path, str]
    applied: frozenset[Path]


def existing(resource: Mapping[str, Any]) -> Existing:
    """The KafkaTopic in what the API server answered."""
    metadata = resource["metadata"]
    labels = metadata.get("labels") or {}
    annotations = metadata.get("annotations") or {}
    spec = resource.get("spec") or {}
    seen = (resource.get("status") or {}).get("observedGeneration")
    return Existing(
        name=metadata["name"],
        uid=metadata["uid"],
        topic=spec.get("topicName") or metadata["name"],
        cluster=labels.get(CLUSTER_LABEL, ""),
        ours=labels.get(MADE_BY_LABEL) == MADE_BY,
        managed=annotations.get(MANAGED_ANNOTATION, "true") != "false",
        going="deletionTimestamp" in metadata,
        ahead=seen is not None and seen != metadata.get("generation"),
        says=said({"metadata": {"labels": labels, "annotations": annotations}, "spec": spec}),
        applied=frozenset(_applied(metadata.get("managedFields") or ())),
    )


def said(resource: Manifest) -> dict[Path, str]:
    """What a KafkaTopic says, by path; values as the Topic Operator reads them: 1 and "1" are the same."""
    metadata = resource["metadata"]
    parts = {
        "metadata": {key: metadata[key] for key in ("labels", "annotations") if metadata.get(key)},
        "spec": resource["spec"],
    }
    return {path: _text(value) for path, value in _leaves(parts, ())}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _leaves(mapping: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, object]]:
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value


def _applied(managed_fields: Any) -> Iterator[Path]:  # noqa: ANN401  # JSON
    for entry in managed_fields:
        if entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply":
            yield from _fields(entry.get("fieldsV1") or {}, ())


def _fields(fields: Mapping[str, Any], path: Path) -> Iterator[Path]:
    """Paths of the leaves of `fieldsV1`, where the field x is `f:x`, and `.` a map itself."""
    for key, inner in fields.items():
        if key.startswith("f:"):
            deeper = (*path, key.removeprefix("f:"))
            if inner:
                yield from _fields(inner, deeper)
            else:
                yield deeper
