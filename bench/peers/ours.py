"""events-fanout itself, as this checkout has it."""

import sys

from bench.peers.peer import ROOT, Job, Peer, Started


def ours(settings: dict[str, str]) -> Peer:
    """This checkout's events-fanout, with these settings on top of its defaults."""

    def start(job: Job) -> Started:
        told = {"ENDPOINT": job.bootstrap, "TOPIC": job.topic, "GROUPID": job.group, "HTTP_PORT": "0"}
        told["PYTHONPATH"] = str(ROOT)
        return Started([sys.executable, "-m", "fanout", "run"], told | settings)

    return Peer("events-fanout", lambda: None, start, about="this checkout", tuned=settings)
