"""Events as the parts of a cluster write them: through both of its APIs, about objects that are there."""

import json
from typing import Any

from tests.deploy.apiserver import ApiServer

NOW = "2026-01-02T03:04:05Z"


def pod(api: ApiServer, namespace: str, name: str) -> str:
    """Make a Pod, which nobody will ever run; its uid."""
    made = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"containers": [{"name": "app", "image": "app"}]},
    }
    told = json.loads(api.kubectl("create", "-f", "-", "-o", "json", stdin=json.dumps(made)).out)
    return str(told["metadata"]["uid"])


def legacy(namespace: str, name: str, regarding: dict[str, Any], message: str) -> dict[str, Any]:
    """As the kubelet writes: core/v1, with source, count and two times."""
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": namespace},
        "involvedObject": regarding,
        "reason": "BackOff",
        "message": message,
        "type": "Warning",
        "source": {"component": "kubelet", "host": "node-1"},
        "firstTimestamp": NOW,
        "lastTimestamp": NOW,
        "count": 1,
    }


def modern(namespace: str, name: str, regarding: dict[str, Any], note: str) -> dict[str, Any]:
    """As the scheduler writes: events.k8s.io/v1."""
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": namespace},
        "regarding": regarding,
        "reason": "Scheduled",
        "action": "Binding",
        "note": note,
        "type": "Normal",
        "eventTime": "2026-01-02T03:04:05.678901Z",
        "reportingController": "default-scheduler",
        "reportingInstance": "default-scheduler-master-1",
    }
