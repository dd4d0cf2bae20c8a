"""What one node itself answers: is it up, does it serve its partitions, does it know a topic."""

import time
from collections.abc import Callable, Sequence

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec
from confluent_kafka.admin._metadata import ClusterMetadata

from bench.broker.node import BrokerDiedError, Node
from bench.offsets import GroupReader


def quiet_admin(bootstrap: str) -> AdminClient:
    """An admin client that says nothing about refused connections, which are expected here, and tries again soon."""
    return AdminClient({"bootstrap.servers": bootstrap, "log_level": 2, "reconnect.backoff.max.ms": 100})


def await_serving(node: Node, timeout_s: float) -> None:
    """Block until the node is in its own answer and no partition of its own lacks a leader.

    Raises, with what its log says, BrokerDiedError if it ends meanwhile and TimeoutError if it never answers.
    """
    deadline = time.monotonic() + timeout_s
    while not _answers(node, lambda metadata: _serves(metadata, node.number)):
        if not node.runs:
            raise BrokerDiedError(f"the broker at {node.address} died while it started\n{node.trouble()}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"the broker at {node.address} does not serve after {timeout_s:g} s\n{node.trouble()}")


def await_topics(nodes: Sequence[Node], names: Sequence[str], partitions: int, timeout_s: float) -> None:
    """Block until each node knows a leader for each partition of these topics, and the leaders act as such.

    A node tells clients of its leadership an instant before it takes it up. Raises TimeoutError.
    """
    deadline = time.monotonic() + timeout_s

    def known(metadata: ClusterMetadata) -> bool:
        found = [metadata.topics[name].partitions for name in names if name in metadata.topics]
        leaders = [part.leader for parts in found for part in parts.values()]
        return len(leaders) == len(names) * partitions and min(leaders) >= 0

    for node in nodes:
        while not _answers(node, known):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(names)} topics, as {names[0]}, are not known to the broker at {node.address}")
    await_leaders(lambda: quiet_admin(nodes[0].address), names, partitions, deadline - time.monotonic())


def await_leaders(
    new_admin: Callable[[], AdminClient], names: Sequence[str], partitions: int, timeout_s: float
) -> None:
    """Block until the leaders of all partitions of these topics answer. Raises TimeoutError.

    Asked by a new client each time: one that met a topic before it had a leader was seen to find none for a minute.
    """
    deadline = time.monotonic() + timeout_s
    places = [TopicPartition(name, partition) for name in names for partition in range(partitions)]
    while not _led(new_admin(), places):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(names)} topics, as {names[0]}, have leaders that do not answer")
        time.sleep(0.05)


def await_groups(bootstrap: str) -> None:
    """Block until consumer groups are served: the first request has the broker create their topic and load it.

    Raises KafkaException, with _TIMED_OUT after 30 s.
    """
    with GroupReader(bootstrap, "no-such-group") as reader:
        reader.committed("no-such-topic", [0])


def _led(admin: AdminClient, places: list[TopicPartition]) -> bool:
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    try:
        for future in admin.list_offsets(dict.fromkeys(places, latest), request_timeout=5.0).values():
            future.result()
    except KafkaException:
        return False
    return True


def _serves(metadata: ClusterMetadata, number: int) -> bool:
    partitions = [part for topic in metadata.topics.values() for part in topic.partitions.values()]
    return number in metadata.brokers and all(part.leader >= 0 for part in partitions if number in part.replicas)


def _answers(node: Node, wanted: Callable[[ClusterMetadata], bool]) -> bool:
    """Ask once. False after a pause if the node does not answer as wanted.

    Always a new client: an old one knows all brokers and asks any of them.
    """
    try:
        metadata = quiet_admin(node.address).list_topics(timeout=1.0)
    except KafkaException:
        return False  # the call itself took its second
    if metadata.orig_broker_id == node.number and wanted(metadata):
        return True
    time.sleep(0.05)
    return False
