"""The rights of docs/security.md for `topics sync` on Kafka are enough, and one that is missing is named."""

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from fanout import config
from fanout.cluster.cluster import Cluster
from fanout.kafkatopics.look import Destination, Looker, Seen
from fanout.kafkatopics.manifest import Shape
from tests.security.ways import Secured
from tests.support.topics import wait_until

USER = "topics-sync"


def allow(secured: Secured, prefix: str, operation: AclOperation) -> None:
    kind, to_all = ResourcePatternType.PREFIXED, AclPermissionType.ALLOW
    rule = AclBinding(ResourceType.TOPIC, f"{prefix}.", kind, f"User:{USER}", "*", operation, to_all)
    admin = AdminClient({"bootstrap.servers": secured.kafka.bootstrap})
    for future in admin.create_acls([rule], request_timeout=30).values():
        future.result()


def test_to_describe_them_and_their_configuration_is_enough(secured: Secured, prefix: str) -> None:
    topic = f"{prefix}.team-a"
    secured.kafka.create_topic(topic, config={"retention.ms": "1000"})
    environ = {"TOPIC": f"{prefix}-source", "TOPIC_TEMPLATE": f"{prefix}.{{namespace}}"}
    settings = config.load({**environ, **secured.with_certificate(USER)}, {}).settings

    def look() -> Seen:
        return Looker().look(settings, Cluster(settings), [topic])

    assert look() == Seen({}, {}, frozenset()), "what may not be described is not there, and not gone either"
    allow(secured, prefix, AclOperation.DESCRIBE)
    wait_until(lambda: look().unknown, 30, "it may be described")
    assert look().unknown[topic].endswith("; grant DESCRIBE_CONFIGS on it")
    allow(secured, prefix, AclOperation.DESCRIBE_CONFIGS)
    wait_until(lambda: look().destinations, 30, "its configuration, too")
    found = {topic: Destination(Shape(1, 1), {"retention.ms": "1000"})}
    assert look() == Seen(found, {}, frozenset())
