"""The listening end of a bad network, its thread, and the switches for what is bad."""

import asyncio
import contextlib
import functools
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar

import uvloop

from bench.network.connection import Connection, reset
from bench.network.faults import Counts, Faults, RequestCut
from bench.network.pipe import Conditions

T = TypeVar("T")
CALL_TIMEOUT_S = 30.0
LOOPBACK = "127.0.0.1"


class Proxy:
    """Listens on a port of the loopback and forwards to another, for one node's listener without TLS.

    A context manager; between, every method may be called from any thread, holds from its return on, and blocks for
    the moment that the proxy's own thread needs. Connections are refused before `forward_to`. Entering it raises
    OSError if the port is taken; leaving it closes all, and raises the first error of the proxy itself, such as
    NotKafkaError, unless there is another on its way.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy {port}", daemon=True)
        self._listener = socket.socket()
        self._conditions = Conditions()
        self._faults = Faults()
        self._target = 0
        self._refusing = False
        self._connections: set[Connection] = set()
        self._opening: dict[asyncio.Task[None], socket.socket] = {}
        self._going = asyncio.Event()
        self._going.set()
        self._errors: list[BaseException] = []

    def __enter__(self) -> Self:
        try:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind((LOOPBACK, self.port))
            self._listener.listen(128)
        except OSError:
            self._listener.close()
            self._loop.close()
            raise
        self._listener.setblocking(False)
        self._loop.set_exception_handler(self._failed)
        self._thread.start()
        self._call(lambda: self._loop.add_reader(self._listener, self._arrived))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._shut_down(), self._loop).result(CALL_TIMEOUT_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._listener.close()
        if self._errors and error is None:
            raise self._errors[0]

    @property
    def counts(self) -> Counts:
        """What was seen and done so far."""
        return self._call(self._faults.counts)

    @property
    def connections(self) -> int:
        """How many connections there are now, those included that are not through to the broker yet."""
        return self._call(lambda: len(self._connections) + len(self._opening))

    def forward_to(self, target_port: int) -> None:
        """Connections from now on go to this port of the loopback."""
        self._call(lambda: setattr(self, "_target", target_port))

    def delay(self, seconds: float) -> None:
        """Everything arrives so much later, in each direction, in order and at the rate it was sent. 0 ends it."""

        def change() -> None:
            self._conditions.delay_s = seconds
            self._refresh()

        self._call(change)

    def throttle(self, bytes_per_s: float) -> None:
        """So many bytes a second in each direction, over all connections. 0 ends it."""

        def change() -> None:
            self._conditions.up.limit(bytes_per_s)
            self._conditions.down.limit(bytes_per_s)
            self._refresh()

        self._call(change)

    def cut(self, *, reset: bool = False) -> None:
        """Close all connections now, with FIN or with RST; what is under way is lost."""
        self._call(functools.partial(self._cut_all, reset=reset))

    def cut_in_request(self, api_key: int, *, after_bytes: int, reset: bool = False) -> None:
        """Forward only so many bytes of the next request of a kind, its length field included, and close.

        The last byte is never forwarded, however large `after_bytes` is. The client and the broker see FIN or RST.
        """
        cut = RequestCut(after_bytes, reset)
        self._call(lambda: self._faults.request_cuts.__setitem__(api_key, cut))

    def drop_answers(self, api_key: int, count: int) -> None:
        """The next `count` requests of a kind reach the broker, and their answers do not come back.

        A connection is closed with FIN when the broker has answered all such requests on it. Requests that are never
        answered, produce with acks=0, do not count.
        """
        self._call(lambda: self._faults.answer_drops.__setitem__(api_key, count))

    def refuse(self) -> None:
        """Close all connections with FIN, and new ones at once with RST."""

        def change() -> None:
            self._refusing = True
            self._cut_all(reset=False)

        self._call(change)

    def accept(self) -> None:
        """The end of `refuse`."""
        self._call(lambda: setattr(self, "_refusing", False))

    def hang(self) -> None:
        """Nothing goes through, also no end of a connection; connections stay open, and new ones are taken."""
        self._call(functools.partial(self._set_hung, True))

    def resume(self) -> None:
        """The end of `hang`: all that came meanwhile goes on."""
        self._call(functools.partial(self._set_hung, False))

    def clear(self) -> None:
        """All faults end. Connections are closed on which a cut or a dropped answer has begun and is not over."""

        def change() -> None:
            self._faults.clear()
            self._refusing = False
            self._conditions.delay_s = 0.0
            self._conditions.up.limit(0)
            self._conditions.down.limit(0)
            for connection in [known for known in self._connections if known.spoiled]:
                connection.cut(reset=False)
            self._set_hung(False)

        self._call(change)

    def _call(self, function: Callable[[], T]) -> T:
        async def run() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(CALL_TIMEOUT_S)

    def _refresh(self) -> None:
        for connection in list(self._connections):
            connection.refresh()

    def _set_hung(self, hung: bool) -> None:
        self._conditions.hung = hung
        if hung:
            self._going.clear()
        else:
            self._going.set()
        self._refresh()

    def _cut_all(self, *, reset: bool) -> None:
        self._faults.cuts += len(self._connections) + len(self._opening)
        self._give_up_opening()
        for connection in list(self._connections):
            connection.cut(reset=reset)

    def _give_up_opening(self) -> None:
        for task, client in self._opening.items():
            task.cancel()
            reset(client)

    def _arrived(self) -> None:
        try:
            client, _ = self._listener.accept()
        except (BlockingIOError, ConnectionError):
            return
        if self._refusing or not self._target:
            reset(client)
            return
        task = self._loop.create_task(self._open(client))
        self._opening[task] = client
        task.add_done_callback(self._opening.pop)

    async def _open(self, client: socket.socket) -> None:
        with contextlib.ExitStack() as undo:
            broker = socket.socket()
            undo.callback(reset, client)
            undo.callback(reset, broker)
            for end in client, broker:
                end.setblocking(False)
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self._going.wait()
            try:
                await self._loop.sock_connect(broker, (LOOPBACK, self._target))
            except OSError:
                return  # the node is away: the client sees a reset
            undo.pop_all()
        connection = Connection(self._conditions, self._faults, client, broker, self._connections.discard)
        self._connections.add(connection)
        connection.refresh()

    async def _shut_down(self) -> None:
        self._loop.remove_reader(self._listener)
        opening = list(self._opening)
        self._give_up_opening()
        await asyncio.gather(*opening, return_exceptions=True)
        for connection in list(self._connections):
            connection.close()

    def _failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        loop.default_exception_handler(context)
        self._errors.append(context.get("exception") or RuntimeError(context["message"]))
