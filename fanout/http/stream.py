"""The stream of server-sent events: the status again and again, made once for all who listen."""

import asyncio
from collections.abc import Callable

from aiohttp import web

from fanout import log

LISTENERS_MAX = 32
EVERY_S = 2.0
WRITE_S = 10.0  # a listener that takes nothing for this long is cut off

_log = log.get("http")


class Stream:
    """Gives every listener what `make` returns, every EVERY_S seconds. While nobody listens nothing is made."""

    def __init__(self, make: Callable[[], bytes]) -> None:
        self._make = make
        self._listeners = 0
        self._frame = b""
        self._fresh = asyncio.Event()
        self._maker: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def is_full(self) -> bool:
        """Whether there is no place for one more listener."""
        return self._listeners >= LISTENERS_MAX

    async def feed(self, request: web.BaseRequest, response: web.StreamResponse) -> None:
        """Send to this listener until it goes, or is too slow, or `close` is called. It gets the first at once.

        Raises ConnectionError when it is gone.
        """
        self._listeners += 1
        try:
            await response.prepare(request)
            await _send(request, response, _event(self._make()))
            if self._maker is None and not self._closed:
                self._maker = asyncio.create_task(self._run())
            while self._maker is not None:
                await self._fresh.wait()
                # One that is slow misses some, and never holds up the others.
                await _send(request, response, self._frame)
        finally:
            self._listeners -= 1

    def close(self) -> None:
        """End all that listen now: each gets the last event once more."""
        self._closed = True
        if self._maker is not None:
            self._maker.cancel()

    async def _run(self) -> None:
        try:
            await asyncio.sleep(EVERY_S)
            while self._listeners:
                self._frame = _event(self._make())
                self._tell()
                await asyncio.sleep(EVERY_S)
        except Exception:  # noqa: BLE001  # whatever it is, it is told, and those who listen come again
            _log.exception("the status could not be told to those who listen")
        finally:
            self._maker = None
            self._tell()

    def _tell(self) -> None:
        fresh, self._fresh = self._fresh, asyncio.Event()
        fresh.set()


async def _send(request: web.BaseRequest, response: web.StreamResponse, event: bytes) -> None:
    try:
        async with asyncio.timeout(WRITE_S):
            await response.write(event)
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError("the listener does not read") from None


def _event(line: bytes) -> bytes:
    """One event; JSON as msgspec writes it has no line breaks."""
    return b"data: " + line + b"\n\n"
