"""`topics sync` for tests, as whoever a kubeconfig is of: one pass, or passes until it is ended."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import yaml
from click.testing import CliRunner, Result

from bench.broker import LocalKafka
from bench.broker.tether import Tether
from fanout.cli import commands
from fanout.config.sources import FIELDS, variable
from tests.deploy.apiserver import ApiServer

ROOT = Path(__file__).parents[2]
RIGHTS = ROOT / "deploy" / "components" / "topics" / "rights.yaml"
ACCOUNT = "events-fanout-topics"
CLUSTER = "events"
END_S = 60.0


class Place(NamedTuple):
    """Where a test works: its topics begin with `prefix`, its KafkaTopics are in `namespace`."""

    kafka: LocalKafka
    api: ApiServer
    namespace: str
    prefix: str

    def environ(self, **more: str) -> dict[str, str]:
        """The settings of a run; no other that is set here where the tests run."""
        clean = dict.fromkeys([variable(name) for name in FIELDS], "")
        own = {
            "ENDPOINT": self.kafka.bootstrap,
            "TOPIC": f"{self.prefix}-source",
            "TOPIC_TEMPLATE": f"{self.prefix}.{{namespace}}",
            "LOG_FORMAT": "json",
        }
        return {**clean, **own, "KUBECONFIG": str(self.api.kubeconfig), **more}

    def arguments(self, *more: str) -> tuple[str, ...]:
        """Of `topics sync`."""
        return ("topics", "sync", "--cluster", CLUSTER, "--kubernetes-namespace", self.namespace, *more)

    def once(self, *more: str, **environ: str) -> Result:
        """One pass."""
        arguments = self.arguments("--once", *more)
        return CliRunner().invoke(commands, arguments, env=self.environ(**environ), prog_name="events-fanout")

    def call(self, *arguments: str, stdin: str = "", **environ: str) -> Result:
        """Another command."""
        env = self.environ(**environ)
        return CliRunner().invoke(commands, arguments, env=env, prog_name="events-fanout", input=stdin)

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """What kubectl says, as a user who may do everything."""
        return self.api.kubectl("--namespace", self.namespace, *arguments, stdin=stdin).out

    def there(self) -> dict[str, dict[str, Any]]:
        """The KafkaTopics, by name."""
        listed = json.loads(self.kubectl("get", "kafkatopics", "--output=json", "--show-managed-fields"))
        return {item["metadata"]["name"]: item for item in listed["items"]}

    def versions(self) -> dict[str, str]:
        """The version of each KafkaTopic: another one after each write."""
        return {name: item["metadata"]["resourceVersion"] for name, item in self.there().items()}

    def account(self, verbs: list[str] | None = None) -> Path:
        """A kubeconfig of the ServiceAccount, with its own Role; `verbs` are others than those of the Role."""
        self.kubectl("create", "serviceaccount", ACCOUNT)
        for document in yaml.safe_load_all(RIGHTS.read_text()):
            document["metadata"]["namespace"] = self.namespace
            for subject in document.get("subjects", ()):
                subject["namespace"] = self.namespace
            if document["kind"] == "Role" and verbs is not None:
                document["rules"][0]["verbs"] = verbs
            self.kubectl("apply", "--filename=-", stdin=json.dumps(document))
        return self.api.service_account_kubeconfig(self.namespace, ACCOUNT)


def verbs() -> list[str]:
    """Those of the Role that comes with the program."""
    role = next(yaml.safe_load_all(RIGHTS.read_text()))
    found: list[str] = role["rules"][0]["verbs"]
    return found


class Syncing:
    """The real program, as a child: passes until it is ended."""

    def __init__(self, place: Place, *arguments: str, **environ: str) -> None:
        self._command = (sys.executable, "-m", "fanout", *place.arguments(*arguments))
        self._environ = {**os.environ, **place.environ(**environ)}
        self._tether = Tether()
        self.lines: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        self._process = self._tether.popen(
            self._command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            environment=self._environ,
            folder=str(ROOT),
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        self._tether.close()

    def _read(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as log:
            self.lines.extend(map(json.loads, log))

    def told(self, message: str) -> list[dict[str, Any]]:
        """Lines of its log with this message."""
        return [line for line in self.lines if line["message"] == message]

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        self._process.terminate()
        return self.end()

    def end(self) -> int:
        """Wait for its end; its exit code."""
        code = self._process.wait(END_S)
        self._reader.join()
        return code
