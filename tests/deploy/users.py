"""A KafkaUser's rights as Kafka's own rules: what Strimzi's User Operator would make of them."""

from collections.abc import Iterator, Mapping
from typing import Any

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

REQUEST_S = 30.0
CLUSTER = "kafka-cluster"  # what Kafka calls the resource that has no name
KINDS = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "cluster": ResourceType.BROKER,
    "transactionalId": ResourceType.TRANSACTIONAL_ID,
}
PATTERNS = {"literal": ResourcePatternType.LITERAL, "prefix": ResourcePatternType.PREFIXED}


def rules(user: Mapping[str, Any]) -> Iterator[AclBinding]:
    """Those of `spec.authorization` of a KafkaUser: one for each operation on each resource."""
    for acl in user["spec"]["authorization"]["acls"]:
        resource = acl["resource"]
        kind, name = KINDS[resource["type"]], resource.get("name", CLUSTER)
        pattern = PATTERNS[resource.get("patternType", "literal")]
        for operation in acl["operations"]:
            yield AclBinding(
                kind,
                name,
                pattern,
                f"User:{user['metadata']['name']}",
                "*",
                _operation(operation),
                AclPermissionType.ALLOW,
            )


def _operation(name: str) -> AclOperation:
    """DescribeConfigs is DESCRIBE_CONFIGS."""
    return AclOperation["".join(f"_{letter}" if letter.isupper() else letter for letter in name).strip("_").upper()]


def grant(bootstrap: str, user: Mapping[str, Any]) -> None:
    """Let it do this. Blocks for the answer; raises KafkaException. The broker applies it an instant later."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.create_acls(list(rules(user)), request_timeout=REQUEST_S).values():
        future.result()
