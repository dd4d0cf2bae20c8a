"""The HTTP server on the supervisor's loop. It reads nothing but the head of a request, and writes nothing anywhere.

| path | answer |
| --- | --- |
| / | the page, and the parts of it that fanout/http/page holds |
| /livez, /readyz, /startupz | 200 "ok", or 503 with a sentence that says why not |
| /metrics | the metrics, as Prometheus text or as OpenMetrics |
| /status | the status as JSON |
| /events | the status every two seconds, as server-sent events |
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import resources
from pathlib import PurePath
from typing import Protocol

import msgspec
from aiohttp import web

from fanout import log
from fanout.http.connections import Connections
from fanout.http.kept import Kept
from fanout.http.stream import Stream
from fanout.metrics.exposition import Snapshot, render
from fanout.metrics.tallies import Tallies
from fanout.status.state import Gauges, Status

GOODBYE_S = 1.0
BACKLOG = 128

KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# The page is whole in itself: nothing of another host is ever loaded, and no text in it can become a script.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "events-fanout",
}

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

_log = log.get("http")


class Replica(Protocol):
    """What is asked for answers. Called on the loop, often: none may block."""

    def status(self) -> Status:
        """Its state now."""

    def tallies(self) -> Tallies:
        """What it has counted."""

    def gauges(self) -> Gauges:
        """Figures of this moment that the status does not tell."""

    def alive(self) -> str:
        """Empty, or a sentence: why only a restart can help."""

    def ready(self) -> str:
        """Empty, or a sentence: why it does not do its work."""

    def started(self) -> str:
        """Empty, or a sentence: what its start waits for."""


class Served:
    """A server that listens."""

    def __init__(self, server: asyncio.Server, site: "_Site") -> None:
        self._server = server
        self._site = site
        self._watch = asyncio.create_task(site.connections.watch())

    @property
    def port(self) -> int:
        """The port it listens on, also if any was asked for with 0."""
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        """Listen no more, and end all connections: within GOODBYE_S those that are being answered."""
        self._server.close()
        self._watch.cancel()
        self._site.stream.close()
        await self._site.connections.shutdown(GOODBYE_S)
        self._site.renderer.shutdown(wait=False)


async def serve(host: str, port: int, replica: Replica) -> Served:
    """Answer for this replica from now on. Raises OSError if the address cannot be listened on."""
    site = _Site(replica)
    server = await asyncio.get_running_loop().create_server(site.connections, host, port, backlog=BACKLOG)
    return Served(server, site)


class _Site:
    """The answer to each path."""

    def __init__(self, replica: Replica) -> None:
        status = Kept(lambda: msgspec.json.encode(replica.status()))
        self._status = status.get
        self._snapshot = Kept(lambda: Snapshot(replica.status(), replica.tallies(), replica.gauges()))
        self.connections = Connections(self.answer)
        self.stream = Stream(status.get)
        # A thread of its own: others may wait for a broker, and a scrape must not wait for them.
        self.renderer = ThreadPoolExecutor(1, "metrics")
        self._paths: dict[str, Answer] = {
            **_page(),
            "/livez": partial(_probe, replica.alive),
            "/readyz": partial(_probe, replica.ready),
            "/startupz": partial(_probe, replica.started),
            "/metrics": self._metrics,
            "/status": self._json,
            "/events": self._events,
        }

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Whatever happens, an answer; after it the connection is closed."""
        try:
            response = await self._answer(request)
        except Exception:  # noqa: BLE001  # whatever it is, it is told, and the client gets an answer
            _log.exception("a request could not be answered", path=request.path)
            response = _text("This failed; the log of the replica says why.\n", 500)
        if not response.prepared:
            response.headers.update(HEADERS)
            response.force_close()
        return response

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path = self._paths.get(request.path)
        if path is None:
            return _text(f"There is nothing here. There is: {', '.join(self._paths)}\n", 404)
        if request.method not in ("GET", "HEAD"):
            refused = _text("Only GET and HEAD: nothing can be changed from here.\n", 405)
            refused.headers["Allow"] = "GET, HEAD"
            return refused
        return await path(request)

    async def _json(self, _: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=self._status(), content_type="application/json")

    async def _metrics(self, request: web.BaseRequest) -> web.StreamResponse:
        """What is known now is put down on the loop; the text, which takes longer, is written beside it."""
        accept = ",".join(request.headers.getall("Accept", []))
        loop = asyncio.get_running_loop()
        body, kind = await loop.run_in_executor(self.renderer, render, self._snapshot.get(), accept)
        return web.Response(body=body, headers={"Content-Type": kind})

    async def _events(self, request: web.BaseRequest) -> web.StreamResponse:
        if self.stream.is_full:
            return _text("Too many listen already: ask /status now and then.\n", 503)
        response = web.StreamResponse(headers={**HEADERS, "Content-Type": "text/event-stream"})
        response.force_close()
        if request.method == "GET":
            self.connections.let_last(request.protocol)
            with contextlib.suppress(ConnectionError):  # it is gone, which is how every listener ends
                await self.stream.feed(request, response)
        return response


async def _probe(ask: Callable[[], str], _: web.BaseRequest) -> web.Response:
    why_not = ask()
    return _text(f"{why_not}\n", 503) if why_not else _text("ok\n")


async def _file(content: bytes, kind: str, _: web.BaseRequest) -> web.Response:
    return web.Response(body=content, headers={"Content-Type": kind})


def _page() -> dict[str, Answer]:
    """The files of the page, read once: no path of a request is ever a path of a file."""
    files = sorted(resources.files("fanout.http").joinpath("page").iterdir(), key=lambda file: file.name)
    parts = {f"/{file.name}": partial(_file, file.read_bytes(), KINDS[PurePath(file.name).suffix]) for file in files}
    return {"/": parts.pop("/index.html"), **parts}


def _text(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, status=status)
