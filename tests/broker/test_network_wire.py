"""A bad network between two bare sockets: each byte, and each end of a connection, is looked at."""

import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

import psutil
import pytest

from bench.broker.place import free_ports
from bench.network import ApiKey, NotKafkaError, Proxy
from tests.support.topics import wait_until

FRAME = struct.Struct(">ihhi")
DEADLINE_S = 30.0
MB = 1_000_000

Wire = tuple[Proxy, socket.socket, socket.socket]


@contextmanager
def wired() -> Iterator[Wire]:
    """A proxy between two bare sockets, so that each byte and each end of a connection can be looked at."""
    (port,) = free_ports(1)
    with socket.create_server(("127.0.0.1", 0)) as server, Proxy(port) as proxy:
        proxy.forward_to(server.getsockname()[1])
        client, node = connect(proxy, server)
        with client, node:
            yield proxy, client, node


@pytest.fixture
def wire() -> Iterator[Wire]:
    with wired() as ends:
        yield ends


def connect(proxy: Proxy, server: socket.socket) -> tuple[socket.socket, socket.socket]:
    client = socket.create_connection(("127.0.0.1", proxy.port), DEADLINE_S)
    node, _ = server.accept()
    node.settimeout(DEADLINE_S)
    return client, node


def request(kind: int, correlation: int, body: bytes = b"") -> bytes:
    return FRAME.pack(8 + len(body), kind, 0, correlation) + body


def answer(correlation: int, body: bytes = b"") -> bytes:
    return struct.pack(">ii", 4 + len(body), correlation) + body


def read(end: socket.socket, count: int) -> bytes:
    """So many bytes, or fewer if the other end was closed before. Raises TimeoutError, ConnectionResetError."""
    found = bytearray()
    while len(found) < count and (some := end.recv(count - len(found))):
        found += some
    return bytes(found)


def timed(action: Callable[[], object]) -> float:
    began = time.monotonic()
    action()
    return time.monotonic() - began


def test_delayed_bytes_travel_side_by_side_and_in_order(wire: Wire) -> None:
    proxy, client, node = wire
    proxy.delay(0.3)
    frames = [request(ApiKey.FETCH, number, random.Random(number).randbytes(number)) for number in range(200)]
    began = time.monotonic()
    for frame in frames:
        client.sendall(frame)
        assert wait_until(lambda: proxy.counts.requests[ApiKey.FETCH] > 0, DEADLINE_S, "it to be under way")
    expected = b"".join(frames)
    assert read(node, len(expected)) == expected
    assert 0.3 <= time.monotonic() - began < 6.0, "one after the other they would take 60 s"


