"""An earlier revision of events-fanout as a program to measure against: `python -m bench ab --before REVISION`."""

import io
import subprocess
import tarfile
from pathlib import Path

from bench.broker.jars import cache_folder
from bench.peers.ours import started
from bench.peers.peer import ROOT, Job, Peer, Started


class RevisionError(ValueError):
    """There is no such revision, or it holds no events-fanout."""


def revision(name: str) -> Peer:
    """The program as it was at this revision (whatever git takes for one), run with today's dependencies.

    Raises RevisionError if git does not know it.
    """
    commit = _git("rev-parse", "--verify", f"{name}^{{commit}}").decode().strip()
    folder = cache_folder() / "revisions" / commit

    def build() -> None:
        if not folder.exists():
            _unpack(commit, folder)

    def start(job: Job) -> Started:
        # Or the folder that it is started in would come first: that is today's program.
        return started(job, folder, {"PYTHONSAFEPATH": "1"})

    return Peer(f"at-{commit[:7]}", build, start)


def _unpack(commit: str, folder: Path) -> None:
    made = folder.with_suffix(".new")
    with tarfile.open(fileobj=io.BytesIO(_git("archive", commit, "fanout"))) as archive:
        archive.extractall(made, filter="data")
    made.rename(folder)


def _git(*arguments: str) -> bytes:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, check=False)
    if done.returncode:
        raise RevisionError(done.stderr.decode().strip())
    return done.stdout
