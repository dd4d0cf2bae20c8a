"""The loop that everybody writes first with confluent-kafka for Python: poll, json, produce, flush."""

import sys
from pathlib import Path

from bench.peers.peer import Job, Peer, Started


def _start(job: Job) -> Started:
    return Started([sys.executable, str(Path(__file__).with_name("loop.py")), job.bootstrap, job.topic, job.group])


PEERS = [
    Peer(
        "confluent-naive",
        lambda: None,  # it runs from this checkout's own dependencies
        _start,
        about="a Python loop on confluent-kafka that decodes with json and flushes after each event",
        promise="at least once: committed every hundred events, after their delivery",
        events_max=5_000,  # some hundred events a second: the whole backlog would take an hour
    )
]
