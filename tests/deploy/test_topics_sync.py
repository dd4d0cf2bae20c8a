"""`topics sync` on a real Kafka and a real API server: the KafkaTopics say what is so, and nothing else is written."""

import json
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    ResourceType,
)

from bench.broker import LocalKafka
from bench.broker.place import free_ports
from fanout.kafkatopics.kube import KafkaTopics
from fanout.kafkatopics.manifest import Manifest
from tests.deploy.apiserver import ApiServer
from tests.deploy.relay import Relay
from tests.deploy.syncing import ACCOUNT, CLUSTER, RIGHTS, Place, Syncing, verbs
from tests.support.prefix import prefix
from tests.support.samples import event
from tests.support.topics import Record, produce, topics, wait_until

__all__ = ["prefix"]
DEADLINE_S = 60.0


@pytest.fixture(scope="module")
def kafka() -> Iterator[LocalKafka]:
    with LocalKafka() as running:
        yield running


@pytest.fixture
def place(kafka: LocalKafka, api: ApiServer, namespace: str, prefix: str) -> Place:
    kafka.create_topic(f"{prefix}-source")
    return Place(kafka, api, namespace, prefix)


def outcomes(place: Place, *arguments: str, code: int = 0, **environ: str) -> dict[str, str]:
    """What became of each KafkaTopic that was not simply as it should be, by the namespace of its topic."""
    done = place.once(*arguments, "--output", "json", **environ)
    assert done.exit_code == code, done.output
    told = json.loads(done.stdout)["topics"]
    return {row["topic"].removeprefix(f"{place.prefix}."): row["outcome"] for row in told}


def alter(kafka: LocalKafka, topic: str, **config: str) -> None:
    entries = [ConfigEntry(key.replace("_", "."), value, incremental_operation=AlterConfigOpType.SET)
               for key, value in config.items()]  # fmt: skip
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(DEADLINE_S)


