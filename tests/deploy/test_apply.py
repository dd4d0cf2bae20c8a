"""Every overlay applied to a real API server: schemas, defaults, CEL rules, Pod Security and RBAC are the real ones."""

import copy
import json
from collections.abc import Iterator

import pytest

from tests.deploy.apiserver import ApiServer
from tests.deploy.applying import NAMES, OVERLAYS, Applied, applied, rules

PRIVILEGED = 'violates PodSecurity "restricted:latest": privileged'
READS_EVENTS = {f"{verb} events" for verb in ("get", "list", "watch")}


@pytest.fixture(scope="module", params=NAMES)
def overlay(request: pytest.FixtureRequest, api: ApiServer) -> Iterator[Applied]:
    yield from applied(api, OVERLAYS / request.param)


def test_there_is_an_overlay_to_try_and_one_to_rely_on() -> None:
    assert NAMES == ["dev", "prod"]


def test_an_overlay_is_applied_whole_and_without_a_warning(overlay: Applied) -> None:
    """A warning would tell of Pod Security, of a version that goes away, or of a field that is not known."""
    assert overlay.answer.err == ""
    lines = overlay.answer.out.splitlines()
    assert len(lines) == len(overlay.manifests)
    assert all(line.endswith(" serverside-applied") for line in lines)


def test_applied_again_it_changes_nothing(overlay: Applied) -> None:
    before = overlay.versions()
    assert len(before) == len(overlay.manifests)
    assert overlay.again().err == ""
    assert overlay.versions() == before


def test_the_namespace_lets_its_pods_in(overlay: Applied) -> None:
    """It is Pods that Pod Security refuses: of a Deployment it only warns."""
    assert len(overlay.pods()) >= 2
    for pod in overlay.pods():
        answer = overlay.api.kubectl("create", "-f", "-", stdin=json.dumps(pod))
        assert answer.err == ""


def test_the_namespace_keeps_a_privileged_pod_out(overlay: Applied) -> None:
    for pod in overlay.pods():
        spoilt = copy.deepcopy(pod)
        spoilt["spec"]["containers"][0]["securityContext"] = {"privileged": True}
        answer = overlay.api.try_kubectl("create", "-f", "-", stdin=json.dumps(spoilt))
        assert answer.code == 1
        assert PRIVILEGED in answer.err


def test_a_deployment_that_turns_privileged_is_warned_of(overlay: Applied) -> None:
    for deployment in (each for each in overlay.manifests if each["kind"] == "Deployment"):
        spoilt = copy.deepcopy(deployment)
        spoilt["spec"]["template"]["spec"]["containers"][0]["securityContext"] = {"privileged": True}
        answer = overlay.api.kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", stdin=json.dumps(spoilt))
        assert "Warning: would violate PodSecurity" in answer.err


def test_the_schemas_of_the_operators_are_enforced_and_their_rules(overlay: Applied) -> None:
    """What is accepted above is so because it is right, and not because nobody looks."""
    kafka = copy.deepcopy(next(each for each in overlay.manifests if each["kind"] == "Kafka"))
    kafka["spec"]["kafka"]["rack"] = {"type": "topology-label", "topologyKey": ""}
    dry = ("apply", "--server-side", "--dry-run=server", "--force-conflicts", "-f", "-")
    answer = overlay.api.try_kubectl(*dry, stdin=json.dumps(kafka))
    assert (answer.code, "topologyKey property is required" in answer.err) == (1, True)
    pool = copy.deepcopy(next(each for each in overlay.manifests if each["kind"] == "KafkaNodePool"))
    pool["spec"]["roles"] = ["zookeeper"]
    answer = overlay.api.try_kubectl(*dry, stdin=json.dumps(pool))
    assert (answer.code, 'supported values: "controller", "broker"' in answer.err) == (1, True)


def test_each_service_account_may_what_it_needs_and_no_more(overlay: Applied) -> None:
    api, namespace = overlay.api, overlay.namespace
    api.kubectl("create", "serviceaccount", "nobody", "-n", namespace)
    everybody = rules(api, namespace, "nobody")
    accounts = {each["metadata"]["name"] for each in overlay.manifests if each["kind"] == "ServiceAccount"}
    granted = {account: rules(api, namespace, account) - everybody for account in accounts}
    topics = granted.pop("events-fanout-topics")
    assert granted == {"events-fanout": set(), "eventrouter": READS_EVENTS}
    assert topics
    assert all(right.split()[1].startswith("kafkatopics.kafka.strimzi.io") for right in topics)


def test_events_are_read_in_all_namespaces_and_topics_in_one(overlay: Applied) -> None:
    api, namespace = overlay.api, overlay.namespace
    eventrouter = api.service_account_kubeconfig(namespace, "eventrouter")
    assert api.try_kubectl("get", "events", "--all-namespaces", kubeconfig=eventrouter).code == 0
    topics = api.service_account_kubeconfig(namespace, "events-fanout-topics")
    assert api.try_kubectl("get", "kafkatopics", "-n", namespace, kubeconfig=topics).code == 0
    answer = api.try_kubectl("get", "kafkatopics", "-n", "default", kubeconfig=topics)
    assert (answer.code, "is forbidden" in answer.err) == (1, True)
