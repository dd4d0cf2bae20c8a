"""Kafka Streams, which can find the topic of its sink for each record: dynamic routing as Kafka itself offers it."""

from functools import partial
from pathlib import Path

from bench.peers import jvm
from bench.peers.peer import Peer

NAME = "kafka-streams"
SOURCE = Path(__file__).parent / "KafkaStreamsPeer.java"
TUNED = {
    "num.stream.threads": "2 in place of 1: one for each partition of the source, more would be idle",
    "commit.interval.ms": "1 000 in place of 30 000, as ours: it is in the time of a drain",
    "buffered.records.per.partition": "10 000 in place of 1 000: what a poll brings, so that it does not pause",
}

PEERS = [
    Peer(
        NAME,
        partial(jvm.build_java, NAME, SOURCE),
        partial(jvm.start_java, NAME, SOURCE),
        about="Kafka Streams with a TopicNameExtractor; Jackson reads the whole value, as events-fanout does",
        promise="at least once (at_least_once); what was delivered since its last commit is delivered again",
        tuned=jvm.TUNED | TUNED,
    ),
]
