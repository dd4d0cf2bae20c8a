"""The API server that the other tests stand on is the one that is meant, guards what it has, and leaves nothing."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.deploy.apiserver import ApiServer, KubectlError, kubernetes_version

ROOT = Path(__file__).parents[2]
STARTS_ONE = "from tests.deploy.apiserver import ApiServer\nwith ApiServer(): print('ready', flush=True); input()"


def test_server_and_kubectl_are_of_the_version_that_go_mod_names(api: ApiServer) -> None:
    told = json.loads(api.kubectl("version", "--output=json").out)
    assert told["clientVersion"]["gitVersion"] == kubernetes_version()
    assert told["serverVersion"]["gitVersion"] == kubernetes_version()


def test_a_service_account_may_nothing_that_nobody_has_bound_to_it(api: ApiServer, namespace: str) -> None:
    api.kubectl("create", "serviceaccount", "reader", "-n", namespace)
    reader = api.service_account_kubeconfig(namespace, "reader")
    with pytest.raises(KubectlError, match=f"system:serviceaccount:{namespace}:reader.*cannot list"):
        api.kubectl("get", "kafkatopics", "-n", namespace, kubeconfig=reader)
    api.kubectl("create", "role", "reader", "--verb=list", "--resource=kafkatopics.kafka.strimzi.io", "-n", namespace)
    api.kubectl(
        "create", "rolebinding", "reader", "--role=reader", f"--serviceaccount={namespace}:reader", "-n", namespace
    )
    assert api.kubectl("get", "kafkatopics", "-n", namespace, kubeconfig=reader).err.startswith("No resources found")


def test_a_person_is_let_in_by_name_and_group(api: ApiServer) -> None:
    anna = api.user_kubeconfig("anna", "team-a")
    told = json.loads(api.kubectl("auth", "whoami", "--output=json", kubeconfig=anna).out)
    assert told["status"]["userInfo"]["username"] == "anna"
    assert "team-a" in told["status"]["userInfo"]["groups"]


def test_a_namespace_that_is_removed_takes_all_with_it(api: ApiServer) -> None:
    name = api.create_namespace()
    api.kubectl("create", "configmap", "something", "-n", name)
    api.remove_namespace(name)
    assert name not in api.kubectl("get", "namespaces", "--output=name").out
    assert api.kubectl("get", "configmaps", "-n", name, "--output=name").out == ""


def test_nothing_of_it_outlives_a_test_run_that_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTS_ONE],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        started = psutil.Process(process.pid).children()
        assert {child.name() for child in started} == {"etcd", "kube-apiserver"}
        process.send_signal(signal.SIGKILL)
    _, left = psutil.wait_procs(started, timeout=20)
    assert left == []
