"""kube-apiserver and kubectl, built once from the Go modules that build/go.mod names."""

import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from bench.broker.jars import digest, made_once, tool

SOURCES = Path(__file__).parent / "build"
CACHE = Path(__file__).parents[3] / ".cache" / "kubernetes"
PROGRAMS = ("kube-apiserver", "kubectl")
TELL_EVERY_S = 10.0

Say = Callable[[str], None]


class NotBuiltError(RuntimeError):
    """The programs are not there; the message says how they are made."""


class BuildFailedError(RuntimeError):
    """They cannot be built on this machine; the message holds what Go said."""


def kubernetes_version() -> str:
    """The version of Kubernetes that go.mod names, as `v1.34.4`."""
    found = re.search(r"^\s*k8s\.io/kubernetes (v\S+)$", (SOURCES / "go.mod").read_text(), re.MULTILINE)
    assert found is not None, f"{SOURCES / 'go.mod'} names no k8s.io/kubernetes"
    return found[1]


def program(name: str) -> Path:
    """Path of kube-apiserver or kubectl. Raises NotBuiltError."""
    path = _folder() / name
    if not path.is_file():
        raise NotBuiltError(f"{name} is not built yet: run make tools-deploy")
    return path


def build(say: Say) -> Path:
    """The folder with both programs. Builds them the first time: minutes, in which `say` is told how far it is.

    What changes in build/ gets a folder of its own. Raises FileNotFoundError without Go, BuildFailedError.
    """
    folder = made_once(_folder(), lambda folder: _build(folder, say))
    say(f"kube-apiserver and kubectl {kubernetes_version()} are in {folder.relative_to(CACHE.parents[1])}")
    return folder


def _folder() -> Path:
    return CACHE / digest(*(path for path in sorted(SOURCES.rglob("*")) if path.is_file()))


def _build(folder: Path, say: Say) -> None:
    began = time.monotonic()
    say(f"building kube-apiserver and kubectl {kubernetes_version()}: minutes, unless Go has most of it in its cache")
    packages = [f"./{name}" for name in PROGRAMS]
    total = sum(map(_is_package, _go(["list", "-deps", *packages], lambda _: None)))
    say(f"modules fetched in {time.monotonic() - began:.0f} s; {total} packages to compile or to take from the cache")
    told = time.monotonic()
    compiled = 0

    def progress(line: str) -> None:
        nonlocal told, compiled
        compiled += _is_package(line)
        if time.monotonic() - told > TELL_EVERY_S:
            told = time.monotonic()
            say(f"  {compiled} of at most {total} compiled, {told - began:.0f} s")

    # -v names each package that is compiled.
    flags = ["-v", "-trimpath", "-buildvcs=false", "-ldflags", _linker_flags(), "-o", f"{folder}/"]
    _go(["build", *flags, *packages], progress)
    say(f"built in {time.monotonic() - began:.0f} s, {compiled} packages of {total} anew")


def _is_package(line: str) -> bool:
    """Whatever else Go says is a sentence."""
    return " " not in line


def _linker_flags() -> str:
    """No tables for debuggers, and the version that both tell when they are asked."""
    version = kubernetes_version()
    major, minor, _ = version.removeprefix("v").split(".")
    stamps = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    return " ".join(["-s -w", *(f"-X k8s.io/component-base/version.{name}={value}" for name, value in stamps.items())])


def _go(arguments: list[str], told: Callable[[str], None]) -> list[str]:
    """Run go to its end, handing on each line that it says meanwhile; all of them. Raises BuildFailedError."""
    command = [tool("go", "golang-go"), *arguments]
    # Without C both programs are self-contained, and no compiler but Go's is needed.
    environment = {**os.environ, "CGO_ENABLED": "0"}
    lines: list[str] = []
    with subprocess.Popen(
        command, cwd=SOURCES, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip())
            told(lines[-1])
    if process.returncode != 0:
        raise BuildFailedError(f"go {arguments[0]} failed:\n" + "\n".join(lines[-40:]))
    return lines
