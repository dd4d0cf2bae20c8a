"""Bento, the stream processor that goes on from Benthos: a configuration in place of a program."""

from pathlib import Path

from bench.peers.peer import Job, Peer, Started, build_go, built

NAME = "bento"
FOLDER = Path(__file__).parent
TUNED = {
    "input.batching": "200 events or 10 ms: its documentation has inputs from Kafka batched where they are read; "
    "without it every event is a batch of its own, at three times the CPU; with 1 000 events it is half as much again",
    "fetch_max_partition_bytes": "8 MiB, for larger rounds, as franz-go's",
    "commit_period": "1 s, as ours: with its default of 5 s the end of a turn is noticed up to 5 s late",
    "output.compression": "none, as ours",
    "output.metadata": "all that the input does not add of itself, so that headers are passed on",
    "http, metrics, logger": "off, off and warnings only: nobody looks at them here",
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
