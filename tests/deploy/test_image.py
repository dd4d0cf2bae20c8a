"""The image: what its Dockerfile's own steps make, started as Kubernetes starts it, on a file system that is read-only.

What stands in for the base image is told in tests/deploy/image/tree.py: that one is all that is not proved here.
"""

import os
import re
import signal
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

import fanout
from bench.broker import LocalKafka
from tests.deploy.image.context import allowed
from tests.deploy.image.dockerfile import read
from tests.deploy.image.running import Image
from tests.deploy.image.wheels import ROOT
from tests.deploy.tools import tool
from tests.support.asking import Asked, free_port
from tests.support.comparing import assert_exactly, wait_caught_up
from tests.support.prefix import prefix
from tests.support.samples import event
from tests.support.topics import Record, produce, wait_until

pytestmark = pytest.mark.timeout(600)  # its waits have deadlines of their own, of which several may be used up

__all__ = ["prefix"]

MEGABYTE = 1_000_000
# Of python:3.11.16-slim-bookworm for amd64, all layers as they lie on disk, as docker-library/repo-info tells it of
# 2026-08-13 (repos/python/local/3.11-slim-bookworm.md).
BASE_BYTES = 130.01 * MEGABYTE
MOST_BYTES = 200 * MEGABYTE
# Libraries that every Debian has: libc6, libgcc-s1, libstdc++6 and zlib1g are in the base image, too.
OF_DEBIAN = re.compile(r"(lib(c|m|dl|rt|pthread|gcc_s|stdc\+\+|z)\.so\.\d+|linux-vdso\.so\.1|/lib64/ld-linux-\S+)$")
REVISION = "0" * 40
CREATED = "2026-01-01T00:00:00Z"
PARTITIONS = 2


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    arguments = {"VERSION": fanout.__version__, "REVISION": REVISION, "CREATED": CREATED}
    with Image(arguments) as built:
        yield built


@pytest.fixture(scope="module")
def kafka() -> Iterator[LocalKafka]:
    with LocalKafka() as running:
        yield running


class Container:
    """The program in its container. `process` is its supervisor, process 1 there, as this machine sees it."""

    def __init__(self, popen: "subprocess.Popen[bytes]", log: Path) -> None:
        self._popen = popen
        self._log = log
        # `unshare` has one child: process 1, which becomes the program in the end.
        self.process = wait_until(lambda: psutil.Process(popen.pid).children(), 30, "process 1")[0]

    def log(self) -> str:
        return self._log.read_text()

    def terminate(self) -> int:
        """SIGTERM to process 1 from outside, as a container runtime does it; the exit code."""
        os.kill(self.process.pid, signal.SIGTERM)
        return self._popen.wait(60)

    def catches(self, number: signal.Signals) -> bool:
        """Whether process 1 has a handler of its own for this signal."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        caught = re.search(r"^SigCgt:\s*(\w+)", status, re.MULTILINE)
        return caught is not None and bool(int(caught[1], 16) >> (number - 1) & 1)

    def workers(self) -> list[psutil.Process]:
        """One for each partition; a replica that has joined is ready a moment before it has started them."""
        wait_until(lambda: len(self.process.children()) == PARTITIONS, 60, "a worker for each partition")
        return list(self.process.children())

    def zombies(self) -> list[int]:
        found = []
        for child in self.process.children():
            with suppress(psutil.NoSuchProcess):  # it has just been reaped
                if child.status() == psutil.STATUS_ZOMBIE:
                    found.append(child.pid)
        return found


@contextmanager
def container(image: Image, folder: Path, *arguments: str, **environment: str) -> Iterator[Container]:
    """The image's entrypoint with these arguments, or with its own command if there are none."""
    command = [*image.built.entrypoint, *(arguments or image.built.command)]
    log = folder / "log"
    with log.open("wb") as stream:
        popen = image.tether.popen(image.container(command, environment), stdout=stream, stderr=subprocess.STDOUT)
    try:
        yield Container(popen, log)
    except BaseException:
        print(log.read_text()[-4_000:])
        raise
    finally:
        popen.kill()  # and `unshare` takes process 1 with it
        popen.wait()


def test_the_linters_have_nothing_to_say() -> None:
    subprocess.run([tool("hadolint"), ROOT / "Dockerfile"], check=True)
    checkov: list[str | Path] = [
        tool("checkov"),
        "--framework",
        "dockerfile",
        "--file",
        "Dockerfile",
        "--compact",
        "--quiet",
    ]
    subprocess.run([*checkov, "--skip-download"], cwd=ROOT, check=True)


def test_it_is_made_of_what_is_copied_and_of_nothing_else() -> None:
    copied = {
        word.removesuffix("/")
        for stage in read(ROOT / "Dockerfile")
        for step in stage.steps
        if step.word == "COPY" and "--from" not in step.text
        for word in step.text.split()[:-1]
    }
    assert copied == set(allowed(ROOT))


def test_its_base_is_one_version_of_python_on_one_release_of_debian() -> None:
    base, *others = (stage.base for stage in read(ROOT / "Dockerfile"))
    assert base == "python:3.11-slim-bookworm"
    assert set(others) == {"base"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.11"


def test_labels_tell_what_it_is(image: Image) -> None:
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in image.built.labels.items()}
    assert (labels["version"], labels["revision"], labels["created"]) == (fanout.__version__, REVISION, CREATED)
    assert labels["licenses"] == "Apache-2.0"


