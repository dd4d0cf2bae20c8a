"""A hand-written loop on Kafka's own Java clients."""

from functools import partial
from pathlib import Path

from bench.peers import jvm
from bench.peers.peer import Peer

NAME = "kafka-clients"
SOURCE = Path(__file__).parent / "KafkaClients.java"

PEERS = [
    Peer(
        NAME,
        partial(jvm.build_java, NAME, SOURCE),
        partial(jvm.start_java, NAME, SOURCE),
        about="a Java loop by hand on Kafka's own clients; Jackson reads the whole value, as events-fanout does",
        promise="at least once; the round that it died in is delivered again: at most max.poll.records",
        tuned=jvm.TUNED,
    ),
]
