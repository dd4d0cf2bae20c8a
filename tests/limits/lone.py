"""One real worker process without a supervisor: the test holds the other end of its link.

It looks for idle producers twice a second, where the program does so once a minute.
"""

import asyncio
import sys
import threading
import time
from collections import Counter
from types import TracebackType
from typing import Self

from fanout import link
from fanout.settings import Settings
from fanout.supervisor.process import Ended, WorkerProcess

CHILD = """
import sys
from fanout.worker import loop
loop.CLOSE_IDLE_EVERY_S = 0.5
from fanout.worker.main import main
main(int(sys.argv[1]))
"""
LEASE_S = 30.0
RENEW_S = 0.2
END_S = 20.0


class LoneWorker:
    """A worker of partition 0 from its start, from `with` to its end; a thread does what its supervisor would.

    `offset` and `counts` are what it has reported. `ended` is None until `stop`.
    """

    def __init__(self, settings: Settings, source_max_bytes: int) -> None:
        self._settings = settings
        self._source_max_bytes = source_max_bytes
        self._thread = threading.Thread(target=self._run, name="supervisor of a lone worker", daemon=True)
        self._stop = threading.Event()
        self._started = threading.Event()
        self.offset = 0
        self.counts: Counter[str] = Counter()
        self.pid = 0
        self.ended: Ended | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(END_S), "the worker was not started"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> Ended:
        """Have it drain, and see it end."""
        self._stop.set()
        self._thread.join(2 * END_S)
        assert self.ended is not None, "the worker did not end"
        return self.ended

    def _run(self) -> None:
        asyncio.run(self._supervise())

    async def _supervise(self) -> None:
        start = link.Start(self._settings, {0: 0}, self._source_max_bytes, time.monotonic() + LEASE_S)
        process = await WorkerProcess.spawn(start, self._delivered, lambda fd: [sys.executable, "-c", CHILD, str(fd)])
        self.pid = process.pid
        self._started.set()
        running = asyncio.create_task(process.run())
        while not self._stop.is_set() and not running.done():
            process.renew(time.monotonic() + LEASE_S, reading=True)
            await asyncio.wait({running}, timeout=RENEW_S)
        process.stop(time.monotonic() + END_S)
        try:
            self.ended = await asyncio.wait_for(asyncio.shield(running), END_S)
        except TimeoutError:
            process.kill()
            self.ended = await running

    def _delivered(self, message: link.Delivered) -> None:
        self.offset = max(self.offset, *message.offsets.values(), 0)
        self.counts.update(message.counters)
