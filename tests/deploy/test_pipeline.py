"""From end to end, as in the original's story: events of a cluster, and then a KafkaTopic for each of its namespaces.

Real: the API server and its events, Kafka, the program, `topics sync`, and the manifests of the overlay, which all of
them take their settings and rights from. Stand-ins: for Eventrouter, and for Strimzi, where this test starts Kafka and
makes the two topics that the manifests name. `pytest -rP tests/deploy/test_pipeline.py` shows it step by step.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.broker import LocalKafka
from bench.program import Program
from tests.deploy.apiserver import ApiServer
from tests.deploy.applying import OVERLAYS, Applied, Manifest, applied
from tests.deploy.happenings import legacy, modern, pod
from tests.deploy.standin import StandIn
from tests.support.topics import Record, read_all, topics, wait_until

pytestmark = pytest.mark.timeout(600)  # its waits have deadlines of their own, of which several may be used up

ROOT = Path(__file__).parents[2]
OLD = Path(__file__).parent.relative_to(ROOT) / "old"
TEAMS = ("payments", "search")
SOURCE, DEAD = "cluster-events", "cluster-events-dlq"
GROUP = "events-fanout"
EVENT = "custom-columns=NAMESPACE:.metadata.namespace,REASON:.reason,OBJECT:.involvedObject.name,MESSAGE:.message"
DEADLINE_S = 60.0


@pytest.fixture
def overlay(api: ApiServer) -> Iterator[Applied]:
    yield from applied(api, OVERLAYS / "dev")


@pytest.fixture
def teams(api: ApiServer) -> Iterator[tuple[str, ...]]:
    """Two namespaces, besides `default`, which is always there."""
    for name in TEAMS:
        api.kubectl("create", "namespace", name)
    yield TEAMS
    for name in TEAMS:
        api.remove_namespace(name)
    api.kubectl("delete", "events", "--all", "-n", "default")


@pytest.fixture
def strimzi_kafka(overlay: Applied) -> Iterator[LocalKafka]:
    """What Strimzi would make of the overlay's Kafka and KafkaTopics, on this machine."""
    config = one(overlay, "Kafka", "events")["spec"]["kafka"]["config"]
    with LocalKafka(config={name: _text(value) for name, value in config.items()}) as kafka:
        for name in (SOURCE, DEAD):
            spec = one(overlay, "KafkaTopic", name)["spec"]
            wanted = {option: _text(value) for option, value in spec["config"].items()}
            kafka.create_topic(name, spec["partitions"], spec["replicas"], wanted)
        yield kafka


def test_kubectl_lists_a_kafkatopic_for_each_namespace_with_events(
    api: ApiServer, overlay: Applied, teams: tuple[str, ...], strimzi_kafka: LocalKafka
) -> None:
    kafka = strimzi_kafka
    for step in ("kafka", "eventrouter", "events-fanout"):
        arguments = ("apply", "--dry-run=server", "-f", f"{OLD}/{step}.yaml")
        answer = api.try_kubectl(*arguments)
        told(f"kubectl {' '.join(arguments)}", answer.out + answer.err)
    told("kubectl apply --server-side -k deploy/overlays/dev", overlay.answer.out)
    list_topics = ("get", "kafkatopics", "-n", overlay.namespace, "-o", "name")
    assert show(api, *list_topics).split() == [f"kafkatopic.kafka.strimzi.io/{name}" for name in (SOURCE, DEAD)]
    settings = settings_of(overlay, "events-fanout") | {"ENDPOINT": kafka.bootstrap}
    eventrouter = api.service_account_kubeconfig(overlay.namespace, "eventrouter")
    with Program(kafka.bootstrap, SOURCE, GROUP, **settings) as program:
        with StandIn(api, eventrouter, kafka.bootstrap, SOURCE) as standin:
            caused = cause_events(api)
            show(api, "get", "events", "--all-namespaces", "-o", EVENT)
            wait_until(lambda: caused <= Counter(map(about, standin.sent)), DEADLINE_S, "all events are read")
        # The API server has events of its own to tell, at times.
        spaces = {space for space, _ in map(about, standin.sent)}
        wait_until(lambda: delivered(kafka, standin.sent), DEADLINE_S, "all are in the topics of their namespaces")
        told("events-fanout topics sync --cluster events --once", sync(api, overlay, settings))
        assert program.terminate() == 0
    listed = show(api, *list_topics)
    show(api, "get", "kafkatopics", "-n", overlay.namespace)
    assert set(listed.split()) == {f"kafkatopic.kafka.strimzi.io/{name}" for name in (SOURCE, DEAD, *spaces)}
    assert_verbatim(kafka, standin.sent)


