"""Kafka's jars, fetched once by Maven into a cache folder that all checkouts share."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

POM = Path(__file__).parent.parent / "kafka" / "pom.xml"


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
    """Folder with the jars that the pom names. Fetches them the first time: blocks for a minute or so, needs `mvn`.

    Any number of processes may call it at once: one fetches, the others wait for it. A pom that changed gets a folder
    of its own. Raises FileNotFoundError without Maven, RuntimeError with Maven's words if it fails.
    """
    version = hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    folder = cache_folder() / f"kafka-{version}"
    if folder.is_dir():
        return folder
    with _locked(folder.with_suffix(".lock")):
        if not folder.is_dir():
            _fetch(folder)
    return folder


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch(folder: Path) -> None:
    maven = tool("mvn", "maven")
    # Renamed when it is whole, so that a fetch that was cut short is never taken for the jars.
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as parent:
        partial = Path(parent) / "jars"
        command = [maven, "-q", "-B", "-C", "-f", str(POM), "dependency:copy-dependencies"]
        command += ["-DincludeScope=runtime", f"-DoutputDirectory={partial}"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"Maven could not fetch Kafka's jars:\n{done.stdout.strip()}")
        partial.rename(folder)
