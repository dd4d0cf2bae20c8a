"""A broker that answers metadata as one does that is shutting down: with topics, and without any broker.

A real one does so for the moment between its own fencing and the end of its listener, and only if it is the last of its
cluster: no test can hit that moment for sure.
"""

import socket
import socketserver
import struct
import threading
from types import TracebackType
from typing import Self

METADATA, API_VERSIONS = 3, 18
METADATA_VERSION = 4  # the last whose lengths are plain integers
LEADER_NOT_AVAILABLE = 5


class Brokerless:
    """Listens on `port`. Tells of itself as the one broker, until `forget`: from then on of none."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._knows_itself = True
        self._changed = threading.Condition()
        self._told_of_itself = 0  # to so many connections
        self._opened = 0  # the number of the connection that was opened last
        self._open: set[int] = set()
        self._last_before: int | None = None  # the last connection that was opened before the first answer "none"
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                outer._serve(self.request)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="brokerless", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def forget(self, timeout_s: float) -> bool:
        """Tell of no broker from now on, and wait until the client has closed its connections for that.

        Whether each came within this time: that it heard of a broker, also over the connection that it opens to that
        one then, of none, and closed them. What it opens after it was told is another matter: `await_connection`.
        """
        with self._changed:
            known = self._changed.wait_for(lambda: self._told_of_itself > 1, timeout_s)
            self._knows_itself = False
            return known and self._changed.wait_for(self._is_left, timeout_s)

    def _is_left(self) -> bool:
        last = self._last_before
        return last is not None and not any(number <= last for number in self._open)

    def await_connection(self, timeout_s: float) -> bool:
        """Whether a connection was opened since the client was told of no broker, or is within this time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._opened > (self._last_before or 0), timeout_s)

    def _serve(self, connection: socket.socket) -> None:
        with self._changed:
            self._opened += 1
            number = self._opened
            self._open.add(number)
            self._changed.notify_all()
        try:
            while head := _exactly(connection, 4):
                request = _exactly(connection, struct.unpack(">i", head)[0])
                kind, version, correlation = struct.unpack_from(">hhi", request)
                body = self._metadata(number) if kind == METADATA else _api_versions(version)
                answer = struct.pack(">i", correlation) + body
                connection.sendall(struct.pack(">i", len(answer)) + answer)
        finally:
            with self._changed:
                self._open.remove(number)
                self._changed.notify_all()

    def _metadata(self, connection: int) -> bytes:
        with self._changed:
            brokers = [struct.pack(">i", 0) + _text("127.0.0.1") + struct.pack(">ih", self.port, -1)]
            if self._knows_itself:
                self._told_of_itself = connection
            else:
                brokers = []
                if self._last_before is None:
                    self._last_before = self._opened
            self._changed.notify_all()
        topic = struct.pack(">h", LEADER_NOT_AVAILABLE) + _text(self._topic) + struct.pack(">?i", False, 0)
        told = struct.pack(">ii", 0, len(brokers)) + b"".join(brokers)
        return told + _text("cluster") + struct.pack(">ii", -1, 1) + topic


def _api_versions(version: int) -> bytes:
    known = [(METADATA, 0, METADATA_VERSION), (API_VERSIONS, 0, 3)]
    if version < 3:
        return struct.pack(">hi", 0, len(known)) + b"".join(struct.pack(">hhh", *each) for each in known)
    return struct.pack(">hb", 0, len(known) + 1) + b"".join(struct.pack(">hhhb", *each, 0) for each in known) + bytes(5)


def _text(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode()


def _exactly(connection: socket.socket, count: int) -> bytes:
    """So many bytes; none if the connection ends before."""
    got = b""
    while len(got) < count:
        try:
            more = connection.recv(count - len(got))
        except ConnectionError:
            return b""
        if not more:
            return b""
        got += more
    return got
