"""Where a local Kafka lives: a data folder that goes away with it, and ports that stay free while it is down."""

import contextlib
import fcntl
import os
import random
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PREFIX = "events-fanout-kafka-"
KEPT_PREFIX = "events-fanout-kept-"
STALE_S = 60.0


@contextlib.contextmanager
def data_folder() -> Iterator[Path]:
    """A folder for the time of the context; EVENTS_FANOUT_KEEP=1 keeps it. Removes those of runs that were killed."""
    _sweep()
    keep = os.environ.get("EVENTS_FANOUT_KEEP") == "1"
    folder = Path(tempfile.mkdtemp(prefix=KEPT_PREFIX if keep else PREFIX))
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            if not keep:
                shutil.rmtree(folder)


def _sweep() -> None:
    """Remove folders whose owner is dead: their lock is free. One that is a few instants old may not be locked yet."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        # Suppressed: it is being removed by its owner or another sweep, or is another user's.
        with contextlib.suppress(OSError), (folder / "lock").open() as lock:
            if time.time() - folder.stat().st_mtime > STALE_S:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder)


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that are free now and below those that the kernel hands to outgoing connections.

    In the kernel's range a client that reconnects to a stopped broker can be given the broker's port as its own, and
    even connect to itself: then the broker cannot come back.
    """
    ceiling = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    candidates = random.sample(range(max(1024, ceiling - 12_000), ceiling), 1000)
    with contextlib.ExitStack() as stack:
        found: list[int] = []
        for port in candidates:
            probe = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                found.append(port)
            if len(found) == count:
                return found
    raise OSError("no free ports on the loopback")
