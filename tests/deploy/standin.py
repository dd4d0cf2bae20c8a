"""A stand-in for Eventrouter: the API's own watch of events, in Eventrouter's envelope and with its key, to a topic."""

import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
from confluent_kafka import Producer

from bench.broker.tether import Tether
from tests.deploy.apiserver import ApiServer
from tests.deploy.apiserver.binaries import program

WATCH = ["get", "--raw", "/api/v1/events?watch=true"]
VERBS = {"ADDED": "ADDED", "MODIFIED": "UPDATED"}  # what is deleted is told to nobody
FLUSH_S = 30.0


class StandIn:
    """Writes every event of the cluster to the topic, from `with` to its end: those that are there, and all that come.

    It sees what the owner of the kubeconfig may see. `sent` holds the values in the order in which they were written.
    """

    def __init__(self, api: ApiServer, kubeconfig: Path, bootstrap: str, topic: str) -> None:
        self._environment = api.environment(kubeconfig)
        self._producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "log_level": 2})
        self._topic = topic
        self._tether = Tether()
        self._known: dict[str, Any] = {}
        self.sent: list[bytes] = []

    def __enter__(self) -> Self:
        command = [str(program("kubectl")), *WATCH]
        self._process = self._tether.popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, environment=self._environment
        )
        self._thread = threading.Thread(target=self._read, name="stand-in for Eventrouter", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()
        self._thread.join()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._tether.close()
        left = self._producer.flush(FLUSH_S)
        assert error is not None or left == 0, f"{left} records are not acknowledged"

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            change = msgspec.json.decode(line)
            if change["type"] in VERBS:
                self._write(VERBS[change["type"]], change["object"])

    def _write(self, verb: str, event: dict[str, Any]) -> None:
        del event["kind"], event["apiVersion"]  # inside an object of the client they are empty
        old = self._known.get(event["metadata"]["uid"])
        self._known[event["metadata"]["uid"]] = event
        value = msgspec.json.encode({"verb": verb, "event": event} | ({"old_event": old} if old else {}))
        self._producer.produce(self._topic, value, event["involvedObject"].get("name", "").encode())
        self._producer.poll(0)
        self.sent.append(value)
