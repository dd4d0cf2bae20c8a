"""ApiServer: a real Kubernetes API server with its etcd, ready when it answers, gone when it is left."""

import contextlib
import json
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from bench.broker.place import data_folder, free_ports
from bench.broker.tether import Tether
from tests.deploy.apiserver.access import Access
from tests.deploy.apiserver.kubectl import Answer, KubectlError, ask, environment
from tests.deploy.apiserver.processes import Daemon, apiserver_command, etcd_command
from tests.support.topics import wait_until

READY_S = 90.0
ASK_EVERY_S = 0.1
ESTABLISHED_S = 60.0


class ApiServer:
    """kube-apiserver on the loopback, as a context manager. Entering it blocks until it is ready, 5 s or so.

    Everything lies in a folder under the temporary folder, which is removed at the end; the environment variable
    EVENTS_FANOUT_KEEP=1 keeps it. The processes cannot outlive this one, however it ends.
    """

    def __init__(self) -> None:
        self._cleanup = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Raises NotBuiltError, FileNotFoundError without etcd, DiedError and TimeoutError with the end of the log."""
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(data_folder())
            client, peer, port = free_ports(3)
            self.address = f"https://127.0.0.1:{port}"
            self._access = Access(folder / "access", self.address)
            self._cache = folder / "kubectl"
            tether = Tether()
            stack.callback(tether.close)
            etcd = Daemon("etcd", etcd_command(folder / "etcd", client, peer), folder / "etcd.log", tether)
            stack.callback(etcd.stop)
            command = apiserver_command(port, client, self._access)
            self._server = Daemon("kube-apiserver", command, folder / "kube-apiserver.log", tether)
            stack.callback(self._server.stop)
            self._await_ready(etcd)
            self._cleanup = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    def _await_ready(self, etcd: Daemon) -> None:
        deadline = time.monotonic() + READY_S
        while True:
            etcd.check()
            self._server.check()
            # The namespace is made by the server itself, a moment after it is ready.
            answers = [self.try_kubectl("get", "--raw=/readyz"), self.try_kubectl("get", "namespace", "default")]
            if all(answer.code == 0 for answer in answers):
                return
            if time.monotonic() > deadline:
                said = "".join(answer.err for answer in answers)
                raise TimeoutError(f"not ready after {READY_S:g} s\n{said}\n{etcd.tail()}\n{self._server.tail()}")
            time.sleep(ASK_EVERY_S)

    @property
    def kubeconfig(self) -> Path:
        """That of a user who may do everything."""
        return self._access.admin

    def tail(self) -> str:
        """The last lines of kube-apiserver's log."""
        return self._server.tail()

    def environment(self, kubeconfig: Path | None = None) -> dict[str, str]:
        """Environment of a process that talks to this server as whoever the kubeconfig is of; without one, as admin."""
        return environment(kubeconfig or self.kubeconfig, self._cache)

    def kubectl(self, *arguments: str, stdin: str = "", kubeconfig: Path | None = None) -> Answer:
        """Run kubectl to its end. Raises KubectlError with what it said if its exit code is not 0."""
        answer = self.try_kubectl(*arguments, stdin=stdin, kubeconfig=kubeconfig)
        if answer.code != 0:
            raise KubectlError(arguments, answer)
        return answer

    def try_kubectl(self, *arguments: str, stdin: str = "", kubeconfig: Path | None = None) -> Answer:
        """The same, where failing is an answer as well."""
        return ask(arguments, stdin, self.environment(kubeconfig))

    def user_kubeconfig(self, name: str, group: str = "") -> Path:
        """A kubeconfig for a person of this name, who may nothing until something is bound to name or group."""
        return self._access.with_certificate(name, group)

    def service_account_kubeconfig(self, namespace: str, name: str) -> Path:
        """A kubeconfig with a token that the server issues for this ServiceAccount, as a Pod of it would get."""
        token = self.kubectl("create", "token", name, f"--namespace={namespace}").out.strip()
        return self._access.with_token(f"{namespace}-{name}", token)

    def install(self, crds: Path) -> None:
        """Install the CustomResourceDefinitions in this folder, and wait until the server serves them.

        Raises KubectlError if one is refused, TimeoutError.
        """
        self.kubectl("apply", "--server-side", f"--filename={crds}")
        wait_until(self._established, ESTABLISHED_S, "the server serves all CustomResourceDefinitions")

    def _established(self) -> bool:
        # Not `kubectl wait`: it fails where a definition has no condition yet.
        listed: list[dict[str, Any]] = json.loads(self.kubectl("get", "crd", "--output=json").out)["items"]
        conditions = [found for item in listed for found in item.get("status", {}).get("conditions") or []]
        established = [found for found in conditions if found["type"] == "Established" and found["status"] == "True"]
        return len(established) == len(listed)

    def create_namespace(self, prefix: str = "test", labels: Mapping[str, str] | None = None) -> str:
        """Make a namespace that nobody else has; its name begins with `prefix`."""
        name = f"{prefix}-{secrets.token_hex(4)}"
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": dict(labels or {})}}
        self.kubectl("create", "--filename=-", stdin=json.dumps(namespace))
        return name

    def remove_namespace(self, name: str) -> None:
        """Delete a namespace and all that is in it, as the controller of namespaces would. Blocks for some seconds.

        Finalizers are taken off, as by the operators that set them: without a namespace nobody could any more.
        Raises KubectlError if it is not there.
        """
        self.kubectl("delete", "namespace", name, "--wait=false")
        listed = self.kubectl("api-resources", "--namespaced", "--verbs=list,delete", "--output=name").out.split()
        self.kubectl("delete", ",".join(listed), "--all", f"--namespace={name}", "--wait=false", "--now")
        left = json.loads(self.kubectl("get", ",".join(listed), f"--namespace={name}", "--output=json").out)["items"]
        for kind, each in ((item["kind"], item["metadata"]) for item in left):
            if "finalizers" in each:
                no_more = '--patch={"metadata":{"finalizers":null}}'
                self.kubectl("patch", kind, each["name"], f"--namespace={name}", "--type=merge", no_more)
        finalized = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "spec": {"finalizers": []}}
        path = f"/api/v1/namespaces/{name}/finalize"
        self.kubectl("replace", f"--raw={path}", "--filename=-", stdin=json.dumps(finalized))
