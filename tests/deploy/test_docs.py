"""docs/kubernetes.md: its commands print what it shows, and a tenant with its files reads its own topic alone."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from confluent_kafka import Consumer, KafkaException, TopicPartition

from bench.broker import LocalKafka
from bench.broker.security import AUTHORIZER, MUTUAL_TLS, Certificates, mutual_tls
from fanout.errors import Reason
from fanout.settings import Settings
from tests.commands.planting import Origin, letter, plant
from tests.deploy.apiserver import ApiServer
from tests.deploy.operators import Operators
from tests.deploy.page import anchors, blocks, links, prose, target
from tests.deploy.users import grant
from tests.deploy.walk import ROOT, Walk, alike
from tests.support import samples
from tests.support.topics import produce

pytestmark = pytest.mark.timeout(600)  # its waits have deadlines of their own, of which several may be used up

PAGE = ROOT / "docs" / "kubernetes.md"
NAMESPACES = ("events-fanout", "team-a")
FOLDERS = ("deploy/", "docs/", "tests/", "fanout/", "bench/")
# What looks like a setting of ours and is none: of the client, of Strimzi, and an error of Kafka.
NO_SETTINGS = ("KAFKA_", "STRIMZI_", "UNKNOWN_TOPIC_OR_PARTITION")
POLL_S = 20.0
# With their exit codes: three events are unread in the source, one is a dead letter.
COMMANDS = (
    ("lag", 0),
    ("trace team-c", 1),
    ("dead-letters", 0),
    ("replay", 0),
    ("topics", 0),
    ("reset --to latest --yes", 0),
)


class Walked(NamedTuple):
    """What the page left behind: the tenant's files, signed by `authority`."""

    reader: Path
    authority: Certificates


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text()


@pytest.fixture(scope="module")
def walked(api: ApiServer, page: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walked]:
    """The page, gone through from its first block to its last."""
    folder = tmp_path_factory.mktemp("walk")
    authority = Certificates(folder / "authority")
    walk = Walk(api, Operators(api, authority), folder)
    try:
        walk.take(blocks(page))
        yield Walked(folder / "reader", authority)
    finally:
        for name in NAMESPACES:
            if api.try_kubectl("get", "namespace", name).code == 0:
                api.remove_namespace(name)
        ours = "app.kubernetes.io/part-of=events-fanout"
        api.kubectl("delete", "clusterroles,clusterrolebindings", f"--selector={ours}")


@pytest.fixture(scope="module")
def kafka(walked: Walked) -> Iterator[LocalKafka]:
    """One that asks for certificates, and what their owners may do."""
    with LocalKafka(listeners=[mutual_tls(walked.authority)], config=AUTHORIZER) as running:
        yield running


def test_each_command_prints_what_the_page_shows(walked: Walked) -> None:
    assert walked.reader.is_dir()


def test_a_tenant_reads_its_own_topic_and_no_other(kafka: LocalKafka, walked: Walked, page: str) -> None:
    [user] = documents(page, "tenant.yaml")
    [own, prefix] = [acl["resource"]["name"] for acl in user["spec"]["authorization"]["acls"]]
    other, sent = f"{own}b", samples.events(["team-a"], 3)
    for topic, records in ((own, sent), (other, samples.events(["team-ab"], 3))):
        kafka.create_topic(topic)
        produce(kafka.bootstrap, topic, records)
    grant(kafka.bootstrap, user)
    address = kafka.bootstrap_of(MUTUAL_TLS)
    assert read(address, walked.reader, own, f"{prefix}look", len(sent)) == [record.value for record in sent]
    with pytest.raises(KafkaException, match="TOPIC_AUTHORIZATION_FAILED"):
        read(address, walked.reader, other, f"{prefix}look", 1)
    with pytest.raises(KafkaException, match="GROUP_AUTHORIZATION_FAILED"):
        read(address, walked.reader, own, "team-ab.look", 1)


def test_whoever_is_on_call_has_the_rights_for_all_commands(kafka: LocalKafka, walked: Walked, page: str) -> None:
    user, pod = documents(page, "on-call.yaml")
    [container] = pod["spec"]["containers"]
    settings = {each["name"]: each["value"] for each in container["env"]}
    source = settings["TOPIC"]
    refused = letter(Origin(samples.event("team-c", "pod", 3)), source, Reason.NOT_AUTHORIZED)
    plant(kafka, source, [refused])
    produce(kafka.bootstrap, source, samples.events(["team-c"], 3))
    grant(kafka.bootstrap, user)
    files = walked.authority.client(user["metadata"]["name"])
    there = {
        "/etc/kafka/cluster-ca/ca.crt": str(walked.authority.authority),
        "/etc/kafka/user/user.crt": str(files.certificate),
        "/etc/kafka/user/user.key": str(files.key),
        settings["ENDPOINT"]: kafka.bootstrap_of(MUTUAL_TLS),
    }
    environment = {**os.environ, **{name: there.get(value, value) for name, value in settings.items()}}
    for command, exit_code in COMMANDS:
        done = subprocess.run(
            [sys.executable, "-m", "fanout", *command.split()],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == exit_code, f"{command}\n{done.stdout}{done.stderr}"


def documents(page: str, name: str) -> list[Any]:
    """What is in a file that the page shows."""
    [text] = [block.text for block in blocks(page) if block.name == name]
    return list(yaml.safe_load_all(text))


def read(address: str, files: Path, topic: str, group: str, count: int) -> list[bytes | None]:
    """The first values of a topic, read by a member of a group. Raises KafkaException where that is refused."""
    consumer = Consumer(
        {
            "bootstrap.servers": address,
            "security.protocol": "SSL",
            "ssl.ca.location": str(files / "ca.crt"),
            "ssl.certificate.location": str(files / "user.crt"),
            "ssl.key.location": str(files / "user.key"),
            "group.id": group,
            "auto.offset.reset": "earliest",
        }
    )
    try:
        consumer.subscribe([topic])
        found: list[bytes | None] = []
        while len(found) < count:
            message = consumer.poll(POLL_S)
            assert message is not None, f"nothing of {topic} within {POLL_S:g} s"
            error = message.error()
            if error is not None:
                raise KafkaException(error)
            found.append(message.value())
        consumer.commit(offsets=[TopicPartition(topic, 0, count)], asynchronous=False)
        return found
    finally:
        consumer.close()


def test_what_the_page_links_to_is_there(page: str) -> None:
    for link in links(page):
        path, anchor = target(PAGE, link)
        assert path.exists(), link
        assert not anchor or anchor in anchors(path.read_text()), link


def test_what_the_page_names_is_there(page: str) -> None:
    quoted = re.findall(r"`([^`\n]+)`", prose(page))
    paths = {text for text in quoted if text.startswith(FOLDERS) and " " not in text}
    assert not {path for path in paths if not (ROOT / path).exists()}
    names = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", page))
    settings = {field.upper() for field in Settings.__struct_fields__}
    assert not {name for name in names - settings if not name.startswith(NO_SETTINGS)}


def test_a_page_that_shows_something_else_is_noticed() -> None:
    said = "NAME     READY   AGE\nevents   True    12s\n"
    assert alike("NAME READY AGE\nevents True 5m\n", said)
    assert alike("NAME READY AGE\n...\n", said)
    assert not alike("NAME READY AGE\n", said)
    assert not alike("NAME READY AGE\nevents False 5m\n", said)
    assert not alike("...\nother True 5m\n", said)
