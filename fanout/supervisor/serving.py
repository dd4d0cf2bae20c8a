"""HTTP of one replica: the server, and what is asked and reckoned for it alone. With HTTP off, nothing of it runs."""

import asyncio
from typing import TYPE_CHECKING

from confluent_kafka import KafkaException

from fanout import log
from fanout.errors import SettingsError
from fanout.settings import Settings
from fanout.supervisor.lag import LagWatch
from fanout.supervisor.observer import Observer
from fanout.supervisor.peek import Peek
from fanout.supervisor.view import Parts

if TYPE_CHECKING:
    from fanout.http.server import Served

TICK_S = 1.0
MEMBER_S = 2.0

_log = log.get("http")


class Serving:
    """From `start` to `close`; `run` in between."""

    def __init__(self, settings: Settings, observer: Observer, parts: Parts) -> None:
        self._host = settings.http_host
        self._port = settings.http_port
        self._observer = observer
        self._served: Served | None = None
        self._seat = parts.seat
        self._source = source = parts.source
        peek = Peek(lambda: source.settings)
        self._lag = LagWatch(settings.topic, parts.commits.positions, lambda: source.admin, peek)
        observer.watch(parts, self._lag)

    async def start(self) -> None:
        """Listen, unless it is off. Raises SettingsError if nothing can listen there."""
        if not self._port:
            return
        from fanout.http.server import serve

        try:
            self._served = await serve(self._host, self._port, self._observer)
        except OSError as error:
            problem = (
                f"HTTP_PORT is {self._port}, and nothing can listen there on {self._host}: {error.strerror or error}; "
                "give another one, or 0 to serve nothing"
            )
            raise SettingsError([problem]) from error
        _log.info("listening", host=self._host, port=self._served.port)

    async def run(self) -> None:
        """Keep what is served up to date, until cancelled. Whatever breaks here must not end what delivers."""
        if self._served is not None:
            await asyncio.gather(self._lag.run(), self._tick(), self._look_for_member())

    async def _look_for_member(self) -> None:
        while True:
            await asyncio.sleep(MEMBER_S)
            try:
                await self._seat.look_for_itself(self._source.admin)
            except (KafkaException, RuntimeError) as error:  # the second of a client that is closed by now
                _log.debug("the group does not tell whether this member is in it", error=str(error))
            except Exception as error:  # noqa: BLE001 - told, and looked at again
                _log.error("the state could not be looked at", exc_info=error)

    async def _tick(self) -> None:
        while True:
            try:
                self._observer.tick()
            except Exception as error:  # noqa: BLE001 - told, and looked at again
                _log.error("the state could not be looked at", exc_info=error)
            await asyncio.sleep(TICK_S)

    async def close(self) -> None:
        """Listen no more. Takes a second at most."""
        if self._served is not None:
            await self._served.close()
