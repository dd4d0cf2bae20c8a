"""The open connections of the HTTP server: how many there may be, and for how long.

One request a connection, and everything but the stream of the status takes milliseconds. So the connection that is
open longest is the one that is worth least: beyond the bound it makes room for the new one, and a probe gets through
however many connections somebody opens and leaves.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Any, NamedTuple

from aiohttp import web
from aiohttp.http import HttpProcessingError
from aiohttp.web_protocol import RequestHandler

CONNECTIONS_MAX = 256
LIFE_S = 10.0  # from accepted to answered
LOOK_EVERY_S = 1.0

_LIMITS: dict[str, Any] = {
    "max_line_size": 4096,
    "max_field_size": 8190,
    "max_headers": 64,
    "keepalive_timeout": 0,  # no second request, and LIFE_S for the first
    "lingering_time": 1.0,  # for a body, which nothing here has
}


class Connections(web.Server):
    """Makes the protocol of each connection (it is the factory of `create_server`), and ends what stays too long."""

    def __init__(self, answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> None:
        super().__init__(answer, access_log=None, logger=_library_logger(), **_LIMITS)
        self._open: dict[RequestHandler, _Open] = {}  # oldest first

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        """A client has connected. Called by the library."""
        super().connection_made(handler, transport)
        self._open[handler] = _Open(transport, self._loop.time())
        for oldest in list(islice(self._open, max(0, len(self._open) - CONNECTIONS_MAX))):
            self._cut(oldest)

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        """The connection is gone. Called by the library."""
        super().connection_lost(handler, exc)
        self._open.pop(handler, None)

    def let_last(self, handler: RequestHandler) -> None:
        """Its answer may take for ever, and it counts no more: the caller has a bound of its own for these."""
        self._open.pop(handler, None)

    async def watch(self) -> None:
        """End, for ever, connections that are older than they may be: a request or a reader that is too slow."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            too_old = self._loop.time() - LIFE_S
            for handler, connection in list(self._open.items()):
                if connection.since > too_old:
                    break
                self._cut(handler)

    def _cut(self, handler: RequestHandler) -> None:
        # `close` would wait for a client that does not read
        self._open.pop(handler).transport.abort()


class _Open(NamedTuple):
    transport: asyncio.Transport
    since: float


def _library_logger() -> logging.Logger:
    """What the library itself says joins our log. What a client does wrong is answered, and not logged."""
    logger = logging.getLogger("fanout.http")
    logger.filters = [_is_ours]
    return logger


def _is_ours(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))
