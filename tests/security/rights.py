"""The rights that the program needs, and no more: the one list, which docs/security.md shows and the tests grant."""

from collections.abc import Iterable
from typing import NamedTuple

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

REQUEST_S = 30.0

SOURCE = "source"
GROUP = "group"
DESTINATIONS = "destinations"
DEAD_LETTERS = "dead letters"
CLUSTER = "cluster"

# The names of the page's example.
EXAMPLE = {
    SOURCE: "cluster-events",
    GROUP: "events-fanout",
    DESTINATIONS: "k8s-events.",
    DEAD_LETTERS: "cluster-events-dlq",
    CLUSTER: "kafka-cluster",
}
KINDS = {
    SOURCE: ResourceType.TOPIC,
    GROUP: ResourceType.GROUP,
    DESTINATIONS: ResourceType.TOPIC,
    DEAD_LETTERS: ResourceType.TOPIC,
    CLUSTER: ResourceType.BROKER,
}


class Right(NamedTuple):
    """One operation on one resource: what it is for, and what happens without it."""

    on: str
    operation: AclOperation
    why: str
    without: str

    @property
    def name(self) -> str:
        """For people: READ on source."""
        return f"{self.operation.name} on {self.on}"


RIGHTS = (
    Right(SOURCE, AclOperation.READ, "reads the events", "nothing is read: it waits for the right"),
    Right(
        SOURCE,
        AclOperation.DESCRIBE_CONFIGS,
        "learns how large its records may be",
        "Kafka's default of 1 MB is assumed",
    ),
    Right(GROUP, AclOperation.READ, "joins the group and commits", "nothing is read: it waits for the right"),
    Right(
        DESTINATIONS,
        AclOperation.CREATE,
        "creates them; not needed with `TOPIC_CREATE=none`",
        "events for a topic that is not there become dead letters; if that is all of them, their worker stops and "
        "tries again",
    ),
    Right(
        DESTINATIONS,
        AclOperation.WRITE,
        "writes the events",
        "the events of such a topic become dead letters; if that is all of them, their worker stops and tries again",
    ),
    Right(
        DESTINATIONS,
        AclOperation.DESCRIBE_CONFIGS,
        "learns what they take",
        "what they do not take is learned from the first refusal",
    ),
    Right(
        DEAD_LETTERS,
        AclOperation.CREATE,
        "creates it; not needed where it is there",
        "the first event that cannot be routed stops its worker, which tries again",
    ),
    Right(
        DEAD_LETTERS,
        AclOperation.WRITE,
        "writes dead letters",
        "the first event that cannot be routed stops its worker, which tries again",
    ),
    Right(
        DEAD_LETTERS,
        AclOperation.DESCRIBE_CONFIGS,
        "learns what it takes",
        "what it does not take is learned from the first refusal",
    ),
    Right(
        CLUSTER,
        AclOperation.DESCRIBE_CONFIGS,
        "learns which group protocols the brokers serve",
        "the classic protocol is used",
    ),
)


def names_of(prefix: str) -> dict[str, str]:
    """The resources of a run whose source, group and destinations begin with `prefix`."""
    source = f"{prefix}-source"
    return EXAMPLE | {SOURCE: source, GROUP: prefix, DESTINATIONS: f"{prefix}.", DEAD_LETTERS: f"{source}-dlq"}


def commands(user: str, names: dict[str, str]) -> list[str]:
    """The calls of kafka-acls that grant all of them: one for each resource, continued over two lines."""
    resources = list(dict.fromkeys(right.on for right in RIGHTS))
    return [line for on in resources for line in _command(on, user, names)]


def _command(on: str, user: str, names: dict[str, str]) -> list[str]:
    options = {ResourceType.TOPIC: f"--topic {names[on]}", ResourceType.GROUP: f"--group {names[on]}"}
    resource = options.get(KINDS[on], "--cluster") + (" --resource-pattern-type prefixed" if on == DESTINATIONS else "")
    operations = " ".join(f"--operation {_operation(right)}" for right in RIGHTS if right.on == on)
    return [
        f"kafka-acls --bootstrap-server kafka:9092 --add --allow-principal User:{user} \\",
        f"  {resource} {operations}",
    ]


def _operation(right: Right) -> str:
    """As kafka-acls calls it: DescribeConfigs."""
    return right.operation.name.title().replace("_", "")


def grant(bootstrap: str, user: str, names: dict[str, str], rights: Iterable[Right]) -> None:
    """Let a user do this. Blocks for the answer; raises KafkaException. The broker applies it an instant later."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    rules = [AclBinding(*_rule(user, names, right)) for right in rights]
    for future in admin.create_acls(rules, request_timeout=REQUEST_S).values():
        future.result()


def take_away(bootstrap: str, user: str, names: dict[str, str], rights: Iterable[Right]) -> None:
    """Let a user do this no longer. Blocks for the answer; raises KafkaException, AssertionError if it was not so."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    rules = [AclBindingFilter(*_rule(user, names, right)) for right in rights]
    for future in admin.delete_acls(rules, request_timeout=REQUEST_S).values():
        assert future.result(), "the right was not there"


_Rule = tuple[ResourceType, str, ResourcePatternType, str, str, AclOperation, AclPermissionType]


def _rule(user: str, names: dict[str, str], right: Right) -> _Rule:
    pattern = ResourcePatternType.PREFIXED if right.on == DESTINATIONS else ResourcePatternType.LITERAL
    who = f"User:{user}"
    return KINDS[right.on], names[right.on], pattern, who, "*", right.operation, AclPermissionType.ALLOW


def table() -> list[str]:
    """The rights as the rows of a table for people."""
    return [f"| {_place(right)} | {_operation(right)} | {right.why} | {right.without} |" for right in RIGHTS]


def _place(right: Right) -> str:
    match KINDS[right.on]:
        case ResourceType.BROKER:
            return "the cluster"
        case ResourceType.GROUP:
            return f"group `{EXAMPLE[right.on]}`"
        case _ if right.on == DESTINATIONS:
            return f"topics `{EXAMPLE[right.on]}*`"
        case _:
            return f"topic `{EXAMPLE[right.on]}`"
