"""Why nobody can apply the original's manifests any more: each reason, in the words of today's API server.

That the clients of that time cannot speak to Kafka 4 either is in tests/faults/original/test_13.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.apiserver import Answer, ApiServer

OLD = Path(__file__).parent / "old"
STRIMZI = "kafka.strimzi.io/v1beta1"
RBAC = "rbac.authorization.k8s.io/v1beta1"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
# What the schema of Strimzi's v1 does not know, of what the old Kafka says.
UNKNOWN = ("spec.kafka.listeners.plain", "spec.kafka.listeners.tls", "spec.kafka.replicas", "spec.zookeeper")


@pytest.mark.parametrize(
    ("name", "kind", "version"),
    [
        ("kafka.yaml", "Kafka", STRIMZI),
        ("kafka.yaml", "KafkaTopic", STRIMZI),
        ("eventrouter.yaml", "ClusterRole", RBAC),
        ("eventrouter.yaml", "ClusterRoleBinding", RBAC),
    ],
)
def test_the_versions_of_old_are_not_served(api: ApiServer, namespace: str, name: str, kind: str, version: str) -> None:
    answer = api.try_kubectl("apply", "-n", namespace, "-f", str(OLD / name))
    assert answer.code == 1
    assert f'no matches for kind "{kind}" in version "{version}"' in answer.err


def test_the_old_kafka_raised_to_v1_is_refused_for_what_v1_does_not_know(api: ApiServer, namespace: str) -> None:
    answer = _apply(api, namespace, _old("Kafka") | {"apiVersion": "kafka.strimzi.io/v1"})
    assert answer.code == 1
    assert 'Kafka in version "v1" cannot be handled as a Kafka: strict decoding error' in answer.err
    for field in UNKNOWN:
        assert f'unknown field "{field}"' in answer.err
    assert "spec.entityOperator" not in answer.err, "what v1 still knows is no reason"


def test_without_strict_checking_its_listeners_are_refused_all_the_same(api: ApiServer, namespace: str) -> None:
    answer = _apply(api, namespace, _old("Kafka") | {"apiVersion": "kafka.strimzi.io/v1"}, "--validate=ignore")
    assert answer.code == 1
    assert "spec.kafka.listeners: Invalid value" in answer.err
    assert "must be of type array" in answer.err


def test_the_old_topic_raised_to_v1_belongs_to_no_cluster(api: ApiServer, namespace: str) -> None:
    """It is taken, and no Topic Operator, which looks for its cluster's label, ever sees it: nor its retention."""
    assert _apply(api, namespace, _old("KafkaTopic") | {"apiVersion": "kafka.strimzi.io/v1"}).code == 0
    there = ("get", "kafkatopics", "-n", namespace, "-o", "name")
    assert api.kubectl(*there).out == "kafkatopic.kafka.strimzi.io/cluster-events\n"
    assert api.kubectl(*there, "-l", "strimzi.io/cluster").out == ""
    assert "retention.ms" in json.dumps(_old("KafkaTopic"))


@pytest.mark.parametrize("name", ["eventrouter", "events-fanout"])
def test_pod_security_restricted_refuses_the_old_pods(api: ApiServer, name: str) -> None:
    namespace = api.create_namespace(labels=RESTRICTED)
    template = _old("Deployment", name)["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", **template, "metadata": {"name": name}}
    answer = _apply(api, namespace, pod)
    api.remove_namespace(namespace)
    assert answer.code == 1
    assert f'pods "{name}" is forbidden: violates PodSecurity "restricted:latest"' in answer.err
    for reason in ("runAsNonRoot != true", "allowPrivilegeEscalation != false", "unrestricted capabilities"):
        assert reason in answer.err


def _apply(api: ApiServer, namespace: str, manifest: dict[str, Any], *options: str) -> Answer:
    return api.try_kubectl("apply", "-n", namespace, "-f", "-", *options, stdin=json.dumps(manifest))


def _old(kind: str, name: str = "") -> dict[str, Any]:
    """The one old manifest of this kind, and of this name if there are several."""
    every = [found for path in sorted(OLD.glob("*.yaml")) for found in yaml.safe_load_all(path.read_text())]
    [found] = [each for each in every if each["kind"] == kind and name in ("", each["metadata"]["name"])]
    return dict(found)
