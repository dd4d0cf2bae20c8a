"""One direction of a connection: what one end says goes to the other, later and slower if so wished.

Sockets are read and written here, and not by transports: what a transport has taken cannot be held back any more.
"""

import asyncio
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

CHUNK_BYTES = 256 * 1024
# How much of one direction may be under way while there is a delay: with one of 0.5 s still 32 MB/s.
DELAYED_BYTES = 16 * 1024 * 1024
TURN_S = 0.01

Action = Callable[[], None]


class Passage(NamedTuple):
    """What becomes of bytes that were read: the first `passed` go on, the last `kept` are shown again with the next.

    What is between these is swallowed. `then` is done when all that passed is written, and nothing passes after it.
    """

    passed: int
    kept: int = 0
    then: Action | None = None


class Throttle:
    """Turns at a rate in bytes a second that all connections share; 0 is no limit."""

    def __init__(self) -> None:
        self.rate = 0.0
        self._free_at = 0.0

    def limit(self, rate: float) -> None:
        """Another rate. Turns that were given before are void."""
        self.rate = rate
        self._free_at = 0.0

    def turn(self, wanted: int) -> tuple[float, int]:
        """When so many of the wanted bytes may be written: a time of time.monotonic, and a number of bytes."""
        size = min(wanted, max(1, int(self.rate * TURN_S)))
        start = max(time.monotonic(), self._free_at)
        self._free_at = start + size / self.rate
        return start, size


class Conditions:
    """What holds for all connections of a proxy at present. `buffer` is what every socket is read into."""

    def __init__(self) -> None:
        self.delay_s = 0.0
        self.hung = False
        self.up = Throttle()
        self.down = Throttle()
        self.buffer = memoryview(bytearray(CHUNK_BYTES))


class Pipe:
    """From `source` to `target`, which both are non-blocking. All is called in the loop.

    `inspect` says what becomes of bytes. `ended` is called when the end of the source was passed on, `reset` when the
    source failed.
    """

    def __init__(
        self, conditions: Conditions, throttle: Throttle, source: socket.socket, target: socket.socket, *,
        inspect: Callable[[memoryview], Passage], ended: Action, reset: Action,
    ) -> None:  # fmt: skip
        self._loop = asyncio.get_running_loop()
        self._conditions = conditions
        self._throttle = throttle
        self._source = source
        self._target = target
        self._inspect = inspect
        self._ended = ended
        self._reset = reset
        self._line: deque[tuple[float, memoryview | Action]] = deque()  # each with the time of its arrival
        self._queued_bytes = 0
        self._kept = b""
        self._turn: tuple[float, int] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._reading = self._blocked = False
        self._stopped = self._discarding = self._eof = self._finished = self._closed = False

    def refresh(self) -> None:
        """The conditions are others now, or it begins."""
        self._turn = None
        self._proceed()

    def stop(self) -> None:
        """Read nothing more."""
        self._stopped = True
        self._proceed()

    def finish(self) -> None:
        """FIN to the target, now; what is under way and what still comes is thrown away."""
        self._give_up()
        self._shut()
        self._proceed()

    def close(self) -> None:
        """Let go of both sockets, which the caller closes."""
        self._closed = True
        self._line.clear()
        self._set_reading(False)
        self._set_blocked(False)
        self._set_timer(None)

    def _readable(self) -> None:
        buffer, kept = self._conditions.buffer, len(self._kept)
        buffer[:kept] = self._kept
        try:
            count = self._source.recv_into(buffer[kept:])
        except BlockingIOError:
            return
        except OSError:
            self._reset()
            return
        if not count:
            self._end()
        elif not self._discarding:
            try:
                self._take(buffer[: kept + count])
            except Exception:
                self._reset()
                raise
        self._proceed()

    def _end(self) -> None:
        self._eof = True
        if self._finished:
            self._ended()
        elif not self._discarding:
            self._append(self._kept)
            self._kept = b""
            self._line.append((time.monotonic(), self._shut))

    def _take(self, data: memoryview) -> None:
        passed, kept, then = self._inspect(data)
        self._kept = bytes(data[len(data) - kept :])
        rest = data[:passed]
        if not (self._line or self._conditions.delay_s or self._throttle.rate or self._conditions.hung):
            rest = rest[self._send(rest) :]
        self._append(rest)
        if then is not None:
            self._stopped = True
            self._line.append((time.monotonic(), then))

    def _append(self, data: memoryview | bytes) -> None:
        if data and not self._discarding:
            self._line.append((time.monotonic(), memoryview(bytes(data))))
            self._queued_bytes += len(data)

    def _proceed(self) -> None:
        self._set_timer(None)
        while self._line and not self._blocked and not self._conditions.hung:
            arrived, item = self._line[0]
            due = arrived + self._conditions.delay_s
            if due > time.monotonic():
                self._set_timer(due)
                break
            if not isinstance(item, memoryview):
                self._line.popleft()
                item()
            elif not self._write(arrived, item):
                break
        limit = DELAYED_BYTES if self._conditions.delay_s else 1
        taking = not (self._stopped or self._conditions.hung) and self._queued_bytes < limit
        self._set_reading(not self._eof and not self._closed and (self._discarding or taking))

    def _write(self, arrived: float, data: memoryview) -> bool:
        """Write what may be written of the first in the line; did the socket take all of it, and may it go on?"""
        size = len(data)
        if self._throttle.rate:
            if self._turn is None:
                self._turn = self._throttle.turn(size)
            start, size = self._turn
            if start > time.monotonic():
                self._set_timer(start)
                return False
            self._turn = None
        sent = self._send(data[:size])
        if self._discarding:
            return False
        self._queued_bytes -= sent
        if sent == len(data):
            self._line.popleft()
        else:
            self._line[0] = (arrived, data[sent:])
        return sent == size

    def _send(self, data: memoryview) -> int:
        try:
            sent = self._target.send(data) if data else 0
        except BlockingIOError:
            sent = 0
        except OSError:  # the target is gone, but what it said last may be on its way in the other direction
            self._give_up()
            self._finished = True
            return len(data)
        if sent < len(data):
            self._set_blocked(True)
        return sent

    def _give_up(self) -> None:
        self._discarding = True
        self._line.clear()
        self._queued_bytes = 0
        self._kept = b""
        self._set_blocked(False)

    def _shut(self) -> None:
        self._finished = True
        try:
            self._target.shutdown(socket.SHUT_WR)
        except OSError:
            self._discarding = True  # it is gone already
        if self._eof:
            self._ended()

    def _writable(self) -> None:
        self._set_blocked(False)
        self._proceed()

    def _set_reading(self, wanted: bool) -> None:
        if wanted and not self._reading:
            self._loop.add_reader(self._source, self._readable)
        elif self._reading and not wanted:
            self._loop.remove_reader(self._source)
        self._reading = wanted

    def _set_blocked(self, wanted: bool) -> None:
        if wanted and not self._blocked:
            self._loop.add_writer(self._target, self._writable)
        elif self._blocked and not wanted:
            self._loop.remove_writer(self._target)
        self._blocked = wanted

    def _set_timer(self, due: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        wait_s = 0.0 if due is None else max(due - time.monotonic(), 0.001)  # the loop counts in milliseconds
        self._timer = None if due is None else self._loop.call_later(wait_s, self._proceed)
