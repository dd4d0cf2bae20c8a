"""Bento, the stream processor that goes on from Benthos: a configuration in place of a program."""

from pathlib import Path

from bench.peers.peer import Job, Peer, Started, build_go, built

NAME = "bento"
FOLDER = Path(__file__).parent
TUNED = {
    "input.batching": "TODO",
}
LOSES = {
    "timestamp": "its outputs cannot set one (its issue 549), so it is the time of the delivery",
    "headers": "metadata has each name once and in no order, and no null values",
}


def _start(job: Job) -> Started:
    environment = {"ENDPOINT": job.bootstrap, "TOPIC": job.topic, "GROUPID": job.group}
    return Started([str(built(NAME)), "-c", str(FOLDER / "bento.yaml")], environment)


PEERS = [
    Peer(
        NAME,
        lambda: build_go(NAME, FOLDER),
        _start,
        about="Bento with a configuration of a few lines: kafka_franz in, kafka_franz out",
        promise="at least once; the order of a partition is not kept",
        tuned=TUNED,
        loses=LOSES,
    ),
]
