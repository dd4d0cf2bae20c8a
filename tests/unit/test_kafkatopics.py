"""What the KafkaTopic of a topic is called and says; the API server itself is asked in tests/deploy."""

import re

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from fanout.kafkatopics.manifest import Shape, Terms, as_json, as_yaml, manifest
from fanout.kafkatopics.names import NAME_MAX, resource_name

TERMS = Terms("events", "", unmanaged=False)
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
topic_names = st.text("abcABC019._-", min_size=1, max_size=249).filter(lambda name: name not in {".", ".."})


@given(topic_names)
@example("_")
@example("-")
@example("...a")
@example("a._-b")
@example("A" * 249)
@example("a." * 124)
@example("_cluster")
def test_a_name_is_one_that_kubernetes_takes(topic: str) -> None:
    name = resource_name(topic)
    assert SUBDOMAIN.fullmatch(name)
    assert len(name) <= NAME_MAX


@given(st.sets(topic_names, max_size=30))
@example({"a_b", "a-b", "A-b", "a.-b", "a.b"})
def test_no_two_topics_have_the_same_name(topics: set[str]) -> None:
    # A topic may even be called like the resource of another one.
    known = {topic for topic in topics | {resource_name(topic) for topic in topics} if len(topic) <= 249}
    assert len({resource_name(topic) for topic in known}) == len(known)


@pytest.mark.parametrize("topic", ["team-a", "k8s-events.team-a", "a", "0", "on", "null", "1e3", "a--b", "a" * 249])
def test_a_topic_whose_name_is_allowed_keeps_it(topic: str) -> None:
    made = manifest(topic, Shape(1, 1), {}, TERMS)
    assert made["metadata"]["name"] == topic
    assert "topicName" not in made["spec"]


def test_a_topic_whose_name_is_not_allowed_stands_in_the_spec() -> None:
    # What Strimzi's Topic Operator called it as long as it made KafkaTopics of topics.
    made = manifest("K8s_events.team-a", Shape(1, 1), {}, TERMS)
    assert made["metadata"]["name"] == "k8s-events.team-a---c649d26af9617d32beb07f9cdd5cbe4b9be0203f"
    assert made["spec"]["topicName"] == "K8s_events.team-a"


def test_it_says_what_the_topic_has() -> None:
    config = {"retention.ms": "86400000", "min.cleanable.dirty.ratio": "0.50", "cleanup.policy": "compact,delete",
              "retention.bytes": "-1", "preallocate": "true", "segment.index.bytes": "007",
              "message.timestamp.after.max.ms": "9223372036854775807"}  # fmt: skip
    made = manifest("team-a", Shape(3, 2), config, TERMS._replace(namespace="kafka"))
    assert made == {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaTopic",
        "metadata": {
            "name": "team-a",
            "namespace": "kafka",
            "labels": {"strimzi.io/cluster": "events", "app.kubernetes.io/managed-by": "events-fanout"},
        },
        "spec": {
            "partitions": 3,
            "replicas": 2,
            # whole numbers as such; what Kafka would give back in other words stays the text that it is
            "config": {
                "retention.ms": 86_400_000,
                "min.cleanable.dirty.ratio": "0.50",
                "cleanup.policy": "compact,delete",
                "retention.bytes": -1,
                "preallocate": "true",
                "segment.index.bytes": "007",
                "message.timestamp.after.max.ms": "9223372036854775807",
            },
        },
    }


def test_it_says_nothing_that_is_not_known_or_passes() -> None:
    made = manifest("team-a", Shape(3, None), {"leader.replication.throttled.replicas": "0:1"}, TERMS)
    assert made["spec"] == {"partitions": 3}
    assert "namespace" not in made["metadata"]
    assert "annotations" not in made["metadata"]


def test_what_is_not_managed_says_so() -> None:
    made = manifest("team-a", Shape(1, 1), {}, TERMS._replace(unmanaged=True))
    assert made["metadata"]["annotations"] == {"strimzi.io/managed": "false"}


def test_yaml_and_json_say_the_same() -> None:
    names = ["team-a", "null", "on", "1e3", "0x1f", "Yes_", "2026-11-26"]
    made = [manifest(name, Shape(1, 1), {"retention.ms": "1", "cleanup.policy": "off"}, TERMS) for name in names]
    assert list(yaml.safe_load_all(as_yaml(made))) == made
    assert yaml.safe_load(as_json(made)) == {"apiVersion": "v1", "kind": "List", "items": made}
    assert as_yaml([]) == ""
