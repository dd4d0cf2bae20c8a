"""Jars, Kafka's above all, fetched once by Maven into a cache folder that all checkouts share."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

POM = Path(__file__).parent.parent / "kafka" / "pom.xml"


class FetchFailedError(RuntimeError):
    """Maven could not fetch what a pom names; the message holds its words."""


def cache_folder() -> Path:
    """Where fetched and built things are kept: EVENTS_FANOUT_CACHE, or events-fanout in the user's cache folder."""
    told = os.environ.get("EVENTS_FANOUT_CACHE")
    if told:
        return Path(told)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "events-fanout"


def tool(name: str, package: str) -> str:
    """Path of a command. Raises FileNotFoundError that says which package to install."""
    found = shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"{name} is not on the PATH; install it, for example: apt-get install {package}")
    return found


def kafka_version() -> str:
    """The version of Apache Kafka that the pom names."""
    found = ET.parse(POM).findtext("properties/kafka.version")  # noqa: S314 - a file of ours
    assert found is not None, f"{POM} names no kafka.version"
    return found


def kafka_jars() -> Path:
    """Folder with the jars of a broker: see `fetch_jars`."""
    return fetch_jars(POM, "kafka")


def fetch_jars(pom: Path, name: str) -> Path:
    """Folder with the jars that this pom names. Fetches them the first time: blocks for a minute or so, needs `mvn`.

    A pom that changed gets a folder of its own. Raises FileNotFoundError without Maven, FetchFailedError.
    """
    return made_once(cache_folder() / f"{name}-{digest(pom)}", lambda folder: _copy_jars(pom, folder))


def digest(*files: Path) -> str:
    """What changes when one of these files does, short enough for the name of a folder."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]


def made_once(folder: Path, make: Callable[[Path], None]) -> Path:
    """The folder; if it is not there, `make` fills another that becomes it. Blocks as long as that takes.

    Any number of processes may call it at once: one makes it, the others wait.
    """
    if folder.is_dir():
        return folder
    with _locked(folder.with_suffix(".lock")):
        if not folder.is_dir():
            # Renamed when it is whole, so that one that was cut short is never taken for it.
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix="making-") as parent:
                partial = Path(parent) / folder.name
                partial.mkdir()
                make(partial)
                partial.rename(folder)
    return folder


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _copy_jars(pom: Path, folder: Path) -> None:
    command = [tool("mvn", "maven"), "-q", "-B", "-C", "-f", str(pom), "dependency:copy-dependencies"]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={folder}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise FetchFailedError(f"Maven could not fetch the jars of {pom}:\n{done.stdout.strip()}")
