"""The real program as a child process: its settings, its log, its workers, its end."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import psutil

from bench.broker.tether import Tether
from fanout.settings import Settings

ROOT = Path(__file__).parent.parent
COMMAND = (sys.executable, "-m", "fanout", "run")
END_S = 10.0
DEAD = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
# What a process of ours prints when it breaks, in place of a line of its log.
BROKEN = ("Traceback (most recent call last)", "Fatal Python error")

Line = dict[str, Any]


class Program:
    """`python -m fanout run` with these settings (names of environment variables), from `with` to its end.

    Its log is read by a thread, our fields without their `fanout.`. Whatever it started is gone when the context ends,
    which without another error raises AssertionError if a process printed a traceback, unless `may_break`.
    """

    def __init__(self, bootstrap: str, topic: str, group: str, **settings: object) -> None:
        self._settings = {
            "ENDPOINT": bootstrap,
            "TOPIC": topic,
            "GROUPID": group,
            "LOG_FORMAT": "json",
            "COMMIT_INTERVAL_MS": "200",
            **{name: str(value) for name, value in settings.items()},
        }
        self._may_break = False
        self._tether = Tether()
        self._changed = threading.Condition()
        self._lines: list[Line] = []
        self._other_lines: list[str] = []
        self._workers: dict[int, psutil.Process] = {}

    def may_break(self) -> Self:
        """Let its processes print tracebacks: the caller makes them break."""
        self._may_break = True
        return self

    def __enter__(self) -> Self:
        self.started_at = time.monotonic()
        self._process = self._tether.popen(
            COMMAND,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            environment=_environment(self._settings),
            folder=str(ROOT),
        )
        self._reader = threading.Thread(target=self._read, name=f"log of {self._process.pid}", daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        with self._changed:
            workers = list(self._workers.values())
        # Without their supervisor they end by themselves; one that was stopped with SIGSTOP cannot.
        _, left = psutil.wait_procs(workers, timeout=0.0 if error else 3.0)
        for worker in left:
            worker.kill()
        psutil.wait_procs(left, timeout=END_S)
        self._reader.join(END_S)
        if self._process.stdout is not None and not self._reader.is_alive():
            self._process.stdout.close()
        self._tether.close()
        if error is not None:
            # pytest shows it beside the failure
            print(f"--- log of the program {self.pid}, its last lines", *self.tail(), sep="\n")
        elif not self._may_break:
            assert not self.broken(), "\n".join(self.broken())

    @property
    def pid(self) -> int:
        """Process id of the supervisor."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; a negative signal number if a signal ended it."""
        return self._process.poll()

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        for raw in stream:
            text = raw.decode(errors="replace").rstrip("\n")
            with self._changed:
                try:
                    line = msgspec.json.decode(text, type=Line)
                except msgspec.DecodeError:
                    self._other_lines.append(text)
                else:
                    line = {name.removeprefix("fanout."): value for name, value in line.items()}
                    self._lines.append(line | {"at": time.monotonic()})
                    if line.get("message") == "worker started":
                        self._remember(int(line["pid"]))
                self._changed.notify_all()

    def _remember(self, pid: int) -> None:
        try:
            self._workers[pid] = psutil.Process(pid)
        except psutil.NoSuchProcess:
            return

    def lines(self, message: str, **fields: object) -> list[Line]:
        """Lines of the log so far with this message and these fields; `at` is when each was read (monotonic)."""
        with self._changed:
            return [line for line in self._lines if _matches(line, message, fields)]

    def log(self) -> list[Line]:
        """All lines of its log so far."""
        with self._changed:
            return list(self._lines)

    def wait_for(self, message: str, deadline_s: float = 15.0, *, count: int = 1, **fields: object) -> Line:
        """Wait until the log has `count` such lines; the last of these. Raises TimeoutError with the log's tail."""
        deadline = time.monotonic() + deadline_s
        with self._changed:
            while True:
                found = [line for line in self._lines if _matches(line, message, fields)]
                if len(found) >= count:
                    return found[count - 1]
                left = deadline - time.monotonic()
                if left <= 0 or (not self._reader.is_alive() and not self._changed.wait(0.1)):
                    raise TimeoutError(f"no line {message!r} {fields} within {deadline_s:g} s\n" + self._tail())
                self._changed.wait(min(left, 0.5))

    def worker(self, partition: int, deadline_s: float = 15.0, *, other_than: int | None = None) -> int:
        """Process id of the living worker of a partition; waits for one, other than `other_than` if given."""
        return self._await(
            lambda: self._worker(partition, other_than), deadline_s, f"a worker of partition {partition}"
        )

    def _worker(self, partition: int, other_than: int | None) -> int | None:
        for line in reversed(self.lines("worker started")):
            if partition in line["partitions"]:
                pid = int(line["pid"])
                return pid if pid != other_than and self._lives(pid) else None
        return None

    def _lives(self, pid: int) -> bool:
        with self._changed:
            process = self._workers.get(pid)
        try:
            return process is not None and process.is_running() and process.status() not in DEAD
        except psutil.NoSuchProcess:
            return False

    def workers(self) -> set[int]:
        """Process ids of all workers that live."""
        with self._changed:
            pids = list(self._workers)
        return {pid for pid in pids if self._lives(pid)}

    def assigned(self) -> set[int]:
        """Partitions that this replica holds, as its log tells."""
        held: set[int] = set()
        for line in self.log():
            message = str(line.get("message", ""))
            if message == "partitions assigned":
                held |= set(line["partitions"])
            elif message.startswith(("partitions revoked", "partitions lost")):
                held -= set(line["partitions"])
        return held

    def signal(self, number: signal.Signals) -> None:
        """Send the supervisor a signal."""
        os.kill(self.pid, number)

    def terminate(self, deadline_s: float = 30.0) -> int:
        """SIGTERM, and wait for its end; the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(deadline_s)

    def wait(self, deadline_s: float = 30.0) -> int:
        """Wait for its end; the exit code. Raises TimeoutError with the log's tail."""
        try:
            code = self._process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"it still runs after {deadline_s:g} s\n" + "\n".join(self.tail())) from None
        self._reader.join(END_S)
        return code

    def kill(self) -> None:
        """SIGKILL to the supervisor, which works on a stopped process, too."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def totals(self) -> Line:
        """What it counted in all, from its last line."""
        return self.wait_for("stopped", 1.0)

    def broken(self) -> list[str]:
        """Lines that are no log lines, and the log's tracebacks, if there is a traceback among them."""
        with self._changed:
            found = [str(line["error.stack_trace"]) for line in self._lines if "error.stack_trace" in line]
            other = list(self._other_lines)
        return found + (other if any(mark in line for line in other for mark in BROKEN) else [])

    def tail(self, count: int = 40) -> list[str]:
        """The last lines that it wrote, as text."""
        with self._changed:
            return self._tail(count).splitlines()

    def _tail(self, count: int = 40) -> str:
        hidden = ("at", "ecs.version", "service.name", "service.version", "log.logger", "process.pid", "log.level")
        shown = [str({k: v for k, v in line.items() if k not in hidden}) for line in self._lines[-count:]]
        return "\n".join(shown + self._other_lines[-count:])

    def _await(self, condition: Callable[[], int | None], deadline_s: float, what: str) -> int:
        deadline = time.monotonic() + deadline_s
        while True:
            found = condition()
            if found is not None:
                return found
            if time.monotonic() > deadline:
                raise TimeoutError(f"after {deadline_s:g} s still waiting for {what}\n" + "\n".join(self.tail()))
            time.sleep(0.01)


def _environment(settings: dict[str, str]) -> dict[str, str]:
    """Ours, without anything that would configure the program, and then these settings."""
    names = {field.upper() for field in Settings.__struct_fields__}
    ours = {name: value for name, value in os.environ.items() if name not in names and not name.startswith("KAFKA_")}
    return {**ours, "HTTP_PORT": "0", **settings}


def _matches(line: Line, message: str, fields: dict[str, object]) -> bool:
    return line.get("message") == message and all(line.get(name) == value for name, value in fields.items())
