"""One worker process: start with exec, its end of the link, its stop by a deadline that escalates, its ending."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from fanout import link, log
from fanout.errors import ExitCode, FailureKind

ABORT_S = 2.0  # from SIGABRT, which prints the stacks, to SIGKILL
STOP_GRACE_S = 1.0  # from the deadline that the worker was told to SIGKILL

_log = log.get("process")


class Load(NamedTuple):
    """What a worker said last that it has in its hands."""

    records: int  # read and not acknowledged
    nbytes: int  # of their values
    producers: int


NOTHING = Load(0, 0, 0)


class Ended(NamedTuple):
    """How a worker process ended."""

    exit_code: int  # negative: the signal that killed it
    failure: link.Failed | None
    lived_s: float
    stalled: bool

    @property
    def drained(self) -> bool:
        """Whether it delivered all that it had read."""
        return self.exit_code == ExitCode.OK

    @property
    def source_recreated(self) -> bool:
        """Whether it found its source to be another one."""
        return self.failure is not None and self.failure.kind is FailureKind.SOURCE_RECREATED


Command = Callable[[int], list[str]]


def worker_command(fd: int) -> list[str]:
    """The command line of a worker."""
    return [sys.executable, "-m", "fanout.worker", str(fd)]


class WorkerProcess:
    """A running worker. Made by `spawn`; `run` must be awaited to its end."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        delivered: Callable[[link.Delivered], None],
        *,
        now: float,
        connection: socket.socket,
    ) -> None:
        self._process = process
        self._connection = connection
        self._unsent = b""
        self._reader = reader
        self._writer = writer
        self._delivered = delivered
        self._started_at = now
        self.heard_at = now
        self.load = NOTHING
        self._failure: link.Failed | None = None
        self._aborted_at: float | None = None
        self._kill_at: float | None = None
        self.pid = process.pid

    @classmethod
    async def spawn(
        cls, start: link.Start, delivered: Callable[[link.Delivered], None], command: Command = worker_command
    ) -> "WorkerProcess":
        """Start a worker. exec and never fork: the client's threads do not survive a fork. Raises OSError."""
        ours, theirs = socket.socketpair()
        try:
            process = await asyncio.create_subprocess_exec(
                *command(theirs.fileno()),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                env=_environment(os.environ),
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        ours.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=ours, limit=link.FRAME_MAX_BYTES)
        self = cls(process, reader, writer, delivered, now=time.monotonic(), connection=ours)
        self._send(start)
        return self

    async def run(self) -> Ended:
        """Take what the worker says until it is gone, and reap it."""
        try:
            while frame := await self._reader.readline():
                self._take(link.decode_up(frame))
        except ConnectionError:
            pass  # it died with something of ours unread: an end like any other
        except (ValueError, RecursionError, msgspec.DecodeError) as error:
            _log.error("a worker speaks nonsense: killing it", pid=self.pid, error=str(error))
            self.kill()
        finally:
            self._writer.close()
        # The end of its link is its death notice; what does not die of it has no business any more.
        try:
            exit_code = await asyncio.wait_for(self._process.wait(), ABORT_S)
        except TimeoutError:
            self.kill()
            exit_code = await self._process.wait()
        lived_s = time.monotonic() - self._started_at
        return Ended(exit_code, self._failure, lived_s, self._aborted_at is not None)

    def _take(self, message: link.Up) -> None:
        self.heard_at = time.monotonic()
        if isinstance(message, link.Delivered):
            self.load = Load(message.inflight_records, message.inflight_bytes, message.producers)
            self._delivered(message)
        elif isinstance(message, link.Failed):
            self._failure = message

    def renew(self, until: float, *, reading: bool) -> None:
        """Let it go on producing until then, and reading if so. Does not block."""
        self._send(link.Lease(until, reading))

    def stop(self, deadline: float) -> None:
        """Ask it to deliver what it has read and end; at the deadline it is killed. A second call may shorten it."""
        self._send(link.Stop(deadline))
        self._kill_at = deadline + STOP_GRACE_S

    def check(self, now: float, stall_s: float) -> None:
        """Kill what is silent for too long, or was told to stop and did not."""
        if self._kill_at is not None and now > self._kill_at:
            _log.warning("worker did not stop by its deadline: killing it", pid=self.pid)
            self.kill()
        elif self._aborted_at is not None:
            if now - self._aborted_at > ABORT_S:
                self.kill()
        elif now - self.heard_at > stall_s:
            _log.error(
                "worker is silent: its stacks follow, then it is replaced", pid=self.pid, silent_s=round(stall_s)
            )
            self._aborted_at = now
            self._signal(signal.SIGABRT)

    def forgive(self, now: float) -> None:
        """Its silence was ours: the supervisor itself did not run."""
        self.heard_at = now

    def kill(self) -> None:
        """End it at once."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def _send(self, message: link.Down) -> None:
        """Past the stream, which at a broken pipe would throw away what the worker said before it ended."""
        self._unsent += link.encode(message)
        try:
            sent = self._connection.send(self._unsent)
        except BlockingIOError:
            return  # it hangs, and is looked after by `check`
        except OSError:
            sent = len(self._unsent)  # it is gone: the end of its link is the news
        self._unsent = self._unsent[sent:]


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The worker's environment: ours, with an allocator that keeps what a round frees, and keeps it in one place."""
    allocator = {
        "MALLOC_ARENA_MAX": "1",
        "MALLOC_TRIM_THRESHOLD_": "268435456",
        "MALLOC_MMAP_THRESHOLD_": "67108864",
    }
    return allocator | dict(environ)
