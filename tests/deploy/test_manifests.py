"""What kustomize makes of deploy/: its parts fit each other, and the program. Linters and schemas: test_linters.py."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.broker.security import Certificates
from fanout.config import load, read
from tests.deploy.kustomize import (
    BASE,
    DEPLOY,
    DEV,
    EACH,
    PROD,
    Manifest,
    built,
    containers_of,
    manifests,
    of_kind,
    one,
    pods_of,
    variables_of,
)

NAMESPACE = "events-fanout"
CLUSTER_WIDE = {"Namespace", "ClusterRole", "ClusterRoleBinding"}
# Of the authority, of the client, and its key.
FILES = ("KAFKA_SSL_CA_LOCATION", "KAFKA_SSL_CERTIFICATE_LOCATION", "KAFKA_SSL_KEY_LOCATION")
# What `kubectl apply` would have to put into an annotation, if it is not told to apply on the server.
ANNOTATION_MAX = 262_144


def certificates(folder: Path) -> dict[str, str]:
    """The variables that name certificates, with files that are there: the client looks into them."""
    own = Certificates(folder)
    files = own.client("events-fanout")
    paths = zip(FILES, (own.authority, files.certificate, files.key), strict=True)
    return {variable: str(path) for variable, path in paths}


@EACH
def test_all_of_it_is_in_one_namespace_that_enforces_the_restricted_level(overlay: Path) -> None:
    found = manifests(overlay)
    names = [(each["kind"], each["metadata"]["name"]) for each in found]
    assert len(set(names)) == len(names)
    assert {each["metadata"].get("namespace") for each in found if each["kind"] not in CLUSTER_WIDE} == {NAMESPACE}
    labels = one(found, "Namespace", NAMESPACE)["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


@EACH
def test_the_program_takes_its_settings(overlay: Path, tmp_path: Path) -> None:
    given = variables_of(overlay)
    assert given.keys() & set(FILES) == (set(FILES) if overlay == PROD else set())
    there = {name: path for name, path in certificates(tmp_path).items() if name in given}
    settings = load({**given, **there}, {}).settings
    found = manifests(overlay)
    assert settings.topic in of_kind(found, "KafkaTopic")
    assert settings.dead_letter_topic in of_kind(found, "KafkaTopic")
    listeners = {each["port"]: each for each in one(found, "Kafka", "events")["spec"]["kafka"]["listeners"]}
    host, _, port = settings.endpoint.partition(":")
    assert host == "events-kafka-bootstrap"
    assert listeners[int(port)]["tls"] == (settings.kafka.get("security.protocol") == "SSL")


def test_dev_has_the_names_of_the_original_and_prod_a_prefix() -> None:
    assert "TOPIC_TEMPLATE" not in variables_of(DEV)
    assert variables_of(PROD)["TOPIC_TEMPLATE"] == "k8s-events.{namespace}"


def test_base_needs_two_variables_and_the_readme_shows_them(tmp_path: Path) -> None:
    problems = read(variables_of(BASE), {}).problems
    problems = read(variables_of(BASE), {}).problems
    assert {problem.split()[0].rstrip(":") for problem in problems} == {"ENDPOINT", "TOPIC"}
    block = re.search(r"```yaml\n(.*?)```", (DEPLOY / "README.md").read_text(), re.DOTALL)
    assert block is not None
    mine = tmp_path / "overlays" / "mine"
    mine.mkdir(parents=True)
    (tmp_path / "base").symlink_to(BASE)
    (mine / "kustomization.yaml").write_text(block[1])
    assert load(variables_of(mine), {}).settings.endpoint == "kafka-1.example.com:9092,kafka-2.example.com:9092"
    container = containers_of(one(manifests(mine), "Deployment", "events-fanout"))["events-fanout"]
    assert container["image"] == "registry.example.com/events-fanout:0.1.0"


def test_a_changed_setting_is_a_rolling_update(tmp_path: Path) -> None:
    def source_of(folder: Path) -> Any:  # noqa: ANN401  # a part of a manifest
        container = containers_of(one(manifests(folder), "Deployment", "events-fanout"))["events-fanout"]
        return container["envFrom"][0]["configMapRef"]["name"]

    changed = tmp_path / "base"
    changed.mkdir()
    for path in BASE.iterdir():
        (changed / path.name).write_bytes(path.read_bytes())
    assert source_of(changed) == source_of(BASE)
    later = tmp_path / "later"
    changed.rename(later)
    with (later / "settings.env").open("a") as file:
        file.write("DROP_RESYNC=true\n")
    assert source_of(later) != source_of(BASE)


def deployments(overlay: Path) -> Iterator[tuple[str, Manifest]]:
    """All of an overlay, by name."""
    yield from of_kind(manifests(overlay), "Deployment").items()


@EACH
def test_each_image_of_ours_is_the_one_that_the_overlay_names(overlay: Path) -> None:
    [ours] = yaml.safe_load((overlay / "kustomization.yaml").read_text())["images"]
    image = f"{ours['newName']}:{ours['newTag']}"
    images = {name: {each["image"] for each in containers_of(found).values()} for name, found in deployments(overlay)}
    assert images["events-fanout"] == images["events-fanout-topics"] == {image}
    assert all(":" in each for found in images.values() for each in found)


@EACH
def test_each_secret_that_is_mounted_or_named_is_one_that_strimzi_makes(overlay: Path) -> None:
    found = manifests(overlay)
    made = {"events-cluster-ca-cert", *of_kind(found, "KafkaUser")}
    mounted = {
        volume["secret"]["secretName"]
        for _, deployment in deployments(overlay)
        for volume in pods_of(deployment)["spec"].get("volumes", ())
        if "secret" in volume
    }
    named = {
        reference["name"]
        for each in of_kind(found, "TriggerAuthentication").values()
        for reference in each["spec"]["secretTargetRef"]
    }
    assert mounted | named == (made if overlay == PROD else set())


@EACH
def test_no_file_of_a_secret_is_mounted_so_that_it_never_changes(overlay: Path) -> None:
    mounts = [m for _, d in deployments(overlay) for c in containers_of(d).values() for m in c.get("volumeMounts", ())]
    assert not [mount for mount in mounts if "subPath" in mount]


def test_the_files_of_the_settings_are_mounted() -> None:
    given = variables_of(PROD)
    for name, container in (("events-fanout", "events-fanout"), ("events-fanout-topics", "topics-sync")):
        deployment = one(manifests(PROD), "Deployment", name)
        secrets = {v["name"]: v["secret"] for v in pods_of(deployment)["spec"]["volumes"]}
        there = {
            f"{mount['mountPath']}/{item['path']}"
            for mount in containers_of(deployment)[container]["volumeMounts"]
            for item in secrets[mount["name"]]["items"]
        }
        assert there == {given[variable] for variable in FILES}


def matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a selector takes what has these labels."""
    return all(labels.get(name) == value for name, value in selector["matchLabels"].items())