def test_the_rate_is_shared_by_connections_and_ends_with_zero() -> None:
    (port,) = free_ports(1)
    frame = request(ApiKey.FETCH, 1, bytes(MB // 2))
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        proxy = stack.enter_context(Proxy(port))
        proxy.forward_to(server.getsockname()[1])
        pairs = [connect(proxy, server) for _ in range(2)]
        for end in (end for pair in pairs for end in pair):
            stack.enter_context(closing(end))
        proxy.throttle(MB // 2)
        began = time.monotonic()
        send_and_read(pairs, frame)
        assert 1.8 < time.monotonic() - began < 10
        proxy.throttle(1)
        late = threading.Timer(0.5, proxy.throttle, [0])
        late.start()
        assert timed(lambda: send_and_read(pairs, frame)) < 10
        late.join()


def send_and_read(pairs: list[tuple[socket.socket, socket.socket]], frame: bytes) -> None:
    """Send the frame by each connection at the same time, and see it arrive."""
    senders = [threading.Thread(target=client.sendall, args=[frame]) for client, _ in pairs]
    for sender in senders:
        sender.start()
    for _, node in pairs:
        assert read(node, len(frame)) == frame
    for sender in senders:
        sender.join()


@pytest.mark.parametrize("after_bytes", [0, 3, 100, 10_000_000])
@pytest.mark.parametrize("reset", [False, True])
def test_a_cut_is_at_the_byte_and_ends_as_asked_for(wire: Wire, after_bytes: int, reset: bool) -> None:
    proxy, client, node = wire
    early, struck = request(ApiKey.FETCH, 1), request(ApiKey.PRODUCE, 2, b"p" * 150)
    proxy.cut_in_request(ApiKey.PRODUCE, after_bytes=after_bytes, reset=reset)
    client.sendall(early + struck[:50])
    if after_bytes > 50:
        client.sendall(struck[50:] + request(ApiKey.FETCH, 3))
    expected = early + struck[: min(after_bytes, len(struck) - 1)]
    if reset:  # it overtakes what was not read yet
        assert_reset(node)
        assert_reset(client)
    else:
        assert read(node, 1_000) == expected
        assert read(client, 1) == b""
    node.close()
    client.close()
    wait_until(lambda: not proxy.connections, DEADLINE_S, "the end of the connection")
    assert proxy.counts.cut_requests == 1


def assert_reset(end: socket.socket) -> None:
    with pytest.raises(ConnectionResetError):
        read(end, MB)


def test_only_the_answers_of_the_kind_are_dropped_and_nothing_follows_them(wire: Wire) -> None:
    proxy, client, node = wire
    early, doomed = request(ApiKey.FETCH, 1), request(ApiKey.OFFSET_COMMIT, 2)
    client.sendall(early)
    assert read(node, len(early)) == early
    proxy.drop_answers(ApiKey.OFFSET_COMMIT, 1)
    client.sendall(doomed + request(ApiKey.OFFSET_COMMIT, 3))
    assert read(node, len(doomed)) == doomed
    node.sendall(answer(1, b"early"))
    node.sendall(answer(2, b"doomed"))
    assert read(client, 1_000) == answer(1, b"early")
    assert read(node, 1_000) == b"", "the second commit is not forwarded: its answer could not come back either"
    assert proxy.counts.requests == {ApiKey.FETCH: 1, ApiKey.OFFSET_COMMIT: 1}


def test_a_fault_can_be_armed_in_mid_frame(wire: Wire) -> None:
    proxy, client, node = wire
    first, second = request(ApiKey.PRODUCE, 1, bytes(range(256)) * 4), request(ApiKey.PRODUCE, 2, b"second")
    client.sendall(first[:300])
    assert read(node, 300) == first[:300]
    proxy.cut_in_request(ApiKey.PRODUCE, after_bytes=5)
    for byte in first[300:] + second:
        client.sendall(bytes([byte]))
        if proxy.counts.cut_requests:
            break
    assert read(node, 10_000) == first[300:] + second[:5]


def test_bytes_that_are_not_taken_are_not_read_and_a_large_frame_is_not_gathered(wire: Wire) -> None:
    _, client, node = wire
    client.setblocking(False)
    frame = memoryview(request(ApiKey.PRODUCE, 1, bytes(60 * MB)))
    before = psutil.Process().memory_info().rss
    sent, idle_since = 0, time.monotonic()
    while time.monotonic() - idle_since < 1.0:
        try:
            sent += client.send(frame[sent : sent + 65_536])
            idle_since = time.monotonic()
        except BlockingIOError:
            time.sleep(0.01)
    assert sent < 30 * MB, "more than the kernel's buffers was taken"
    assert psutil.Process().memory_info().rss - before < 5 * MB
    received = threading.Thread(target=read, args=[node, len(frame)])
    received.start()
    client.settimeout(DEADLINE_S)
    client.sendall(frame[sent:])
    received.join(DEADLINE_S)
    assert not received.is_alive()


def test_an_end_is_passed_on_behind_what_was_said_before(wire: Wire) -> None:
    proxy, client, node = wire
    proxy.delay(0.2)
    said = request(ApiKey.PRODUCE, 1, b"last words") + b"\0\0"
    client.sendall(said)
    client.shutdown(socket.SHUT_WR)
    assert read(node, 1_000) == said
    node.sendall(answer(1))
    node.close()
    assert read(client, 1_000) == answer(1)
    wait_until(lambda: not proxy.connections, DEADLINE_S, "the end of the connection")


def test_a_stream_that_is_not_kafkas_is_an_error_at_the_end() -> None:
    ends = ExitStack()
    _, client, _ = ends.enter_context(wired())
    client.sendall(b"\0\0\0\0 is not the size of any request")
    assert_reset(client)
    with pytest.raises(NotKafkaError):
        ends.close()


def test_nothing_is_left_behind() -> None:
    process = psutil.Process()
    threads, descriptors = threading.active_count(), process.num_fds()
    with wired() as (proxy, client, _):
        proxy.delay(60)
        client.sendall(request(ApiKey.FETCH, 1))
        wait_until(lambda: proxy.counts.requests, DEADLINE_S, "something under way")
        proxy.hang()
        with socket.create_connection(("127.0.0.1", proxy.port)):
            wait_until(lambda: proxy.connections == 2, DEADLINE_S, "one that is not through yet")
    assert threading.active_count() == threads
    assert process.num_fds() == descriptors
