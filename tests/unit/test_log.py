import json
import logging
import subprocess
import sys

import pytest

from fanout import __version__, log
from fanout.advice import ADVICE


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_a_line_is_json_with_ecs_names_and_what_was_bound(capsys: pytest.CaptureFixture[str]) -> None:
    logger = log.get("fanout.some")
    log.configure("info", "auto", role="worker", partition=3)
    logger.warning("delivery is slow", topic="té", waited_s=1.5, error="timed out")
    (line,) = lines(capsys)
    assert str(line.pop("@timestamp")).endswith("Z")
    assert isinstance(line.pop("process.pid"), int)
    assert line == {
        "log.level": "warning",
        "message": "delivery is slow",
        "ecs.version": "1.6.0",
        "service.name": "events-fanout",
        "service.version": __version__,
        "log.logger": "fanout.some",
        "error.message": "timed out",
        "fanout.role": "worker",
        "fanout.partition": 3,
        "fanout.topic": "té",
        "fanout.waited_s": 1.5,
    }


def test_a_warning_says_what_to_do_unless_its_writer_does(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info", "json")
    logger = log.get("x")
    logger.error("worker died")
    logger.info("worker died")
    logger.warning("worker died", advice="look here")
    log.Repeats(logger).warning("client error", "code")
    told = [line.get("fanout.advice") for line in lines(capsys)]
    assert told == [ADVICE["worker died"], None, "look here", ADVICE["client error"]]


def test_lines_below_the_level_are_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("warning", "json")
    log.get("x").info("no")
    log.get("x").error("yes")
    assert [line["message"] for line in lines(capsys)] == ["yes"]


def test_an_exception_is_one_line_with_its_stack(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info", "json")
    try:
        int("broken")
    except ValueError:
        log.get("x").exception("cannot go on")
    (line,) = lines(capsys)
    assert line["log.level"] == "error"
    assert "ValueError: invalid literal" in str(line["error.stack_trace"])


def test_the_console_format_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info", "console", role="supervisor")
    log.get("x").info("worker started", partition=2)
    text = capsys.readouterr().err
    assert "worker started" in text
    assert "partition=2" in text
    assert "role=supervisor" in text
    assert "\x1b[" not in text  # no terminal, no colours


def test_importing_the_log_leaves_rich_alone() -> None:
    code = "import sys, fanout.log; assert 'rich' not in sys.modules; import rich; print(rich.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "rich\n"


def test_a_repeated_event_is_told_once_and_then_with_its_count(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info", "json")
    clock = Clock()
    repeats = log.Repeats(log.get("x"), every_s=30, clock=clock)
    for _ in range(5):
        repeats.warning("broker away", "b1", attempt=1)
    repeats.warning("broker away", "b2")
    assert ["fanout.repeated" in line for line in lines(capsys)] == [False, False]
    clock.now += 30
    repeats.error("broker away", "b1", attempt=2)
    (line,) = lines(capsys)
    assert (line["fanout.repeated"], line["fanout.attempt"], line["log.level"]) == (4, 2, "error")


def test_a_storm_that_ended_is_told_by_the_next_event_or_by_flush(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info", "json")
    clock = Clock()
    repeats = log.Repeats(log.get("x"), every_s=30, clock=clock)
    for attempt in range(3):
        repeats.info("first", attempt=attempt)
    clock.now += 31
    repeats.info("second")
    repeats.info("second")
    repeats.flush()
    told = [(line["message"], line.get("fanout.repeated"), line.get("fanout.attempt")) for line in lines(capsys)]
    assert told == [("first", None, 0), ("first", 2, 2), ("second", None, None), ("second", 1, None)]


def test_endless_keys_do_not_grow_the_memory_and_lose_no_count(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "_KEYS_MAX", 10)
    log.configure("info", "json")
    clock = Clock()
    repeats = log.Repeats(log.get("x"), every_s=30, clock=clock)
    for key in range(100):
        clock.now += 0.01
        repeats.info("topic gone", key)
        repeats.info("topic gone", key)
        assert len(repeats._told) <= 10
    repeats.flush()
    told = lines(capsys)
    assert len(told) == 200
    assert sum(int(str(line.get("fanout.repeated", 0))) for line in told) == 100


def test_the_lines_of_a_kafka_client_join_the_log_without_their_repetitions(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log.configure("info", "json", role="worker")
    logger = log.client_logger("producer")
    text = "[thrd:b:1/bootstrap]: b:1/bootstrap: Connect failed: Connection refused (after {}ms in state CONNECT)"
    logger.log(logging.ERROR, "%s [%s] %s", "FAIL", "rdkafka#producer-1", text.format(0))
    logger.log(logging.ERROR, "%s [%s] %s", "FAIL", "rdkafka#producer-2", text.format(12))
    logger.log(logging.DEBUG, "%s [%s] %s", "CONNECT", "rdkafka#producer-2", "below the level")
    (line,) = lines(capsys)
    assert line["log.level"] == "error"
    assert line["log.logger"] == "librdkafka.producer"
    assert line["fanout.role"] == "worker"
    assert "docs/runbook.md#kafka-client" in str(line["fanout.advice"])
    assert str(line["message"]).startswith("FAIL [rdkafka] [thrd:b:1/bootstrap]")


def test_a_real_client_speaks_through_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    from confluent_kafka import Producer

    log.configure("debug", "json")
    producer = Producer({"debug": "generic"}, logger=log.client_logger("trial"))
    producer.poll(0.1)
    assert any(line["log.logger"] == "librdkafka.trial" for line in lines(capsys))


def test_a_client_logger_made_again_tells_each_line_once(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info", "json")
    log.client_logger("consumer")
    log.client_logger("consumer").info("%s [%s] %s", "INIT", "rdkafka#consumer-1", "ready")
    assert len(lines(capsys)) == 1


def test_what_a_library_says_is_a_line_like_ours(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info", "json", role="supervisor")
    log.configure("info", "json", role="supervisor")
    try:
        int("broken")
    except ValueError:
        logging.getLogger("some.library").exception("Error handling %s", "request")
    logging.getLogger("some.library").info("a request")
    (line,) = lines(capsys)
    assert (line["message"], line["log.level"], line["fanout.role"]) == (
        "Error handling request",
        "error",
        "supervisor",
    )
    assert "ValueError: invalid literal" in str(line["error.stack_trace"])
    assert "docs/runbook.md#library" in str(line["fanout.advice"])
