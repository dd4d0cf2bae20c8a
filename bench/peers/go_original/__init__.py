"""The original program's design on today's client, confluent-kafka-go with the librdkafka that it bundles."""

from pathlib import Path

from bench.broker.jars import tool
from bench.peers.peer import Job, Peer, Started, build_go, built

NAME = "go-original"
TUNED = {
    "auto.commit.interval.ms": "1 s, as ours: with its default of 5 s the end of a turn is noticed up to 5 s late",
}


def _build() -> None:
    tool("gcc", "gcc libc6-dev")  # the client is C, linked into the program
    build_go(NAME, Path(__file__).parent)


def _start(job: Job) -> Started:
    return Started([str(built(NAME)), "-brokers", job.bootstrap, "-topic", job.topic, "-group", job.group])


PEERS = [
    Peer(
        NAME,
        _build,
        _start,
        about="the original's design on confluent-kafka-go: read one, unmarshal with encoding/json, produce one",
        promise=(
            "at most once for what is not delivered: an offset is committed within a second after its event was read, "
            "so what is queued is lost with the program, and a delivery that fails is only logged; what was delivered "
            "since the last commit comes twice"
        ),
        tuned=TUNED,
    ),
]
