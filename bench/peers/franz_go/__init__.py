"""A hand-written loop on franz-go, the fastest client there is: the one to catch."""

from functools import partial
from pathlib import Path

from bench.peers.peer import Job, Peer, Started, build_go, built

NAME = "franz-go"
TUNED = {
    "FetchMaxPartitionBytes": "8 MiB, for larger rounds: with its default of 1 MiB 1 000 destinations cost half more",
    "ProducerBatchCompression": "none, as ours",
}


def _start(job: Job, *more: str) -> Started:
    return Started([str(built(NAME)), "-brokers", job.bootstrap, "-topic", job.topic, "-group", job.group, *more])


_build = partial(build_go, NAME, Path(__file__).parent)

PEERS = [
    Peer(
        NAME, _build, _start, about="a Go loop by hand on franz-go; does not look at the rest of the JSON", tuned=TUNED
    ),
    Peer(
        f"{NAME}-checked",
        _build,
        lambda job: _start(job, "-checked"),
        about="the same, and the whole value is known to be JSON before it is passed on, as in events-fanout",
        tuned=TUNED,
    ),
]
