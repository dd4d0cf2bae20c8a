"""A client's connection and its own to the broker: two pipes, and the faults that need to know the requests."""

import asyncio
import contextlib
import functools
import socket
import struct
from collections.abc import Callable

from bench.network.faults import Faults
from bench.network.pipe import Conditions, Passage, Pipe
from bench.network.wire import (
    ANSWER_HEAD_BYTES,
    PRODUCE_HEAD_BYTES,
    REQUEST_HEAD_BYTES,
    Frames,
    answer_head,
    is_answered,
    request_head,
)

# An end that was told of the end of the connection, and does not close its own in this time, is left.
LINGER_S = 5.0


def reset(end: socket.socket) -> None:
    """Close with RST: what was not sent yet is lost."""
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.close()


class Connection:
    """Owns both sockets. All is called in the loop; `gone` is called once, when both are closed.

    When the answer to a request is to be dropped, only requests of the same fate are forwarded after it: whatever
    reaches the broker after it would be lost to the client, too.
    """

    def __init__(
        self, conditions: Conditions, faults: Faults, client: socket.socket, broker: socket.socket,
        gone: Callable[["Connection"], None],
    ) -> None:  # fmt: skip
        self._faults = faults
        self._ends = (client, broker)
        self._gone = gone
        self._linger: asyncio.TimerHandle | None = None
        self._closed = False
        self._request_frames = Frames(REQUEST_HEAD_BYTES)
        self._answer_frames = Frames(ANSWER_HEAD_BYTES)
        self._to_pass: int | None = None  # what is left of a request that is cut
        self._cut_reset = False
        self._doomed: set[int] = set()  # the requests whose answers are not to come back
        self._muted = False
        self._both = [False, False]
        self._up = Pipe(
            conditions, conditions.up, client, broker,
            inspect=self._requests, ended=functools.partial(self._ended, 0), reset=self.abort,
        )  # fmt: skip
        self._down = Pipe(
            conditions, conditions.down, broker, client,
            inspect=self._answers, ended=functools.partial(self._ended, 1), reset=self.abort,
        )  # fmt: skip

    @property
    def spoiled(self) -> bool:
        """Has a fault of a request begun that is not over?"""
        return self._to_pass is not None or bool(self._doomed) or self._muted

    def refresh(self) -> None:
        """The conditions are others now, or it begins."""
        self._down.refresh()
        self._up.refresh()

    def cut(self, *, reset: bool) -> None:
        """Close both now: with RST, or with FIN and then read to the other's end, or the kernel would make it RST."""
        if reset:
            self.abort()
        elif not self._closed and self._linger is None:
            self._linger = asyncio.get_running_loop().call_later(LINGER_S, self.close)
            self._up.finish()
            self._down.finish()

    def abort(self) -> None:
        """RST to both."""
        self._close(reset)

    def close(self) -> None:
        """Close both ends as the kernel does."""
        self._close(socket.socket.close)

    def _close(self, how: Callable[[socket.socket], None]) -> None:
        if self._closed:
            return
        self._closed = True
        if self._linger is not None:
            self._linger.cancel()
        self._up.close()
        self._down.close()
        for end in self._ends:
            how(end)
        self._gone(self)

    def _ended(self, direction: int) -> None:
        self._both[direction] = True
        if all(self._both):
            self.close()

    def _requests(self, data: memoryview) -> Passage:
        if self._to_pass is not None:
            return self._part(data, self._to_pass)
        faults, frames = self._faults, self._request_frames
        frames.deep_bytes = PRODUCE_HEAD_BYTES if faults.answer_drops else REQUEST_HEAD_BYTES
        for at, size in frames.begin(data):
            kind, correlation = request_head(data, at)
            dooming = kind in faults.answer_drops and is_answered(data, at)
            if self._doomed and not dooming:
                return Passage(at, then=_nothing)
            faults.requests[kind] += 1
            if kind in faults.request_cuts:
                after_bytes, self._cut_reset = faults.request_cuts.pop(kind)
                return self._part(data, at + min(after_bytes, size - 1))
            if dooming:
                faults.take_drop(kind)
                self._doomed.add(correlation)
        return Passage(len(data) - frames.kept, frames.kept)

    def _part(self, data: memoryview, limit: int) -> Passage:
        self._to_pass = max(limit - len(data), 0)
        return Passage(min(limit, len(data)), then=None if self._to_pass else self._cut_here)

    def _cut_here(self) -> None:
        self._faults.cut_requests += 1
        self.cut(reset=self._cut_reset)

    def _answers(self, data: memoryview) -> Passage:
        passed = 0 if self._muted else None
        for at, _ in self._answer_frames.begin(data):
            correlation = answer_head(data, at)
            if correlation not in self._doomed:
                continue
            self._doomed.remove(correlation)
            self._faults.dropped_answers += 1
            self._muted = True
            passed = at if passed is None else passed
            if not self._doomed:
                self._up.stop()
                return Passage(passed, then=functools.partial(self.cut, reset=False))
        kept = self._answer_frames.kept
        return Passage(len(data) - kept if passed is None else passed, kept)


def _nothing() -> None:
    """Nothing is done behind the last request that passes: the answers to it end the connection."""
