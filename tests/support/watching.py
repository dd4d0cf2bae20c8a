"""What processes cost while something happens to them: resident memory, threads and open files, at their most."""

import contextlib
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import NamedTuple, Self

import psutil

MEGABYTE = 1024 * 1024
EVERY_S = 0.1


class Cost(NamedTuple):
    """Of one process: resident bytes, threads, open file descriptors."""

    rss: int
    threads: int
    files: int

    def __str__(self) -> str:
        return f"{self.rss / MEGABYTE:.0f} MB, {self.threads} threads, {self.files} files"


def cost(pid: int) -> Cost:
    """What this process holds now. Raises psutil.Error if it is gone."""
    process = psutil.Process(pid)
    with process.oneshot():
        return Cost(process.memory_info().rss, process.num_threads(), process.num_fds())


class Watch:
    """Looks at processes ten times a second, from `with` to its end; `most` is the most of one process, `total` of all.

    `pids` is asked each time, for processes come and go. That none was ever seen is an error: nothing would be bounded.
    """

    def __init__(self, pids: Callable[[], Iterable[int]]) -> None:
        self._pids = pids
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watch", daemon=True)
        self.most = Cost(0, 0, 0)
        self.total = Cost(0, 0, 0)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()
        self._look()
        if error is None:
            assert self.most.rss, "there was no process to be seen"

    def _watch(self) -> None:
        while not self._end.wait(EVERY_S):
            self._look()

    def _look(self) -> None:
        seen: list[Cost] = []
        for pid in self._pids():
            with contextlib.suppress(psutil.Error):
                seen.append(cost(pid))
        if seen:
            self.most = _larger([self.most, *seen])
            self.total = _larger([self.total, Cost(*map(sum, zip(*seen, strict=True)))])


def _larger(costs: Iterable[Cost]) -> Cost:
    return Cost(*map(max, zip(*costs, strict=True)))
