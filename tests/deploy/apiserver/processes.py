"""etcd and kube-apiserver: their command lines and their logs."""

import subprocess
from pathlib import Path

from bench.broker.jars import tool
from bench.broker.tether import Tether
from tests.deploy.apiserver.access import Access
from tests.deploy.apiserver.binaries import program

STOP_S = 20.0
TAIL = 30  # lines of a log that are shown
NOISE = "addrConn.createTransport failed to connect"


class DiedError(RuntimeError):
    """A process ended by itself; the message holds the end of its log."""


class Daemon:
    """One process that runs until `stop`. It writes its log, standard error included, to a file."""

    def __init__(self, name: str, command: list[str], log: Path, tether: Tether) -> None:
        self._name = name
        self._log = log
        with log.open("wb") as stream:
            self._process = tether.popen(command, stdout=stream, stderr=subprocess.STDOUT)

    def check(self) -> None:
        """Raises DiedError if it does not run any more."""
        if self._process.poll() is not None:
            raise DiedError(f"{self._name} ended with exit code {self._process.returncode}:\n{self.tail()}")

    def tail(self) -> str:
        """The last lines of its log, without those about connections to etcd, which come and go all the time."""
        lines = self._log.read_text(errors="replace").splitlines()
        return "\n".join([line for line in lines if NOISE not in line][-TAIL:])

    def stop(self) -> None:
        """SIGTERM, and SIGKILL after STOP_S. Blocks until it is gone."""
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def etcd_command(folder: Path, client: int, peer: int) -> list[str]:
    """One member of etcd. Nothing is waited for to reach the disk: what is lost with the machine is no loss."""
    clients, peers = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
    return [
        tool("etcd", "etcd-server"),
        f"--data-dir={folder}",
        f"--listen-client-urls={clients}",
        f"--advertise-client-urls={clients}",
        f"--listen-peer-urls={peers}",
        f"--initial-advertise-peer-urls={peers}",
        f"--initial-cluster=default={peers}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def apiserver_command(port: int, etcd: int, access: Access) -> list[str]:
    """kube-apiserver as a cluster runs it, as far as what is stored, checked and allowed depends on it."""
    return [
        str(program("kube-apiserver")),
        f"--etcd-servers=http://127.0.0.1:{etcd}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={port}",
        "--endpoint-reconciler-type=none",  # no Service leads to a loopback address
        "--service-cluster-ip-range=10.96.0.0/16",
        f"--tls-cert-file={access.certificate}",
        f"--tls-private-key-file={access.key}",
        f"--client-ca-file={access.authority}",
        f"--token-auth-file={access.tokens}",
        "--authorization-mode=RBAC",
        # What makes the ServiceAccount "default" of each namespace, without which this plugin refuses all Pods, is a
        # controller, and none runs.
        "--disable-admission-plugins=ServiceAccount",
        "--allow-privileged=true",  # so that it is Pod Security which refuses them
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={access.tokens_key}",
        f"--service-account-signing-key-file={access.tokens_key}",
    ]
