"""How long a request to a broker, and its answer, take: to know what a proxy's delay really comes to.

A proxy's timers count in whole milliseconds, so that it delays by more than it was asked to.
"""

import socket
import statistics
import struct
import time

# ApiVersions, version 0: size, kind, version, correlation id, no client id. The broker answers it at once.
REQUEST = struct.pack(">ihhih", 10, 18, 0, 1, -1)
_SIZE = struct.Struct(">i")
TIMES = 51
TIMEOUT_S = 10.0


def round_trip_ms(port: int, times: int = TIMES) -> float:
    """The median of so many, one after the other over one connection to a port of the loopback.

    Blocks for so long. Raises OSError if nothing answers within `TIMEOUT_S`, ConnectionError if the other end closes.
    """
    took_s = []
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S) as end:
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(times):
            begun = time.monotonic()
            end.sendall(REQUEST)
            _read(end, *_SIZE.unpack(_read(end, _SIZE.size)))
            took_s.append(time.monotonic() - begun)
    return statistics.median(took_s) * 1000


def _read(end: socket.socket, size: int) -> bytes:
    """Exactly so many bytes."""
    found = b""
    while len(found) < size:
        more = end.recv(size - len(found))
        if not more:
            raise ConnectionError("the connection was closed before the answer was there")
        found += more
    return found
