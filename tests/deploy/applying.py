"""An overlay applied to the API server, and what was there before, is there and is left."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml

from tests.deploy.apiserver import Answer, ApiServer

Manifest = dict[str, Any]
OVERLAYS = Path(__file__).parents[2] / "deploy" / "overlays"
NAMES = sorted(path.name for path in OVERLAYS.iterdir())
# What the API server itself makes and renews, some of it a moment after it is ready.
ITS_OWN = ("events", "events.events.k8s.io", "leases.coordination.k8s.io", "apiservices.apiregistration.k8s.io")
ITS_NAMESPACES = "/kube-"


class Applied(msgspec.Struct, frozen=True):
    """One overlay on the server: its folder, what kubectl answered, and the manifests that it consists of."""

    api: ApiServer
    overlay: Path
    answer: Answer
    manifests: list[Manifest]

    @property
    def namespace(self) -> str:
        """The one that it makes."""
        [found] = [each["metadata"]["name"] for each in self.manifests if each["kind"] == "Namespace"]
        return str(found)

    def again(self) -> Answer:
        """Apply it once more."""
        return apply(self.api, self.overlay)

    def versions(self) -> dict[str, str]:
        """The resourceVersion of each object, which changes whenever the object does."""
        listed = json.loads(self.api.kubectl("get", "-k", str(self.overlay), "-o", "json").out)["items"]
        return {f"{each['kind']}/{each['metadata']['name']}": each["metadata"]["resourceVersion"] for each in listed}

    def pods(self) -> list[Manifest]:
        """The Pod that each Deployment would make, as its controller would ask for it."""
        deployments = [each for each in self.manifests if each["kind"] == "Deployment"]
        return [
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    **each["spec"]["template"]["metadata"],
                    "generateName": f"{each['metadata']['name']}-",
                    "namespace": self.namespace,
                },
                "spec": each["spec"]["template"]["spec"],
            }
            for each in deployments
        ]


def apply(api: ApiServer, overlay: Path) -> Answer:
    """Server-side, for real. Raises KubectlError."""
    return api.kubectl("apply", "--server-side", "-k", str(overlay))


def applied(api: ApiServer, overlay: Path) -> Iterator[Applied]:
    """Apply it, and remove its namespace at the end, with all that `kubectl delete -k` knows to be outside of it."""
    manifests = [each for each in yaml.safe_load_all(api.kubectl("kustomize", str(overlay)).out) if each]
    found = Applied(api, overlay, Answer(0, "", ""), manifests)
    try:
        yield msgspec.structs.replace(found, answer=apply(api, overlay))
    finally:
        delete(found)
        api.remove_namespace(found.namespace)


def delete(found: Applied) -> Answer:
    """`kubectl delete -k`, without waiting for the controller of namespaces: none runs. Raises KubectlError."""
    return found.api.kubectl("delete", "--wait=false", "--ignore-not-found", "-k", str(found.overlay))


def everything(api: ApiServer, namespace: str = "") -> set[str]:
    """Names of all objects, or of those in one namespace; without what the server makes by itself."""
    scope = ["--all-namespaces"] if not namespace else [f"--namespace={namespace}"]
    options = ["--verbs=list", "-o", "name", *(["--namespaced"] if namespace else [])]
    kinds = [kind for kind in api.kubectl("api-resources", *options).out.split() if kind not in ITS_OWN]
    template = "{range .items[*]}{.kind}/{.metadata.namespace}/{.metadata.name}\n{end}"
    found = api.kubectl("get", ",".join(kinds), *scope, "-o", f"jsonpath={template}").out.split()
    return {name for name in found if ITS_NAMESPACES not in name}


def rules(api: ApiServer, namespace: str, account: str) -> set[str]:
    """What a ServiceAccount may in its namespace, as the server tells it: "verb resource.group", one for each."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    as_it = api.service_account_kubeconfig(namespace, account)
    # For its own check kubectl would read definitions, which no ServiceAccount may.
    create = ("create", "--validate=ignore", "-f", "-", "-o", "json")
    told = api.kubectl(*create, stdin=json.dumps(review), kubeconfig=as_it).out
    return {
        f"{verb} {resource}{f'.{group}' if group else ''}{f' {name}' if name else ''}"
        for rule in json.loads(told)["status"]["resourceRules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for name in rule.get("resourceNames") or [""]
    }
