"""events-fanout itself, as this checkout has it."""

import sys
from pathlib import Path

from bench.peers.peer import ROOT, Job, Peer, Started


def started(job: Job, root: Path, settings: dict[str, str]) -> Started:
    """The program as this folder has it, with these settings. HTTP is off, for several may run at once."""
    told = {"ENDPOINT": job.bootstrap, "TOPIC": job.topic, "GROUPID": job.group, "HTTP_PORT": "0"}
    return Started([sys.executable, "-m", "fanout", "run"], told | {"PYTHONPATH": str(root)} | settings)


def ours(settings: dict[str, str]) -> Peer:
    """This checkout's events-fanout, with these settings on top of its defaults."""
    return Peer(
        "events-fanout", lambda: None, lambda job: started(job, ROOT, settings), about="this checkout", tuned=settings
    )
