"""A program of the comparison, as the measurements see it: how it is built, how it is started, what it promises."""

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from bench.broker.jars import cache_folder, tool

ROOT = Path(__file__).parent.parent.parent
FOLDER = Path(__file__).parent
BUILT = "peers"  # in the cache folder


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
    """A program of the comparison. `build` makes what it needs, blocks, and may raise; `start` says how to run it.

    `about` is what it is, in a few words; `promise` what becomes of an event when the program is killed; `tuned` what
    was set to other than its defaults, and `loses` what of a record it cannot keep (see PARTS in `bench.destinations`),
    both with the reasons: all of it is shown beside its result. `events_max` bounds the backlog of a slow one.
    """

    name: str
    build: Callable[[], None]
    start: Callable[[Job], Started]
    about: str = ""
    promise: str = "at least once"
    tuned: Mapping[str, str] = {}
    loses: Mapping[str, str] = {}
    events_max: int | None = None


class BuildFailedError(RuntimeError):
    """A peer cannot be built on this machine; the message says what is missing, or what the build said."""


def base_environment() -> dict[str, str]:
    """What every program gets of ours: no variable that would be a setting of one of them."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH")
    return {name: os.environ[name] for name in kept if name in os.environ}


def built(name: str) -> Path:
    """Where what is built of a peer lies: a file or a folder in the cache, outside the checkout."""
    return cache_folder() / BUILT / name


def run_build(name: str, command: Sequence[str], folder: Path) -> None:
    """Run one command of a build. Blocks; raises BuildFailedError with what it said."""
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise BuildFailedError(f"the peer {name} could not be built:\n{done.stdout.strip()}")


def build_go(name: str, folder: Path) -> None:
    """Build a Go program into the cache. Blocks; raises FileNotFoundError without Go, BuildFailedError."""
    run_build(name, [tool("go", "golang-go"), "build", "-trimpath", "-o", str(built(name)), "."], folder)
