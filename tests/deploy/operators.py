"""A stand-in for the controllers and for Strimzi's operators: it writes what they would, and does nothing else.

Conditions of Kafka, KafkaTopics and KafkaUsers; the Secrets of KafkaUsers and of the cluster's authority, with
certificates that are real; and the end of namespaces that are being deleted.
"""

import base64
import json
from typing import Any

from bench.broker.security import Certificates
from tests.deploy.apiserver import ApiServer

READY = {"conditions": [{"type": "Ready", "status": "True"}]}
KINDS = ("kafkas", "kafkatopics", "kafkausers")
TOPIC_FINALIZER = "strimzi.io/topic-operator"


class Operators:
    """For all namespaces of a server. What is signed is signed by `authority`."""

    def __init__(self, api: ApiServer, authority: Certificates) -> None:
        self._api = api
        self._authority = authority

    def act(self) -> None:
        """Do all that is to be done now. Blocks for some calls of kubectl."""
        for each in self._items(",".join(KINDS)):
            if "deletionTimestamp" in each["metadata"]:
                self._let_go(each)
            elif "status" not in each:
                self._serve(each)
        for each in self._items("namespaces"):
            if "deletionTimestamp" in each["metadata"]:
                self._api.remove_namespace(each["metadata"]["name"])

    def _items(self, kinds: str) -> list[dict[str, Any]]:
        answer = self._api.kubectl("get", kinds, "--all-namespaces", "--output=json")
        items: list[dict[str, Any]] = json.loads(answer.out)["items"]
        return items

    def _serve(self, resource: dict[str, Any]) -> None:
        name, namespace = resource["metadata"]["name"], resource["metadata"]["namespace"]
        if resource["kind"] == "Kafka":
            self._secret(namespace, f"{name}-cluster-ca-cert", {"ca.crt": self._authority.authority.read_bytes()})
        elif resource["kind"] == "KafkaUser":
            self._secret(namespace, name, self._login(resource))
        elif "strimzi.io/cluster" not in resource["metadata"].get("labels", {}):
            return  # no operator looks at it
        kind = f"{resource['kind'].lower()}/{name}"
        if resource["kind"] == "KafkaTopic":
            self._patch(kind, namespace, {"metadata": {"finalizers": [TOPIC_FINALIZER]}})
        self._patch(kind, namespace, {"status": READY}, "--subresource=status")

    def _login(self, user: dict[str, Any]) -> dict[str, bytes]:
        if user["spec"]["authentication"]["type"] != "tls":
            return {"password": b"none"}
        files = self._authority.client(user["metadata"]["name"])
        return {"user.crt": files.certificate.read_bytes(), "user.key": files.key.read_bytes()}

    def _let_go(self, resource: dict[str, Any]) -> None:
        if TOPIC_FINALIZER in resource["metadata"].get("finalizers", []):
            kind = f"{resource['kind'].lower()}/{resource['metadata']['name']}"
            self._patch(kind, resource["metadata"]["namespace"], {"metadata": {"finalizers": None}})

    def _patch(self, kind: str, namespace: str, patch: dict[str, Any], *options: str) -> None:
        text = json.dumps(patch)
        self._api.kubectl("patch", kind, f"--namespace={namespace}", "--type=merge", f"--patch={text}", *options)

    def _secret(self, namespace: str, name: str, data: dict[str, bytes]) -> None:
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": namespace},
            "data": {key: base64.b64encode(value).decode() for key, value in data.items()},
        }
        self._api.kubectl("apply", "--server-side", "--filename=-", stdin=json.dumps(secret))
