"""A Python loop by hand on aiokafka, the other client for Python, which does its network on asyncio."""

import sys
from pathlib import Path

from bench.peers.peer import Job, Peer, Started, built, run_build

NAME = "aiokafka"
FOLDER = Path(__file__).parent
TUNED = {
    "create_batch, send_batch": "a batch for each destination of a round in place of `send`, which makes a future for "
    "every record; its documentation's way to control batches directly",
    "max_batch_size": "1 MB, below the broker's limit: with its default of 16 kB a batch has some ten events",
    "max_partition_fetch_bytes": "8 MiB, for larger rounds, as franz-go's",
    "check_crcs": "off, as its documentation advises for extreme performance, and as librdkafka's default is",
    "enable_idempotence": "on, as ours: no duplicates through retries, and all in-sync replicas acknowledge",
    "uvloop": "in place of asyncio's own loop",
}


def _build() -> None:
    """Make an environment with the locked requirements. Blocks for some seconds; raises BuildFailedError."""
    locked = (FOLDER / "requirements.txt").read_bytes()
    stamp = built(NAME) / "requirements.txt"
    if stamp.exists() and stamp.read_bytes() == locked:
        return
    run_build(NAME, [sys.executable, "-m", "venv", "--clear", str(built(NAME))], FOLDER)
    install = ["-m", "pip", "install", "--quiet", "--require-hashes", "--requirement", "requirements.txt"]
    run_build(NAME, [_python(), *install], FOLDER)
    stamp.write_bytes(locked)  # last: what was cut short is made anew


def _python() -> str:
    return str(built(NAME) / "bin" / "python")


def _start(job: Job) -> Started:
    return Started([_python(), str(FOLDER / "loop.py"), job.bootstrap, job.topic, job.group])


PEERS = [
    Peer(
        NAME,
        _build,
        _start,
        about="a Python loop by hand on aiokafka, uvloop and msgspec, with a batch for each destination of a round",
        tuned=TUNED,
    ),
]
