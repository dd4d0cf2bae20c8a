"""The real program as a child process, and what its log tells of its workers."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from queue import SimpleQueue

import msgspec

from fanout.settings import Settings

COMMAND = (sys.executable, "-m", "fanout", "run")
LINES_KEPT = 8


class LogLine(msgspec.Struct):
    """What the demo reads of a line of the program's JSON log."""

    message: str = ""
    level: str = msgspec.field(name="log.level", default="")
    partitions: list[int] = msgspec.field(name="fanout.partitions", default_factory=list)
    pid: int = msgspec.field(name="fanout.pid", default=0)


@dataclass
class Worker:
    """The worker of one source partition."""

    pid: int
    started_at: float  # monotonic seconds
    replaced: int = 0  # times that it had to be replaced
    alive: bool = True


def environment(base: Mapping[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    """The environment for the program: ours without anything that would configure it, and then these settings."""
    names = {field.upper() for field in Settings.__struct_fields__}
    ours = {
        name: value
        for name, value in base.items()
        if name.removesuffix("_FILE") not in names and not name.startswith("KAFKA_")
    }
    return {**ours, "HTTP_PORT": "0", **settings}


class Program:
    """`events-fanout run` with these settings (names of environment variables). Its log is read by a thread."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self.workers: dict[int, Worker] = {}  # by source partition
        self.deaths = 0  # of workers, as far as the program has noticed
        self._last_lines: deque[str] = deque(maxlen=LINES_KEPT)
        self._lines: SimpleQueue[tuple[float, bytes]] = SimpleQueue()
        self._decoder = msgspec.json.Decoder(LogLine)
        self._process = subprocess.Popen(
            COMMAND,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,  # it writes nothing else; if it did, it would spoil the table
            env=environment(os.environ, settings),
            process_group=0,  # Ctrl-C is for the demo, which then stops its processes in order
        )
        self._reader = threading.Thread(target=self._read, name="program-log", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; a negative signal number if a signal ended it."""
        return self._process.poll()

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None  # noqa: S101  # a pipe, as asked for
        for line in stream:
            self._lines.put((time.monotonic(), line))

    def look(self) -> None:
        """Take in what the program has logged since. Does not block."""
        while not self._lines.empty():
            at, line = self._lines.get()
            try:
                told = self._decoder.decode(line)
            except msgspec.DecodeError:  # a traceback or a warning of the interpreter
                self._last_lines.append(line.decode(errors="replace").rstrip())
                continue
            if told.level in {"warning", "error", "critical"}:
                self._last_lines.append(line.decode(errors="replace").rstrip())
            if told.message == "worker started":
                self._started(told, at)
            elif told.message == "worker died":
                self.deaths += 1
                for partition in told.partitions:
                    self.workers[partition].alive = False

    def log(self) -> list[str]:
        """The last warnings and errors of its log, and what was no log line, for the person who looks for a fault.

        Of a program that has ended, to its last word: blocks until the thread has read that, a second at most.
        """
        if self.exit_code is not None:
            self._reader.join(timeout=1)
        self.look()
        return list(self._last_lines)

    def _started(self, told: LogLine, at: float) -> None:
        for partition in told.partitions:
            before = self.workers.get(partition)
            self.workers[partition] = Worker(told.pid, at, before.replaced + 1 if before else 0)

    def kill_worker(self, partition: int) -> int:
        """Kill the worker of a partition with SIGKILL; its pid."""
        worker = self.workers[partition]
        worker.alive = False
        os.kill(worker.pid, signal.SIGKILL)
        return worker.pid

    def terminate(self) -> None:
        """Ask it to stop, as Kubernetes does. Does not wait."""
        if self.exit_code is None:
            self._process.terminate()

    def close(self, grace_s: float) -> None:
        """Make sure that it has ended: SIGTERM, then SIGKILL after `grace_s` seconds. Blocks that long at most.

        Its workers stop when it is gone.
        """
        self.terminate()
        try:
            self._process.wait(grace_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(timeout=5)
        if self._process.stdout is not None and not self._reader.is_alive():
            self._process.stdout.close()
