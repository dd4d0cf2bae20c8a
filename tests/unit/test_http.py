"""The HTTP server: what each path answers, to whom, and what bad clients get."""

import http.client
import resource
import socket
import time
from collections.abc import Iterator

import msgspec
import pytest

from fanout.http import connections, server, stream
from fanout.http.kept import Kept
from fanout.http.server import serve
from fanout.status.state import Status
from tests.support.replica import FakeReplica, Running, healthy
from tests.support.topics import wait_until

DEADLINE_S = 30.0
OTHER_METHODS = ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"]


@pytest.fixture
def running() -> Iterator[Running]:
    status = healthy()
    with_status = Running(FakeReplica(lambda: status))
    with_status.start()
    yield with_status
    with_status.end()


def ask(running: Running, path: str, method: str = "GET", **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    client = http.client.HTTPConnection("127.0.0.1", running.port, timeout=DEADLINE_S)
    try:
        client.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = client.getresponse()
        return answer, answer.read()
    finally:
        client.close()


def connect(running: Running, send: bytes = b"") -> socket.socket:
    client = socket.create_connection(("127.0.0.1", running.port), timeout=DEADLINE_S)
    client.sendall(send)
    return client


def open_connections(running: Running) -> int:
    served = running._served
    assert served is not None
    return len(served._site.connections.connections)


def is_closed(client: socket.socket) -> bool:
    """Whether the server has closed it; waits for that, or fails with TimeoutError."""
    try:
        while client.recv(65_536):
            pass
    except ConnectionResetError:
        pass
    return True


@pytest.mark.parametrize(
    ("path", "name"), [("/livez", "why_not_alive"), ("/readyz", "why_not_ready"), ("/startupz", "why_not_started")]
)
def test_a_probe_says_ok_or_why_not(running: Running, path: str, name: str) -> None:
    answer, body = ask(running, path)
    assert (answer.status, body) == (200, b"ok\n")
    setattr(running.replica, name, "the worker of partition 3 has made no beat for 20 s")
    answer, body = ask(running, path)
    assert (answer.status, body) == (503, b"the worker of partition 3 has made no beat for 20 s\n")
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_the_status_is_json(running: Running) -> None:
    answer, body = ask(running, "/status")
    assert answer.headers["Content-Type"] == "application/json"
    assert msgspec.json.decode(body, type=Status) == running.replica.status()


def test_metrics_are_in_the_format_that_is_asked_for(running: Running) -> None:
    answer, body = ask(running, "/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert b"\nevents_fanout_assigned_partitions 12.0\n" in body
    answer, body = ask(running, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert body.endswith(b"# EOF\n")


def test_the_page_and_all_its_parts_are_there(running: Running) -> None:
    answer, body = ask(running, "/")
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert b"page.js" in body
    for part in ("page.css", "page.js", "chart.js", "feed.js", "format.js", "tables.js", "page.svg"):
        answer, content = ask(running, f"/{part}")
        assert answer.status == 200
        assert b"//" not in content.replace(b"http://www.w3.org/", b"").replace(b"// ", b""), "nothing of another host"


@pytest.mark.parametrize("path", ["/", "/page.js", "/livez", "/metrics", "/status", "/events", "/nothing"])
def test_head_is_the_answer_without_its_body(running: Running, path: str) -> None:
    answer, body = ask(running, path, "HEAD")
    assert answer.status == (404 if path == "/nothing" else 200)
    assert body == b""


@pytest.mark.parametrize("method", OTHER_METHODS)
def test_nothing_else_than_get_and_head_is_taken(running: Running, method: str) -> None:
    answer, _ = ask(running, "/status", method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/nothing", "/../../etc/passwd", "/%2e%2e/server.py", "/page", "/status/"])
def test_an_unknown_path_is_told_what_there_is(running: Running, path: str) -> None:
    answer, body = ask(running, path)
    assert answer.status == 404
    assert b"/livez, /readyz, /startupz, /metrics, /status, /events" in body


@pytest.mark.parametrize("path", ["/", "/page.js", "/livez", "/metrics", "/status", "/nothing"])
def test_no_answer_may_be_kept_framed_guessed_at_or_load_from_elsewhere(running: Running, path: str) -> None:
    answer, _ = ask(running, path)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Connection"] == "close"
    assert "aiohttp" not in answer.headers["Server"]


def test_what_breaks_is_logged_and_answered_and_the_next_request_works(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    well = running.replica.tell

    def broken() -> Status:
        raise ValueError("no status")

    running.replica.tell = broken
    answer, body = ask(running, "/status")
    assert (answer.status, body) == (500, b"This failed; the log of the replica says why.\n")
    said = "".join(capsys.readouterr())
    assert "a request could not be answered" in said
    assert "no status" in said
    running.replica.tell = well
    assert ask(running, "/status")[0].status == 200


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 this is TLS\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /livez HTTP/1.1\r\n" + b"".join(b"X-%d: a\r\n" % number for number in range(1_000)) + b"\r\n",
        b"GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    ],
)
def test_a_bad_request_is_refused_without_a_word_in_the_log(
    running: Running, request_: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with connect(running) as client:
        client.sendall(request_)
        assert client.recv(12) in (b"HTTP/1.0 400", b"HTTP/1.1 400")
        assert is_closed(client)
    assert ask(running, "/livez")[0].status == 200
    assert [record.getMessage() for record in caplog.records if record.name == "fanout.http"] == []


@pytest.mark.parametrize(
    "begun",
    [b"", b"GET /livez HTTP/1.1\r\nHost: x\r\n", b"POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n"],
)
def test_a_request_that_does_not_end_is_cut_off(
    running: Running, begun: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "LIFE_S", 0.3)
    with connect(running, begun) as client:
        assert is_closed(client)
    wait_until(lambda: open_connections(running) == 0, DEADLINE_S, "no connection open")


def large() -> Status:
    """More than all buffers between the two sides take."""
    return msgspec.structs.replace(healthy(), headline="x" * 30_000_000)


@pytest.mark.parametrize("path", ["/status", "/events"])
def test_a_client_that_does_not_read_is_cut_off(running: Running, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "LIFE_S", 0.5)
    monkeypatch.setattr(stream, "WRITE_S", 0.5)
    running.replica.tell = large
    with connect(running, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()) as client:
        assert client.recv(12) == b"HTTP/1.1 200"
        wait_until(lambda: open_connections(running) == 0, DEADLINE_S, "no connection open")


def test_a_probe_gets_through_a_thousand_connections_and_none_is_left(running: Running) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4_096, hard), hard))
    clients: list[socket.socket] = []
    try:
        for _ in range(1_000):
            clients.append(connect(running))
            # Several are accepted in one turn of the loop, and what made room is closed with the next.
            assert open_connections(running) <= connections.CONNECTIONS_MAX + server.BACKLOG
        wait_until(lambda: open_connections(running) <= connections.CONNECTIONS_MAX, DEADLINE_S, "room to be made")
        assert ask(running, "/livez")[0].status == 200
    finally:
        for client in clients:
            client.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    wait_until(lambda: open_connections(running) == 0, DEADLINE_S, "no connection open")


def test_the_status_is_made_once_for_all_who_listen(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "EVERY_S", 0.3)
    listeners = [connect(running, b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n") for _ in range(10)]
    try:
        for client in listeners:
            received = b""
            while received.count(b"data: ") < 4:
                received += client.recv(1_000_000)
            assert b"Content-Type: text/event-stream" in received
            assert received.count(b'data: {"version":') == received.count(b"data: ")
        assert running.replica.asked < 4 * len(listeners) / 2
    finally:
        for client in listeners:
            client.close()
    wait_until(lambda: open_connections(running) == 0, DEADLINE_S, "no connection open")
    asked = running.replica.asked
    time.sleep(0.7)  # nothing to wait for: it is that nothing happens
    assert running.replica.asked == asked, "while nobody listens nothing is made"


def test_a_listener_too_many_is_told_to_ask_instead(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "LISTENERS_MAX", 1)
    with connect(running, b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n") as first:
        assert first.recv(12) == b"HTTP/1.1 200"
        answer, body = ask(running, "/events")
        assert (answer.status, body) == (503, b"Too many listen already: ask /status now and then.\n")
        assert answer.headers["Content-Type"].startswith("text/plain")
    wait_until(lambda: open_connections(running) == 0, DEADLINE_S, "no connection open")


def test_a_listener_outlives_what_other_requests_may_take(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "LIFE_S", 0.3)
    monkeypatch.setattr(connections, "LOOK_EVERY_S", 0.1)
    monkeypatch.setattr(stream, "EVERY_S", 0.2)
    with connect(running, b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n") as client:
        received = b""
        while received.count(b"data: ") < 8:
            some = client.recv(1_000_000)
            assert some
            received += some


def test_a_status_that_breaks_ends_the_stream_and_the_next_listener_is_served(
    running: Running, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stream, "EVERY_S", 0.3)
    well = running.replica.tell

    def broken() -> Status:
        raise ValueError("no status")

    with connect(running, b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n") as client:
        assert client.recv(12) == b"HTTP/1.1 200"
        running.replica.tell = broken
        assert is_closed(client)
    assert "the status could not be told to those who listen" in "".join(capsys.readouterr())
    running.replica.tell = well
    with connect(running, b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n") as client:
        received = b""
        while received.count(b"data: ") < 3:
            some = client.recv(1_000_000)
            assert some
            received += some


def test_closing_ends_those_who_listen_without_waiting_for_them(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "GOODBYE_S", DEADLINE_S)  # longer than `stop` waits
    with connect(running, b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n") as client:
        assert client.recv(12) == b"HTTP/1.1 200"
        running.stop()
        assert is_closed(client)
    with pytest.raises(ConnectionRefusedError):
        connect(running)
    running.start()


def test_a_port_that_is_taken_is_an_error_of_the_system(running: Running) -> None:
    with pytest.raises(OSError, match="in use"):
        running.run(lambda: serve("127.0.0.1", running.port, running.replica))


def test_what_is_asked_for_often_is_made_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    kept = Kept(lambda: made.append(1))
    for _ in range(1_000):
        kept.get()
    assert len(made) < 100
    monkeypatch.setattr("fanout.http.kept.KEEP_S", -1.0)
    before = len(made)
    kept.get()
    kept.get()
    assert len(made) == before + 2
