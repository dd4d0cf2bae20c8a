"""One broker process: its folder, server.properties, start, signals and times."""

import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from bench.broker.tether import Tether
from bench.cpu import ended, reap, tree_cpu_s

LOGGING = Path(__file__).parent.parent / "kafka" / "log4j2.properties"
# The collector's settings are those of Kafka's own start script.
BROKER_JVM = ["-Xms256m", "-Xmx1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35"]
# The format tool lives for a second: not worth compiling.
TOOL_JVM = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
CLUSTER_ID = "ZXZlbnRzLWZhbm91dC0xMg"
STOP_TIMEOUT_S = 60.0
KILL_TIMEOUT_S = 30.0
FORMAT_TIMEOUT_S = 60.0


class BrokerDiedError(RuntimeError):
    """A broker process ended by itself; the message holds what its log says."""


class Ports(NamedTuple):
    """TCP ports of one node, on the loopback."""

    broker: int
    controller: int
    others: tuple[int, ...] = ()  # of the listeners besides, in their order


class Runtime(NamedTuple):
    """What every node runs on: the java command, the folder of Kafka's jars, and what its process is bound to."""

    java: str
    jars: Path
    tether: Tether


class Node:
    """One KRaft process, broker and controller in one. `properties` is its whole server.properties but the data folder.

    `number` is its broker id; `folder`, which is made here, holds all that it writes.
    """

    def __init__(
        self, number: int, folder: Path, ports: Ports, properties: Mapping[str, str], runtime: Runtime
    ) -> None:
        self.number = number
        self.folder = folder
        self.ports = ports
        self.log = folder / "broker.log"
        self._runtime = runtime
        self._process: subprocess.Popen[bytes] | None = None
        self._spent_s = 0.0
        folder.mkdir()
        self._properties = folder / "server.properties"
        lines = {**properties, "log.dirs": str(folder / "data")}
        self._properties.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))

    @property
    def address(self) -> str:
        """Where clients connect: host:port."""
        return f"127.0.0.1:{self.ports.broker}"

    @property
    def pid(self) -> int:
        """Process id. Raises RuntimeError if it does not run."""
        return self._running().pid

    @property
    def runs(self) -> bool:
        """Was it started, and is it alive (perhaps paused)? Never blocks."""
        return self._process is not None and not ended(self._process)

    def begin_format(self) -> subprocess.Popen[bytes]:
        """Start the tool that lays out the empty data folder; it takes about a second. For `end_format`."""
        command = self._java(TOOL_JVM, "kafka.tools.StorageTool")
        return self._spawn([*command, "format", "--cluster-id", CLUSTER_ID, "--config", str(self._properties)])

    def end_format(self, process: subprocess.Popen[bytes]) -> None:
        """Wait for the tool. Raises BrokerDiedError if it failed."""
        if process.wait(FORMAT_TIMEOUT_S) != 0:
            raise BrokerDiedError(f"the data folder could not be formatted\n{self.trouble()}")

    def launch(self) -> None:
        """Start the process; returns at once, long before it answers. Raises RuntimeError if it runs already."""
        if self.runs:
            raise RuntimeError(f"the broker at {self.address} runs already")
        self._collect(KILL_TIMEOUT_S)
        self._process = self._spawn([*self._java(BROKER_JVM, "kafka.Kafka"), str(self._properties)])

    def stop(self) -> None:
        """SIGTERM, and wait for its end. Raises TimeoutError after a minute, when it has been killed."""
        process = self._running()
        os.kill(process.pid, signal.SIGCONT)
        os.kill(process.pid, signal.SIGTERM)
        try:
            self._collect(STOP_TIMEOUT_S)
        except TimeoutError:
            self.kill()
            raise

    def kill(self) -> None:
        """SIGKILL, and wait for its end. Raises RuntimeError if it does not run."""
        self._running()
        self.discard()

    def discard(self) -> None:
        """End the process if there is one, however it fares."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._collect(KILL_TIMEOUT_S)

    def pause(self) -> None:
        """SIGSTOP, and wait until all its threads have stopped. Raises RuntimeError if it does not run."""
        pid = self._running().pid
        os.kill(pid, signal.SIGSTOP)
        os.waitid(os.P_PID, pid, os.WSTOPPED)

    def resume(self) -> None:
        """SIGCONT. Raises RuntimeError if it does not run."""
        os.kill(self._running().pid, signal.SIGCONT)

    def cpu_s(self) -> float:
        """User and system seconds of all its processes so far, ended ones included."""
        return self._spent_s + (tree_cpu_s(self._process.pid) if self._process is not None else 0.0)

    def trouble(self) -> str:
        """What its log says of an error: the lines at that level and the causes, then the last lines whatever they are.

        Kafka prints its settings by the hundred, so that the last lines alone seldom have it.
        """
        lines = [line[:300] for line in self.log.read_text(errors="replace").splitlines()]
        errors = [
            line for line in lines if any(mark in line for mark in (" ERROR ", " FATAL ", "Caused by:", "Exception"))
        ]
        return "\n".join([*errors[-20:], "...", *lines[-10:]])

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or ended(self._process):
            raise RuntimeError(f"the broker at {self.address} does not run")
        return self._process

    def _collect(self, timeout_s: float) -> None:
        if self._process is not None:
            self._spent_s += reap(self._process, timeout_s).cpu_s
            self._process = None

    def _java(self, jvm: list[str], main: str) -> list[str]:
        options = ["-Djava.awt.headless=true", f"-Dlog4j2.configurationFile={LOGGING}"]
        return [self._runtime.java, *jvm, *options, "-cp", f"{self._runtime.jars}/*", main]

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return self._runtime.tether.popen(command, stdout=log, stderr=subprocess.STDOUT, folder=str(self.folder))
