"""`events-fanout status` against a small server that answers as a replica would."""

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest
from click.testing import CliRunner, Result

from fanout.cli import commands
from fanout.status.state import DeadLetter, Failure, Finding, Namespace, Partition, Rate, Status, Worker
from fanout.watching import report

WELL = Status(
    version="1.0", at=1000.0, started_at=400.0, state="ok", headline="All 1 partitions moving", findings=[],
    topic="cluster-events", group="events-fanout", protocol="consumer", joined=True, broker_reachable=True,
    source_partitions=1, retention_s=7200.0,
    partitions=[Partition(partition=0, position=9, committed=9, low=0, end=9, lag_records=0, lag_seconds=0.0,
                          retention_share=0.25, looked_at=1000.0, progressed_at=990.0)],
    workers=[Worker(partitions=[0], pid=77, started_at=400.0, restarts=2, crashes=0, failure=None, inflight_records=3,
                    inflight_bytes=9, producers=1)],
    rates=[Rate(at=999.0, read=10, delivered=8)], namespaces=[Namespace(topic="team-a", records=5)], dead_letters=[],
    totals={}, refused={}, settings=[],
)  # fmt: skip
ILL = msgspec.structs.replace(
    WELL,
    state="error",
    headline="Partition 0 has not moved for 2 min: \x1b[2J[red]",
    findings=[Finding(kind="not-moving", severity="error", text="it stands [bold]\x1b[2J", advice="look", since=880.0)],
    namespaces=[Namespace(topic="[red]team\x1b[2J\x9b", records=5)],
    dead_letters=[DeadLetter(at=900.0, reason="too-large", partition=0, offset=7)],
    workers=[
        msgspec.structs.replace(
            WELL.workers[0],
            pid=None,
            failure=Failure(at=940.0, cause="killed", reason="", exit_code=-9, retry_at=1001.0),
        )
    ],
    refused={"too-large": 4},
)


@contextmanager
def answering(body: bytes, code: int = 200) -> Iterator[tuple[str, list[str]]]:
    """A server that answers every request so: its address, and the paths that were asked for."""
    paths: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", paths
        finally:
            server.shutdown()
            thread.join()


def call(*args: str) -> Result:
    return CliRunner().invoke(commands, ["status", *args], prog_name="events-fanout")


def test_a_healthy_replica_is_told_and_exits_with_0() -> None:
    with answering(msgspec.json.encode(WELL)) as (url, paths):
        result = call(url)
        call(f"{url}/")
        call(f"{url}/status")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0] == "ok: All 1 partitions moving"
    assert "10.0 events/s in, 8.0 events/s out" in result.stdout
    assert "Busiest destinations of ten minutes" in result.stdout
    assert "Findings" not in result.stdout
    assert paths == ["/status"] * 3


def test_findings_are_told_with_advice_and_exit_with_1() -> None:
    with answering(msgspec.json.encode(ILL)) as (url, _):
        result = call(url)
    assert result.exit_code == 1
    assert "2 min ago  not-moving" in result.stdout
    assert "1 min ago: killed by SIGKILL, as the kernel does for want of memory (killed)" in result.stdout
    assert "Last dead letters, of 4 records refused" in result.stdout


def test_names_of_strangers_are_text_and_neither_markup_nor_escapes() -> None:
    with answering(msgspec.json.encode(ILL)) as (url, _):
        for shown in (call(url).stdout, call(url, "--output", "json").stdout):
            assert not set(shown) & {"\x1b", "\x9b"}
            assert "[red]team" in shown
            assert "[bold]" in shown


def test_a_drawn_page_takes_names_as_text_too() -> None:
    from rich.console import Console

    with answering(msgspec.json.encode(ILL)) as (url, _):
        drawn, code = report._drawn(url)
    console = Console(width=200, force_terminal=False)
    with console.capture() as capture:
        console.print(drawn)
    assert code == 1
    assert "[red]team\ufffd[2J\ufffd" in capture.get()
    assert "\x1b" not in capture.get()


def test_json_is_what_came() -> None:
    with answering(msgspec.json.encode(ILL)) as (url, _):
        assert json.loads(call(url, "--output", "json").stdout) == json.loads(msgspec.json.encode(ILL))


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (b"{}", 200, "no replica of this version"),
        (b"<html>", 200, "no replica of this version"),
        (b"", 404, "answers 404"),
    ],
)
def test_another_server_is_told_as_such(body: bytes, code: int, said: str) -> None:
    with answering(body, code) as (url, _):
        result = call(url)
    assert result.exit_code == 5
    assert said in result.stderr


def test_no_answer_names_the_address_and_what_to_do() -> None:
    result = call("http://127.0.0.1:1")
    assert result.exit_code == 5
    assert "nothing answers at http://127.0.0.1:1" in result.stderr
    assert "HTTP_PORT" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "file:///etc/passwd", "http://", "http://h:port", "\x1b[2J"])
def test_what_is_no_address_is_bad_use(url: str) -> None:
    result = call(url)
    assert result.exit_code == 2
    assert "\x1b" not in result.output


def test_watching_needs_a_terminal() -> None:
    assert call("--watch").exit_code == 2
    assert call("--watch", "--output", "json").exit_code == 2


def test_watching_goes_on_until_it_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def sleep(_: float) -> None:
        seen.append(1)
        if len(seen) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("fanout.watching.report.time.sleep", sleep)
    with answering(msgspec.json.encode(ILL)) as (url, paths):
        assert report._watch(url) == 1
    assert paths == ["/status"] * 3


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_of_a_shell_is_printed(shell: str) -> None:
    # bash itself is asked for its version on the way
    done = subprocess.run(
        [sys.executable, "-c", "from fanout.cli import main; main()"],
        env=os.environ | {"_EVENTS_FANOUT_COMPLETE": f"{shell}_source"},
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert "_EVENTS_FANOUT_COMPLETE" in done.stdout
    assert "events-fanout" in done.stdout