@EACH
@pytest.mark.parametrize(
    ("kind", "field"),
    [("NetworkPolicy", "podSelector"), ("PodDisruptionBudget", "selector"), ("PodMonitor", "selector")],
)
def test_what_selects_pods_selects_those_of_one_deployment(overlay: Path, kind: str, field: str) -> None:
    found = of_kind(manifests(overlay), kind)
    assert found or overlay == DEV
    for name, each in found.items():
        labels = {of: pods_of(deployment)["metadata"]["labels"] for of, deployment in deployments(overlay)}
        assert [of for of, given in labels.items() if matches(each["spec"][field], given)] == [name]


@EACH
def test_each_deployment_has_a_network_policy_for_both_directions(overlay: Path) -> None:
    policies = of_kind(manifests(overlay), "NetworkPolicy")
    assert policies.keys() == dict(deployments(overlay)).keys()
    assert all(each["spec"]["policyTypes"] == ["Ingress", "Egress"] for each in policies.values())


@EACH
def test_eventrouter_writes_to_the_source_and_the_overlays_differ_in_where_it_finds_it(overlay: Path) -> None:
    config = json.loads(one(manifests(overlay), "ConfigMap", "eventrouter")["data"]["config.json"])
    assert config["kafkaTopic"] == variables_of(overlay)["TOPIC"]
    other = json.loads((DEPLOY / "components" / "eventrouter" / "config.json").read_text())
    assert config | {"kafkaBrokers": []} == other | {"kafkaBrokers": []}
    if overlay == PROD:
        proxy = containers_of(one(manifests(PROD), "Deployment", "eventrouter"))["kafka-proxy"]
        assert f"--bootstrap-server-mapping=events-kafka-bootstrap:9094,{config['kafkaBrokers'][0]}" in proxy["args"]


def test_with_keda_the_deployment_names_no_replicas() -> None:
    found = manifests(PROD)
    target = one(found, "ScaledObject", "events-fanout")["spec"]["scaleTargetRef"]["name"]
    assert "replicas" not in one(found, "Deployment", target)["spec"]


@EACH
def test_each_resource_is_small_enough_for_an_apply_on_the_client(overlay: Path) -> None:
    assert {len(json.dumps(each)) < ANNOTATION_MAX for each in manifests(overlay)} == {True}


@EACH
def test_what_is_built_is_the_same_each_time(overlay: Path) -> None:
    assert built.__wrapped__(overlay) == built(overlay)
