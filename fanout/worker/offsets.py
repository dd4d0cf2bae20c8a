"""Committable: which offset of a source partition may be committed.

A window is what one round read of one partition. Windows are acknowledged in any order; only the longest
contiguous prefix is committable. A window counts its open tickets: a producer that holds records of it, a
group that waits for its destination, a dead letter under way. At zero it is done.
"""

from collections import deque


class Window:
    """The records of one round of one partition, not all acknowledged yet."""

    __slots__ = ("_settled", "_tickets", "nbytes", "next_offset", "oldest_ms", "read_at", "records")

    def __init__(self, next_offset: int, records: int, nbytes: int, settled: "list[Window] | None" = None) -> None:
        self.next_offset = next_offset
        self.records = records
        self.nbytes = nbytes
        self.read_at: float | None = None  # monotonic seconds; None where nothing was read
        self.oldest_ms: int | None = None  # the source's timestamp of its first record
        self._settled = settled  # it goes there once it is done
        # The round itself holds one until all it read has been handed on.
        self._tickets = 1

    @property
    def done(self) -> bool:
        """Whether everything of this window is acknowledged."""
        return self._tickets == 0

    def take(self) -> None:
        """One more thing has to be acknowledged before this window is done."""
        if self._tickets == 0:
            raise RuntimeError("a window that is done cannot be opened again")
        self._tickets += 1

    def give(self) -> None:
        """One thing is acknowledged."""
        if self._tickets == 0:
            raise RuntimeError("a window was acknowledged more often than it was opened")
        self._tickets -= 1
        if self._tickets == 0 and self._settled is not None:
            self._settled.append(self)


class Tracker:
    """The windows of one source partition in source order. `beginning` is committable before anything is read."""

    def __init__(self, beginning: int | None = None) -> None:
        self._windows: deque[Window] = deque()
        self._committable = beginning
        self._settled: list[Window] = []
        self.records = 0
        self.nbytes = 0

    def open(self, next_offset: int, records: int, nbytes: int) -> Window:
        """A new window whose last record is `next_offset - 1`; it holds one ticket, which the round gives back."""
        if self._windows and next_offset <= self._windows[-1].next_offset:
            raise RuntimeError("windows are opened in source order")
        window = Window(next_offset, records, nbytes, self._settled)
        self._windows.append(window)
        self.records += records
        self.nbytes += nbytes
        return window

    def take_settled(self) -> list[Window]:
        """The windows that are done since the last call, committable or not."""
        settled = self._settled.copy()
        self._settled.clear()
        return settled

    @property
    def idle(self) -> bool:
        """Whether everything that was opened is committable, as of the last call of `committable`."""
        return not self._windows

    def committable(self) -> int | None:
        """The next offset to read after everything acknowledged without a gap; None without even a beginning."""
        windows = self._windows
        while windows and windows[0].done:
            window = windows.popleft()
            self._committable = window.next_offset
            self.records -= window.records
            self.nbytes -= window.nbytes
        return self._committable
