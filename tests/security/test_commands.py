"""The rights of docs/security.md for the commands that mend: they are enough, and one that is missing is named."""

from collections import Counter
from collections.abc import Iterator

import pytest
import structlog
from click.testing import CliRunner, Result
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from fanout.cli import commands
from fanout.errors import Reason
from tests.commands.planting import Origin, letter, plant
from tests.security.ways import Secured
from tests.support.samples import event
from tests.support.topics import committed, read_all, wait_until

USER = "on-call"
Rights = dict[tuple[ResourceType, str], tuple[AclOperation, ...]]


@pytest.fixture(autouse=True)
def log_as_at_first() -> Iterator[None]:
    """Undo what a command has configured: its log would write to a stream that is closed by then."""
    yield
    structlog.reset_defaults()


def allow(secured: Secured, rights: Rights) -> None:
    admin = AdminClient({"bootstrap.servers": secured.kafka.bootstrap})
    literal, to_all = ResourcePatternType.LITERAL, AclPermissionType.ALLOW
    rules = [AclBinding(kind, name, literal, f"User:{USER}", "*", operation, to_all)
             for (kind, name), operations in rights.items() for operation in operations]  # fmt: skip
    for future in admin.create_acls(rules, request_timeout=30).values():
        future.result()


def call(secured: Secured, prefix: str, *args: str) -> Result:
    own = {"TOPIC": f"{prefix}-source", "GROUPID": prefix, "TOPIC_TEMPLATE": f"{prefix}.{{namespace}}"}
    return CliRunner().invoke(commands, args, env={**own, **secured.with_certificate(USER)})


def test_the_rights_of_the_page_are_enough(secured: Secured, prefix: str) -> None:
    source = f"{prefix}-source"
    letters = plant(secured.kafka, source, [letter(Origin(event("a", "pod", 1)), source, Reason.NOT_AUTHORIZED)])
    destination = f"{prefix}.a"
    allow(secured, {(ResourceType.TOPIC, letters): (AclOperation.READ,)})
    wait_until(lambda: "not-authorized" in call(secured, prefix, "dead-letters").stdout, 30, "they may be read")
    refused = call(secured, prefix, "replay")
    assert refused.exit_code == 5
    assert f"{letters} may not be written to: grant WRITE" in refused.output
    allow(secured, {(ResourceType.TOPIC, letters): (AclOperation.WRITE,)})
    text = f"grant WRITE and DESCRIBE on transactional id {prefix}-replay"
    wait_until(lambda: text in call(secured, prefix, "replay").output, 30, "the next right is named")
    allow(secured, {(ResourceType.TRANSACTIONAL_ID, f"{prefix}-replay"): (AclOperation.WRITE, AclOperation.DESCRIBE)})
    wait_until(lambda: f"create {destination}" in call(secured, prefix, "replay").output, 30, "the next is told")
    needed = (AclOperation.CREATE, AclOperation.WRITE, AclOperation.DESCRIBE_CONFIGS)
    allow(secured, {(ResourceType.TOPIC, destination): needed})
    wait_until(lambda: call(secured, prefix, "replay").exit_code == 0, 30, "it is replayed")
    # The broker ends the transaction after its answer, and its records are seen then.
    wait_until(lambda: read_all(secured.kafka.bootstrap, destination), 30, "its record")
    assert Counter(record.value for record in read_all(secured.kafka.bootstrap, destination)) == {
        event("a", "pod", 1): 1
    }
    allow(
        secured,
        {(ResourceType.TOPIC, source): (AclOperation.READ,), (ResourceType.GROUP, prefix): (AclOperation.READ,)},
    )
    wait_until(lambda: call(secured, prefix, "reset", "--to", "latest", "--yes").exit_code == 0, 30, "it is moved")
    assert committed(secured.kafka.bootstrap, prefix, source) == {0: 0}
