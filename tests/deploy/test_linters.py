"""Linters, policies and schemas take what kustomize makes of deploy/, and notice what is wrong.

Resources of CRDs are validated by the API server itself, with their CEL rules: test_apply.py.
"""

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.deploy.kustomize import DEPLOY, EACH, PROD, Manifest, containers_of, manifests, one
from tests.deploy.tools import tool

HERE = Path(__file__).parent
VERSIONS = ("1.35", "1.36", "1.37")  # those of Kubernetes that are maintained
# Groups of CRDs end so, and the schemas of Kubernetes know none of theirs.
CUSTOM = ("strimzi.io", "keda.sh", "coreos.com")
TOOL_S = 120.0


def run(name: str, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """A tool with these arguments; its end is the caller's to judge."""
    return subprocess.run(
        [tool(name), *arguments], capture_output=True, text=True, timeout=TOOL_S, check=False, cwd=HERE.parents[1]
    )


def written(folder: Path, found: list[Manifest]) -> Path:
    """These as a file."""
    path = folder / "manifests.yaml"
    path.write_text(yaml.safe_dump_all(found))
    return path


def is_custom(manifest: Manifest) -> bool:
    """Whether a CRD says what it may hold."""
    return str(manifest["apiVersion"]).partition("/")[0].endswith(CUSTOM)


def test_yamllint_finds_nothing() -> None:
    done = run("yamllint", "--strict", "--config-file", HERE / "yamllint.yaml", DEPLOY)
    assert (done.returncode, done.stdout) == (0, "")


@EACH
@pytest.mark.parametrize("version", VERSIONS)
def test_the_schemas_of_kubernetes_take_it(overlay: Path, version: str, tmp_path: Path) -> None:
    path = written(tmp_path, [each for each in manifests(overlay) if not is_custom(each)])
    done = run("kubernetes-validate", "--strict", "--kubernetes-version", version, path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_field_that_does_not_exist_is_noticed(tmp_path: Path) -> None:
    deployment = one(manifests(PROD), "Deployment", "events-fanout")
    deployment["spec"]["strategy"]["rollingUpdate"]["maxSurge0"] = 0
    done = run("kubernetes-validate", "--strict", "--kubernetes-version", VERSIONS[0], written(tmp_path, [deployment]))
    assert done.returncode != 0
    assert "maxSurge0" in done.stdout + done.stderr


def checked(folder: Path, found: list[Manifest]) -> set[str]:
    """The policies of checkov that these do not keep."""
    done = run("checkov", "--config-file", HERE / "checkov.yaml", "--output", "json", "--file", written(folder, found))
    report = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["passed"] > 0
    return {f"{each['check_id']} {each['resource']}" for each in report["results"]["failed_checks"]}


@EACH
def test_checkov_finds_nothing(overlay: Path, tmp_path: Path) -> None:
    assert checked(tmp_path, manifests(overlay)) == set()


def test_checkov_finds_a_root_file_system_that_can_be_written(tmp_path: Path) -> None:
    deployment = one(manifests(PROD), "Deployment", "events-fanout")
    del containers_of(deployment)["events-fanout"]["securityContext"]["readOnlyRootFilesystem"]
    assert "CKV_K8S_22 Deployment.events-fanout.events-fanout" in checked(tmp_path, [deployment])


def test_prometheus_takes_the_rules(tmp_path: Path) -> None:
    rules = one(manifests(PROD), "PrometheusRule", "events-fanout")["spec"]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules))
    done = run("promtool", "check", "rules", tmp_path / "rules.yaml")
    assert (done.returncode, "SUCCESS" in done.stdout) == (0, True), done.stdout + done.stderr