def test_the_program_starts_as_nobody_and_tells_its_version(image: Image) -> None:
    assert image.built.user == "65532:65532"
    assert image.run("--version").stdout == f"events-fanout, version {fanout.__version__}\n"


def test_it_holds_no_pip_and_no_compiler(image: Image) -> None:
    named = re.compile(r"^(pip|setuptools|wheel|ensurepip|hatchling)(3|[-.].*)?$|^(gcc|g\+\+|cc|clang|ld|as|make)$")
    listed = subprocess.run(
        image.inside("find", *image.built.added, "(", "-type", "f", "-o", "-type", "d", ")", "-printf", r"%f\n"),
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    names = listed.stdout.splitlines()
    assert "fanout" in names
    assert [name for name in names if named.match(name)] == []
    for python in ("python", "/usr/local/bin/python"):  # ours, and the base's
        for module in ("pip", "setuptools", "ensurepip"):
            done = image.execute([python, "-c", f"import {module}"])
            assert f"No module named '{module}'" in done.stdout, done.stdout


def test_its_user_can_write_nowhere(image: Image) -> None:
    writable = ["!", "-type", "l", "(", "!", "-user", "root", "-o", "-perm", "/6022", ")"]  # or has setuid, setgid
    found = subprocess.run(
        image.inside("find", *image.built.added, "-name", "tmp", "-prune", "-o", *writable, "-print"),
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    assert found.stdout == ""


def test_its_libraries_need_nothing_that_the_base_has_not(image: Image) -> None:
    script = "find /opt/events-fanout -name '*.so*' -type f -exec ldd {} +"
    needed = image.execute(["sh", "-c", script])
    assert needed.returncode == 0
    lines = [line.split() for line in needed.stdout.splitlines() if line.startswith("\t")]
    assert len(lines) > 50
    foreign = {line[0] for line in lines if not OF_DEBIAN.match(line[0])}
    unknown = {
        name for name in foreign if not any(line[0] == name and "/opt/events-fanout/" in line[2] for line in lines)
    }
    assert not unknown, unknown


def test_it_is_smaller_than_200_megabytes(image: Image) -> None:
    size = BASE_BYTES + image.built.size
    print(
        f"{BASE_BYTES / MEGABYTE:.1f} MB of the base + {image.built.size / MEGABYTE:.1f} MB = {size / MEGABYTE:.1f} MB"
    )
    assert size < MOST_BYTES


def test_it_checks_and_delivers_and_stops_as_process_1(
    image: Image, kafka: LocalKafka, prefix: str, tmp_path: Path
) -> None:
    kafka.create_topic(prefix, PARTITIONS)
    sent = [Record(event(f"{prefix}-a", f"pod-{number}", number), b"key") for number in range(200)]
    asked = Asked(free_port())
    settings = {"ENDPOINT": kafka.bootstrap, "TOPIC": prefix, "GROUPID": prefix, **asked.settings}
    checked = image.run("check", environment=settings)
    assert checked.returncode == 0, checked.stdout
    # The interpreter tells of each module whether its bytecode was there: none may have to be compiled.
    with container(image, tmp_path, **settings, PYTHONVERBOSE="1") as running:
        produce(kafka.bootstrap, prefix, sent)
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        asked.wait_code("/readyz", 200, 30)
        assert running.process.username() not in ("root", "0")
        running.workers()
        assert running.terminate() == 0
        told = running.log().splitlines()
    assert_exactly(kafka.bootstrap, sent)
    assert any(re.match(r"# code object from '.*\.pyc'$", line) for line in told), "the interpreter tells of none"
    assert [line for line in told if re.match(r"# code object from [^'].*\.py$", line)] == []


def test_process_1_reaps_what_it_is_left_and_still_its_own_workers(
    image: Image, kafka: LocalKafka, prefix: str, tmp_path: Path
) -> None:
    kafka.create_topic(prefix, PARTITIONS)
    asked = Asked(free_port())
    settings = {"ENDPOINT": kafka.bootstrap, "TOPIC": prefix, "GROUPID": prefix, **asked.settings}
    with container(image, tmp_path, **settings) as running:
        asked.wait_code("/readyz", 200, 60)
        workers = {child.pid for child in running.workers()}
        # As `kubectl exec` does it: a process that ends before its own children do.
        for _ in range(3):
            orphan = ["nsenter", f"--pid=/proc/{running.process.pid}/ns/pid", "sh", "-c", "sleep 0.2 & sleep 0.1 &"]
            subprocess.run(orphan, check=True)
        wait_until(running.zombies, 30, "an orphan that has ended")
        wait_until(lambda: not running.zombies(), 60, "the orphans to be reaped")
        os.kill(min(workers), signal.SIGKILL)
        wait_until(
            lambda: len({c.pid for c in running.process.children()} - {min(workers)}) == PARTITIONS,
            60,
            "another worker",
        )
        assert running.terminate() == 0


def test_any_command_can_be_stopped_as_process_1(image: Image, tmp_path: Path) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    with container(image, tmp_path, "lag", ENDPOINT=nobody, TOPIC="cluster-events") as running:
        wait_until(lambda: running.catches(signal.SIGTERM), 30, "its handler")
        assert running.terminate() == 128 + signal.SIGTERM