def cause_events(api: ApiServer) -> Counter[tuple[str, str]]:
    """Make things happen in each namespace; namespace and message of each record that must come of it."""
    payments, search = TEAMS
    node = {"kind": "Node", "name": "node-1"}
    shop = {"kind": "Pod", "namespace": payments, "name": "shop", "uid": pod(api, payments, "shop")}
    index = {"kind": "Pod", "namespace": search, "name": "index", "uid": pod(api, search, "index")}
    quoted = 'pods "shop" is forbidden: "serviceaccount" not found \\ <&>'
    for event in (
        legacy(payments, "shop.1", shop, quoted),
        modern(payments, "shop.2", shop, "Successfully assigned payments/shop to node-1"),
        # The object is said to be another tenant's: only the namespace of the event itself is guarded by RBAC.
        modern(payments, "forged.1", index, "not a thing of search"),
        modern(search, "index.1", index, "Successfully assigned search/index to node-1"),
        legacy("default", "node-1.1", node, "Node is not ready"),
    ):
        api.kubectl("create", "-f", "-", stdin=json.dumps(event))
    again = '{"count": 2, "message": "again"}'
    api.kubectl("patch", "event", "shop.1", "-n", payments, "--type=merge", "-p", again)
    return Counter([
        *((payments, text) for text in (quoted, "Successfully assigned payments/shop to node-1", "again")),
        (payments, "not a thing of search"),
        (search, "Successfully assigned search/index to node-1"),
        ("default", "Node is not ready"),
    ])  # fmt: skip


def delivered(kafka: LocalKafka, sent: list[bytes]) -> bool:
    """Whether each topic has as many records as were written for its namespace."""
    there, counts = topics(kafka.bootstrap), Counter(space for space, _ in map(about, sent))
    return all(name in there and len(read_all(kafka.bootstrap, name)) >= count for name, count in counts.items())


def assert_verbatim(kafka: LocalKafka, sent: list[bytes]) -> None:
    """In each topic is what was written for its namespace, byte for byte, each once, and nothing is anywhere else."""
    found = {name: read_all(kafka.bootstrap, name) for name, _ in map(about, sent)}
    for name, records in found.items():
        assert sorted(value(record) for record in records) == sorted(each for each in sent if about(each)[0] == name)
    source = {(record.key, record.value, record.timestamp) for record in read_all(kafka.bootstrap, SOURCE)}
    assert {(each.key, each.value, each.timestamp) for records in found.values() for each in records} == source
    assert read_all(kafka.bootstrap, DEAD) == []
    verbs = [msgspec.json.decode(value(record))["verb"] for record in found["payments"]]
    assert sorted(verbs) == ["ADDED", "ADDED", "ADDED", "UPDATED"]


def value(record: Record) -> bytes:
    assert record.value is not None
    return record.value


def about(record: bytes) -> tuple[str, str]:
    """Namespace and message."""
    event = msgspec.json.decode(record)["event"]
    return str(event["metadata"]["namespace"]), str(event["message"])


def one(overlay: Applied, kind: str, name: str) -> Manifest:
    """The one object of this kind and name, as the server has it."""
    return dict(json.loads(overlay.api.kubectl("get", kind, name, "-n", overlay.namespace, "-o", "json").out))


def container(overlay: Applied, deployment: str) -> dict[str, Any]:
    [found] = one(overlay, "Deployment", deployment)["spec"]["template"]["spec"]["containers"]
    return dict(found)


def settings_of(overlay: Applied, deployment: str) -> dict[str, str]:
    """The environment that its pods get from ConfigMaps."""
    names = [each["configMapRef"]["name"] for each in container(overlay, deployment)["envFrom"]]
    return {variable: text for name in names for variable, text in one(overlay, "ConfigMap", name)["data"].items()}


def sync(api: ApiServer, overlay: Applied, settings: dict[str, str]) -> str:
    """One pass of `topics sync`, with the arguments and the rights of its Deployment; what it printed."""
    account = one(overlay, "Deployment", "events-fanout-topics")["spec"]["template"]["spec"]["serviceAccountName"]
    kubeconfig = api.service_account_kubeconfig(overlay.namespace, account)
    arguments = container(overlay, "events-fanout-topics")["args"]
    done = subprocess.run(
        [sys.executable, "-m", "fanout", *arguments, "--once", "--kubernetes-namespace", overlay.namespace],
        cwd=ROOT,
        env={**os.environ, **settings, "KUBECONFIG": str(kubeconfig)},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def show(api: ApiServer, *arguments: str) -> str:
    """Run kubectl, and tell; what it printed."""
    out = api.kubectl(*arguments).out
    told(f"kubectl {' '.join(arguments)}", out)
    return out


def told(command: str, output: str) -> None:
    """A step of the story as a person would see it."""
    print(f"$ {command}\n{output}")


def _text(setting: object) -> str:
    return str(setting).lower() if isinstance(setting, bool) else str(setting)