def delete(kafka: LocalKafka, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for future in admin.delete_topics([topic]).values():
        future.result(DEADLINE_S)
    wait_until(lambda: topic not in topics(kafka.bootstrap), DEADLINE_S, "the topic is gone")


def test_each_destination_has_one_that_says_what_is_so_and_an_idle_cluster_sees_no_write(place: Place) -> None:
    place.kafka.create_topic(f"{place.prefix}.team-a", partitions=3, config={"retention.ms": "3600000"})
    place.kafka.create_topic(f"{place.prefix}.team-b")
    place.kafka.create_topic(f"{place.prefix}.Not_A_Namespace")
    place.kafka.create_topic(f"other-{place.prefix}.team-c")
    assert outcomes(place) == {"team-a": "created", "team-b": "created"}
    made = place.there()[f"{place.prefix}.team-a"]
    assert made["spec"] == {"partitions": 3, "replicas": 1, "config": {"retention.ms": 3_600_000}}
    assert made["metadata"]["labels"]["strimzi.io/cluster"] == CLUSTER
    assert [entry["manager"] for entry in made["metadata"]["managedFields"]] == ["events-fanout"]
    before = place.versions()
    assert set(before) == {f"{place.prefix}.team-a", f"{place.prefix}.team-b"}
    assert outcomes(place) == {}
    assert place.versions() == before


def test_what_changes_in_kafka_is_followed(place: Place) -> None:
    topic = f"{place.prefix}.team-a"
    place.kafka.create_topic(topic, config={"retention.ms": "1000"})
    outcomes(place)
    alter(place.kafka, topic, retention_ms="2000", segment_ms="500")
    admin = AdminClient({"bootstrap.servers": place.kafka.bootstrap})
    admin.create_partitions([NewPartitions(topic, 4)])[topic].result(DEADLINE_S)
    assert outcomes(place) == {"team-a": "changed"}
    assert place.there()[topic]["spec"] == {
        "partitions": 4,
        "replicas": 1,
        "config": {"retention.ms": 2000, "segment.ms": 500},
    }
    assert outcomes(place) == {}


def test_one_that_it_did_not_make_is_left_alone_and_told(place: Place) -> None:
    for name in ("team-a", "team-b"):
        place.kafka.create_topic(f"{place.prefix}.{name}")
    spec = {"topicName": f"{place.prefix}.team-a", "partitions": 7}
    labels = {"strimzi.io/cluster": CLUSTER}
    theirs = {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaTopic",
        "metadata": {"name": "theirs", "labels": labels},
        "spec": spec,
    }
    place.kubectl("create", "--filename=-", stdin=json.dumps(theirs))
    named = {**theirs, "metadata": {"name": f"{place.prefix}.team-b"}, "spec": {"partitions": 7}}
    place.kubectl("create", "--filename=-", stdin=json.dumps(named))
    before = place.versions()
    assert outcomes(place, "--unmanaged", "--delete", code=1) == {"team-a": "left alone", "team-b": "left alone"}
    assert place.versions() == before
    assert "made by somebody else" in place.once().output


def test_what_a_person_changes_stays_and_is_told_until_the_topic_has_it(place: Place) -> None:
    topic = f"{place.prefix}.team-a"
    place.kafka.create_topic(topic, config={"retention.ms": "1000"})
    outcomes(place)
    place.kubectl("patch", "kafkatopic", topic, "--type=merge", '--patch={"spec":{"config":{"retention.ms":5000}}}')
    assert outcomes(place, code=1) == {"team-a": "differs"}
    assert place.there()[topic]["spec"]["config"] == {"retention.ms": 5000}
    assert 'conflict with "kubectl-patch"' in place.once().output
    alter(place.kafka, topic, retention_ms="5000")  # as the Topic Operator does
    assert outcomes(place) == {}


def test_what_the_topic_operator_does_not_manage_is_a_picture_of_the_topic(place: Place) -> None:
    topic = f"{place.prefix}.team-a"
    place.kafka.create_topic(topic, config={"retention.ms": "1000"})
    assert outcomes(place, "--unmanaged") == {"team-a": "created"}
    assert place.there()[topic]["metadata"]["annotations"] == {"strimzi.io/managed": "false"}
    place.kubectl("patch", "kafkatopic", topic, "--type=merge", '--patch={"spec":{"config":{"retention.ms":5000}}}')
    assert outcomes(place, "--unmanaged") == {"team-a": "changed"}
    assert place.there()[topic]["spec"]["config"] == {"retention.ms": 1000}
    assert outcomes(place) == {"team-a": "changed"}
    assert "annotations" not in place.there()[topic]["metadata"]


def test_only_what_is_not_managed_is_deleted_and_only_when_told(place: Place) -> None:
    for name in ("managed", "picture", "stays", "theirs"):
        place.kafka.create_topic(f"{place.prefix}.{name}")
    outcomes(place, "--unmanaged")
    label = "app.kubernetes.io/managed-by"
    place.kubectl("label", "kafkatopic", f"{place.prefix}.theirs", f"{label}=them", "--overwrite")
    place.kubectl("annotate", "kafkatopic", f"{place.prefix}.managed", "strimzi.io/managed=true", "--overwrite")
    for name in ("managed", "picture", "theirs"):
        delete(place.kafka, f"{place.prefix}.{name}")
    assert outcomes(place, "--unmanaged", code=1) == {"managed": "without a topic"}
    assert outcomes(place, "--unmanaged", "--delete", code=1) == {"managed": "without a topic", "picture": "deleted"}
    assert set(place.there()) == {f"{place.prefix}.{name}" for name in ("managed", "stays", "theirs")}


def test_a_topic_that_goes_with_its_kafkatopic_during_a_pass_does_not_come_back(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = f"{place.prefix}.team-a"
    place.kafka.create_topic(topic)
    outcomes(place)
    listed = KafkaTopics.list

    def list_after_the_end(resources: KafkaTopics) -> Iterator[Mapping[str, Any]]:
        delete(place.kafka, topic)
        place.kubectl("delete", "kafkatopic", topic)
        yield from listed(resources)

    monkeypatch.setattr(KafkaTopics, "list", list_after_the_end)
    assert outcomes(place) == {}
    assert place.there() == {}


def test_one_that_was_deleted_since_it_was_listed_does_not_come_back(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = f"{place.prefix}.team-a"
    place.kafka.create_topic(topic, config={"retention.ms": "1000"})
    outcomes(place)
    alter(place.kafka, topic, retention_ms="2000")
    apply = KafkaTopics.apply

    def apply_after_the_end(resources: KafkaTopics, manifest: Manifest, *, force: bool) -> None:
        place.kubectl("delete", "kafkatopic", topic)
        apply(resources, manifest, force=force)

    monkeypatch.setattr(KafkaTopics, "apply", apply_after_the_end)
    assert outcomes(place) == {"team-a": "waiting"}
    assert place.there() == {}


def test_a_name_that_kubernetes_does_not_take_stands_in_the_spec(place: Place) -> None:
    template = f"{place.prefix}_Events.{{namespace}}"
    place.kafka.create_topic(f"{place.prefix}_Events.team-a")
    outcomes(place, TOPIC_TEMPLATE=template)
    [made] = place.there().values()
    assert made["spec"]["topicName"] == f"{place.prefix}_Events.team-a"
    assert made["metadata"]["name"].startswith(f"{place.prefix}-events.team-a---")
    assert outcomes(place, TOPIC_TEMPLATE=template) == {}


def test_without_a_prefix_only_what_holds_events_of_its_namespace_gets_one(place: Place) -> None:
    ours, theirs, empty = (f"{place.prefix}{end}" for end in ("-ours", "-theirs", "-empty"))
    for name in (ours, theirs, empty):
        place.kafka.create_topic(name)
    produce(place.kafka.bootstrap, ours, [Record(event(ours, "pod", 1))])
    produce(place.kafka.bootstrap, theirs, [Record(event("another", "pod", 1))])
    outcomes(place, TOPIC_TEMPLATE="{namespace}")
    assert {name for name in place.there() if name.startswith(place.prefix)} == {ours}
    produce(place.kafka.bootstrap, empty, [Record(event(empty, "pod", 1))])
    assert outcomes(place, TOPIC_TEMPLATE="{namespace}") == {empty: "created"}


def test_what_is_printed_and_applied_is_what_a_pass_would_do(place: Place) -> None:
    for name in ("team-a", "team-b"):
        place.kafka.create_topic(f"{place.prefix}.{name}", config={"retention.ms": "1000"})
    to_print = ("topics", "--as", "kafkatopics", "--cluster", CLUSTER)
    for more in ((), ("--output", "json")):
        printed = place.call(*to_print, *more)
        assert printed.exit_code == 0, printed.output
        place.kubectl("apply", "--server-side", "--field-manager=events-fanout", "-f", "-", stdin=printed.stdout)
        assert len(place.there()) == 2
        assert outcomes(place) == {}


def test_pruned_are_topics_by_their_kafkatopics(place: Place) -> None:
    for name in ("live", "dead"):
        place.kafka.create_topic(f"{place.prefix}.{name}")
    outcomes(place)
    prune = ("topics", "--prune", "--live", "-", "--idle", "0s", "--as", "kafkatopics", "--cluster", CLUSTER)
    printed = place.call(*prune, stdin="namespace/live\n")
    place.kubectl("delete", "-f", "-", stdin=printed.stdout)
    assert set(place.there()) == {f"{place.prefix}.live"}
    assert f"{place.prefix}.dead" in topics(place.kafka.bootstrap), "the Topic Operator deletes it, and none runs here"


def test_exactly_its_role_is_enough(place: Place) -> None:
    place.kafka.create_topic(f"{place.prefix}.team-a", config={"retention.ms": "1000"})
    account = str(place.account())
    assert outcomes(place, KUBECONFIG=account) == {"team-a": "created"}
    alter(place.kafka, f"{place.prefix}.team-a", retention_ms="2000")
    assert outcomes(place, KUBECONFIG=account) == {"team-a": "changed"}


@pytest.mark.parametrize("verb", [*verbs(), "delete"])
def test_each_right_that_is_taken_away_is_named(place: Place, verb: str) -> None:
    place.kafka.create_topic(f"{place.prefix}.team-a")
    place.kafka.create_topic(f"{place.prefix}.gone")
    outcomes(place, "--unmanaged")
    delete(place.kafka, f"{place.prefix}.gone")
    alter(place.kafka, f"{place.prefix}.team-a", retention_ms="1000")
    place.kafka.create_topic(f"{place.prefix}.team-b")
    account = place.account([each for each in [*verbs(), "delete"] if each != verb])
    refused = place.once("--unmanaged", "--delete", KUBECONFIG=str(account))
    print(f"without {verb}, exit code {refused.exit_code}:\n{refused.output}")
    assert refused.exit_code == 5
    assert f"no right to {verb} kafkatopics.kafka.strimzi.io in namespace {place.namespace}: " in refused.output
    assert f'User "system:serviceaccount:{place.namespace}:{ACCOUNT}" cannot {verb}' in refused.output
    assert f"grant the verb {verb}, in a Role as deploy/components/topics has it" in refused.output


@pytest.fixture
def forbidden(place: Place) -> Iterator[str]:
    """A namespace of events for whose topic a policy of the cluster forbids a KafkaTopic, as a quota would."""
    topic, name = f"{place.prefix}.team-a", f"no-{place.namespace}"
    rule = {"expression": f"object.metadata.name != '{topic}'", "message": "not that one", "reason": "Forbidden"}
    # It holds for a moment longer than it is there, and what is deleted by then has no name for its expression.
    matched = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["CREATE"], "resources": ["kafkatopics"]}
    of_it = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": name}}
    policy = {"matchConstraints": {"resourceRules": [matched]}, "validations": [rule]}
    binding = {"policyName": name, "validationActions": ["Deny"]}
    for kind, spec in (("ValidatingAdmissionPolicy", policy), ("ValidatingAdmissionPolicyBinding", binding)):
        place.kubectl("create", "--filename=-", stdin=json.dumps({**of_it, "kind": kind, "spec": spec}))
    probe = {"apiVersion": "kafka.strimzi.io/v1", "kind": "KafkaTopic", "metadata": {"name": topic}, "spec": {}}
    create = ("create", "-n", place.namespace, "--dry-run=server", "--filename=-")
    try:
        wait_until(lambda: "not that one" in place.api.try_kubectl(*create, stdin=json.dumps(probe)).err,
                   DEADLINE_S, "the policy holds")  # fmt: skip
        yield "team-a"
    finally:
        for kind in ("ValidatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy"):
            place.kubectl("delete", kind, name)


def test_one_that_a_policy_forbids_does_not_keep_the_others(place: Place, forbidden: str) -> None:
    for name in (forbidden, "team-b"):
        place.kafka.create_topic(f"{place.prefix}.{name}")
    assert outcomes(place, code=1) == {forbidden: "refused", "team-b": "created"}


def test_the_role_has_no_right_to_delete() -> None:
    role, binding = yaml.safe_load_all(RIGHTS.read_text())
    assert role["rules"] == [{"apiGroups": ["kafka.strimzi.io"], "resources": ["kafkatopics"], "verbs": verbs()}]
    assert set(verbs()) == {"list", "create", "patch"}
    assert binding["roleRef"]["name"] == role["metadata"]["name"]


def test_it_goes_on_when_the_api_server_was_away(place: Place, tmp_path: Path) -> None:
    place.kafka.create_topic(f"{place.prefix}.team-a")
    [port] = free_ports(1)
    relay = Relay(port, urlsplit(place.api.address).port or 0)
    with relay, Syncing(place, "--every", "0.2s", KUBECONFIG=away(place, tmp_path, port)) as program:
        refused = "no pass over the KafkaTopics, trying again"
        wait_until(lambda: program.told(refused), DEADLINE_S, "it tells that it is away")
        relay.open()
        wait_until(place.there, DEADLINE_S, "the KafkaTopic is there")
        relay.close()
        place.kafka.create_topic(f"{place.prefix}.team-b")
        relay.open()
        wait_until(lambda: len(place.there()) == 2, DEADLINE_S, "so is the next")
        assert program.stop() == 0
    assert all("does not answer" in line["error.message"] for line in program.told(refused))
    assert program.told("KafkaTopics applied")[0]["fanout.failures"] > 0


def test_it_stops_at_once_and_well_while_it_waits_for_an_answer(place: Place, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        deaf.settimeout(DEADLINE_S)
        with Syncing(place, KUBECONFIG=away(place, tmp_path, deaf.getsockname()[1])) as program:
            asked, _ = deaf.accept()
            with asked:
                assert program.stop() == 0
    assert [line["message"] for line in program.lines] == ["stopped"]


def test_it_stops_at_once_and_well_between_two_passes(place: Place) -> None:
    with Syncing(place, "--every", "1d") as program:
        wait_until(lambda: program.told("KafkaTopics applied"), DEADLINE_S, "a pass is done")
        assert program.stop() == 0


def test_it_ends_when_no_pass_succeeds_for_too_long(place: Place) -> None:
    [port] = free_ports(1)
    with Syncing(place, "--every", "0.1s", "--patience", "1s", ENDPOINT=f"127.0.0.1:{port}") as program:
        assert program.end() == 5
    assert "nothing listens there" in program.lines[-1]["error.message"]
    assert program.lines[-1]["message"] == "no pass over the KafkaTopics for too long: giving up"
    assert len(program.told("no pass over the KafkaTopics, trying again")) == 1, "told once, and counted"


def away(place: Place, folder: Path, port: int) -> str:
    """A kubeconfig for the API server behind this port."""
    path = folder / "kubeconfig"
    path.write_text(place.api.kubeconfig.read_text().replace(place.api.address, f"https://127.0.0.1:{port}"))
    return str(path)
