"""The programs that are compared: how each is built and started. One that is written for it lives in a folder here."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench.broker.jars import cache_folder, tool

ROOT = Path(__file__).parent.parent.parent
FOLDER = Path(__file__).parent


class Job(msgspec.Struct, frozen=True):
    """What a program is to do: route this topic, as a member of this group, until SIGTERM."""

    bootstrap: str
    topic: str
    group: str


class Started(msgspec.Struct, frozen=True):
    """How to start it: command line and the environment it gets on top of `base_environment`."""

    command: list[str]
    environment: dict[str, str] = {}


class Peer(msgspec.Struct, frozen=True):
    """A program of the comparison. `build` makes what it needs, blocks, and may raise; `start` says how to run it."""

    name: str
    build: Callable[[], None]
    start: Callable[[Job], Started]


def base_environment() -> dict[str, str]:
    """What every program gets of ours: no variable that would be a setting of one of them."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH")
    return {name: os.environ[name] for name in kept if name in os.environ}


def ours(settings: dict[str, str]) -> Peer:
    """This checkout's events-fanout, with these settings on top of its defaults."""

    def start(job: Job) -> Started:
        told = {"ENDPOINT": job.bootstrap, "TOPIC": job.topic, "GROUPID": job.group, "PYTHONPATH": str(ROOT)}
        return Started([sys.executable, "-m", "fanout", "run"], told | settings)

    return Peer("events-fanout", lambda: None, start)


def _build_franz_go() -> None:
    command = [tool("go", "golang-go"), "build", "-trimpath", "-o", str(_franz_go()), "."]
    done = subprocess.run(
        command, cwd=FOLDER / "franz-go", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"the franz-go peer could not be built:\n{done.stdout.strip()}")


def _start_franz_go(job: Job) -> Started:
    return Started([str(_franz_go()), "-brokers", job.bootstrap, "-topic", job.topic, "-group", job.group])


def _start_franz_go_checked(job: Job) -> Started:
    started = _start_franz_go(job)
    return Started([*started.command, "-checked"])


def _franz_go() -> Path:
    return cache_folder() / "peers" / "franz-go"


PEERS = {
    peer.name: peer
    for peer in [
        Peer("franz-go", _build_franz_go, _start_franz_go),
        # The same work as ours: the whole value is known to be JSON before it is passed on.
        Peer("franz-go-checked", _build_franz_go, _start_franz_go_checked),
    ]
}
