"""What kustomize makes of a folder, as kubectl would apply it."""

import re
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.apiserver.binaries import program

DEPLOY = Path(__file__).parents[2] / "deploy"
BASE = DEPLOY / "base"
OVERLAYS = DEV, PROD = DEPLOY / "overlays" / "dev", DEPLOY / "overlays" / "prod"
EACH = pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: str(path.name))
BUILD_S = 60.0
HASH = "(-[a-z0-9]{10})?"  # of the content of a generated ConfigMap, behind its name

Manifest = dict[str, Any]


@cache
def built(folder: Path) -> str:
    """All resources as YAML. Blocks for a second. Raises NotBuiltError, and AssertionError with what kubectl said."""
    done = subprocess.run(
        [program("kubectl"), "kustomize", folder], capture_output=True, text=True, timeout=BUILD_S, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def manifests(folder: Path) -> list[Manifest]:
    """The same, read; each call gives its own."""
    return list(yaml.safe_load_all(built(folder)))


def of_kind(found: Iterable[Manifest], kind: str) -> dict[str, Manifest]:
    """Those of one kind, by name."""
    return {each["metadata"]["name"]: each for each in found if each["kind"] == kind}


def one(found: Iterable[Manifest], kind: str, name: str) -> Manifest:
    """The one of this kind and name, which a generated ConfigMap has with a hash behind. Raises AssertionError."""
    pattern = re.compile(re.escape(name) + (HASH if kind == "ConfigMap" else ""))
    named = [each for each in found if each["kind"] == kind and pattern.fullmatch(each["metadata"]["name"])]
    assert len(named) == 1, f"{len(named)} {kind} called {name}"
    return named[0]


def pods_of(manifest: Manifest) -> Manifest:
    """The pod template of a Deployment."""
    template: Manifest = manifest["spec"]["template"]
    return template


def containers_of(manifest: Manifest) -> dict[str, Manifest]:
    """All containers of a Deployment's pods by name, sidecars too."""
    spec = pods_of(manifest)["spec"]
    return {each["name"]: each for each in [*spec.get("initContainers", ()), *spec["containers"]]}


def variables_of(folder: Path) -> dict[str, str]:
    """The environment of the program: what is in its ConfigMap."""
    given: dict[str, str] = one(manifests(folder), "ConfigMap", "events-fanout")["data"]
    return given
