"""The demo from its start to its end, and every way in which it may end earlier."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import IO

import psutil
import pytest
from confluent_kafka import Consumer, Producer

from fanout.demo import run, scenario
from fanout.demo.cluster import Cluster
from fanout.demo.reading import ReadError, Tail, count_all, read_all
from fanout.demo.verify import Found

DEMO = (sys.executable, "-m", "fanout", "demo", "--plain", "--namespaces", "5", "--events", "1500")
PATIENCE_S = 20.0


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE_S} s: {what}"
        time.sleep(0.01)


def line_with(words: str, stream: IO[str]) -> str:
    for line in stream:
        if words in line:
            return line
    raise AssertionError(f"the demo ended without saying {words!r}")


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """All that the demo has started, and what that has started."""
    return psutil.Process(process.pid).children(recursive=True)


def gone(process: psutil.Process) -> bool:
    try:
        # What has lost its parent stays a zombie where nothing collects it.
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def all_gone(processes: list[psutil.Process]) -> bool:
    return all(map(gone, processes))


@pytest.fixture
def demo() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(DEMO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with process:
        yield process
        process.kill()


def test_the_demo_counts_every_event_in_its_own_topic_and_exits_with_zero() -> None:
    done = subprocess.run(DEMO, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1,500 events of 5 namespaces were written to one topic." in done.stdout
    assert "Every one of them was found in the topic of its own namespace" in done.stdout
    assert "16 dead letters, by reason: 2 bad-namespace, 6 no-namespace, 6 not-json, 2 reserved-topic." in done.stdout
    assert "its partition moved again after" in done.stdout
    assert "TOPIC_CREATE=broker" in done.stdout
    assert done.stderr == ""


def test_the_demo_exits_with_one_when_an_event_is_not_where_it_should_be(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def read_all_but_one(bootstrap: str, *, but: str, deadline: float, check: Callable[[], None]) -> list[Found]:
        found = read_all(bootstrap, but=but, deadline=deadline, check=check)
        # The first copy of an event and any further one.
        lost = next(record for record in found if record.topic == "team-a")
        return [record for record in found if record.value != lost.value]

    monkeypatch.setattr(scenario, "read_all", read_all_but_one)
    assert run.main(namespaces=5, events=500, partitions=2, seed=1, plain=True) == 1
    output = capsys.readouterr().out
    assert "WRONG: 1 event(s) lost" in output
    assert "499 of them were found" in output
    assert "Every one of them" not in output


def test_ctrl_c_ends_the_demo_with_130_and_leaves_nothing_behind(demo: subprocess.Popen[str]) -> None:
    assert demo.stdout is not None
    line_with("wave 1", demo.stdout)
    started = family(demo)
    assert len(started) >= 6  # the mock, the program and its four workers
    demo.send_signal(signal.SIGINT)
    rest = demo.stdout.read()
    assert demo.wait(PATIENCE_S) == 130, rest
    assert "Interrupted" in rest
    assert "Traceback" not in rest
    until(lambda: all_gone(started), "every process has ended")


def test_sigterm_ends_the_demo_as_cleanly(demo: subprocess.Popen[str]) -> None:
    assert demo.stdout is not None
    line_with("wave 1", demo.stdout)
    started = family(demo)
    demo.terminate()
    assert demo.wait(PATIENCE_S) == 128 + signal.SIGTERM
    until(lambda: all_gone(started), "every process has ended")


def test_nothing_outlives_a_demo_that_is_killed(demo: subprocess.Popen[str]) -> None:
    assert demo.stdout is not None
    line_with("wave 1", demo.stdout)
    started = family(demo)
    demo.kill()
    until(lambda: all_gone(started), "every process has ended")


def test_a_program_that_ends_by_itself_ends_the_demo_with_its_last_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = "import sys; print('I have no idea', file=sys.stderr); sys.exit(7)"
    monkeypatch.setattr("fanout.demo.program.COMMAND", (sys.executable, "-c", words))
    assert run.main(namespaces=3, events=200, partitions=1, plain=True) == 1
    output = capsys.readouterr().out
    assert "the program ended by itself with exit code 7" in output
    assert "I have no idea" in output


def test_the_mock_has_the_partitions_that_are_asked_for_and_forms_a_group_at_once() -> None:
    with Cluster({"cluster-events": 6}) as cluster:
        client = {"bootstrap.servers": cluster.bootstrap, "group.id": "g", "auto.offset.reset": "earliest"}
        consumer = Consumer(client)
        begun_at = time.monotonic()
        consumer.subscribe(["cluster-events"])
        until(lambda: consumer.poll(0.1) is None and len(consumer.assignment()) == 6, "six partitions assigned")
        assert time.monotonic() - begun_at < 2.5  # left to itself, the mock waits three seconds
        consumer.close()


def test_the_mock_keeps_keys_values_headers_and_timestamps_as_they_were_written() -> None:
    with Cluster({"a": 1, "source": 1}) as cluster:
        producer = Producer({"bootstrap.servers": cluster.bootstrap})
        written = [
            Found("a", 0, 0, None, b"v", (("h", None), ("h", b"")), 1_700_000_000_123),
            Found("a", 0, 1, b"", None, (), 1_700_000_000_001),
            Found("a", 0, 2, b"k", b"", (("x", b"\xff"),), 1_700_000_000_002),
        ]
        for record in written:
            producer.produce(
                "a", record.value, record.key, 0, timestamp=record.timestamp_ms, headers=list(record.headers)
            )
        producer.produce("source", b"not to be read")
        assert producer.flush(PATIENCE_S) == 0
        deadline = time.monotonic() + PATIENCE_S
        assert read_all(cluster.bootstrap, but="source", deadline=deadline, check=lambda: None) == written
        assert count_all(cluster.bootstrap, "a") == 3
        tail, seen = Tail(cluster.bootstrap, but="source"), list[Found]()

        def all_seen() -> bool:
            seen.extend(tail.read(0.05))
            return len(seen) >= len(written)

        until(all_seen, "the tail has read them")
        assert seen == written
        producer.produce("comes-later", b"v")
        assert producer.flush(PATIENCE_S) == 0
        until(lambda: any(record.topic == "comes-later" for record in tail.read(0.05)), "the new topic is followed")
        tail.close()
        producer.close()


def test_records_that_the_mock_has_dropped_are_told_and_not_taken_for_lost() -> None:
    with Cluster({"a": 1}) as cluster:
        producer = Producer({"bootstrap.servers": cluster.bootstrap, "linger.ms": 0})
        for _ in range(8):
            producer.produce("a", b"x" * 900_000)
            assert producer.flush(PATIENCE_S) == 0
        producer.close()
        with pytest.raises(ReadError, match="use fewer events"):
            read_all(cluster.bootstrap, but="", deadline=time.monotonic() + PATIENCE_S, check=lambda: None)


def test_the_mock_ends_when_its_input_closes_and_takes_along_what_it_guards() -> None:
    sleeper = (sys.executable, "-c", "import time; time.sleep(600)")
    with subprocess.Popen(sleeper) as guarded, subprocess.Popen(sleeper) as released:
        try:
            with Cluster({"a": 1}) as cluster:
                cluster.guard(guarded.pid)
                cluster.guard(released.pid)
                cluster.release(released.pid)
            assert guarded.wait(PATIENCE_S) == -signal.SIGKILL
            assert released.poll() is None
        finally:
            guarded.kill()
            released.kill()
