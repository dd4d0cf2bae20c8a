"""The worker's end of the link: never blocks, and tells when the lease has run out or the supervisor is gone."""

import socket
import time
from collections.abc import Mapping
from typing import NamedTuple

from fanout import link
from fanout.worker.tally import Tally

REPORT_S = 0.02  # offsets are told at most this often: enough to lose little, too seldom to cost anything
BEAT_S = 0.5


class LeaseExpiredError(Exception):
    """The supervisor has not renewed the lease: it hangs, and another replica may have taken over."""


class OrphanedError(Exception):
    """The supervisor is gone."""


class Load(NamedTuple):
    """What a worker has in its hands."""

    records: int  # read and not yet acknowledged
    nbytes: int  # of their values
    producers: int  # of Kafka, that it has opened


class WorkerLink:
    """One end of a stream socket pair."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._received = bytearray()
        self._unsent = b""
        self._offsets: dict[int, int] = {}
        self._told: dict[int, int] = {}
        self._next_report = 0.0
        self._next_beat = 0.0
        self._lease_until = 0.0
        self._start: link.Start | None = None
        self.tally = Tally()  # told with the next report
        self.stop: link.Stop | None = None
        self.may_read = True

    def start(self) -> link.Start:
        """The first message. Blocks until it is there; raises OrphanedError."""
        self._socket.setblocking(True)
        while self._start is None:
            self._take_messages()
        self._socket.setblocking(False)
        return self._start

    def turn(self, now: float) -> None:
        """Take what the supervisor says, and check the lease. Raises LeaseExpiredError, OrphanedError."""
        self._take_messages()
        if now > self._lease_until:
            raise LeaseExpiredError
        if now >= self._next_beat and not self._unsent:
            self._next_beat = now + BEAT_S
            self._send(link.encode(link.Beat()))

    def report(self, offsets: Mapping[int, int], load: Load, now: float, *, final: bool = False) -> None:
        """Tell how far everything is delivered. The latest state is what counts, so nothing is queued."""
        if self._unsent:
            self._send(b"")
        if not final and (now < self._next_report or self._unsent):
            return
        moved = {partition: offset for partition, offset in offsets.items() if self._told.get(partition) != offset}
        if not moved and not self.tally.anything(now):
            return
        self._next_report = now + REPORT_S
        self._told |= moved
        self._send(link.encode(self.tally.take(moved, *load, now, final=final)))

    def failed(self, message: link.Failed, timeout_s: float = 1.0) -> None:
        """The last word. Blocks for a moment at most."""
        self._send(link.encode(message))
        self.flush(timeout_s)

    def flush(self, timeout_s: float) -> None:
        """Send what is left before the process ends. Blocks up to the time given."""
        deadline = time.monotonic() + timeout_s
        while self._unsent and (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            self._send(b"")

    def _send(self, frame: bytes) -> None:
        self._unsent += frame
        try:
            sent = self._socket.send(self._unsent)
        except (BlockingIOError, TimeoutError):
            return
        except (BrokenPipeError, ConnectionResetError):
            raise OrphanedError from None
        self._unsent = self._unsent[sent:]

    def _take_messages(self) -> None:
        try:
            data = self._socket.recv(1 << 16)
        except BlockingIOError:
            return
        except ConnectionResetError:
            raise OrphanedError from None
        if not data:
            raise OrphanedError
        self._received += data
        *frames, rest = self._received.split(b"\n")
        self._received = bytearray(rest)
        for frame in frames:
            message = link.decode_down(bytes(frame))
            if isinstance(message, link.Stop):
                self.stop = message
            elif isinstance(message, link.Lease):
                self._lease_until, self.may_read = message.until, message.reading
            else:
                # A Stop may come with it: what follows in the same piece is taken, too.
                self._start, self._lease_until = message, message.lease_until
