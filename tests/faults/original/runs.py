"""The program and its broken variants, started alike: a check is given one or the other, and does not know which.

Each check has to fail on the variant that has the fault, or it would prove nothing of the program.
"""

import sys
from importlib import import_module
from typing import Protocol, Self
from unittest import mock

from bench.broker import LocalKafka
from bench.program import Line, Program
from tests.support.comparing import Group
from tests.support.topics import Record, read_all, topics, wait_until

RUNNER = (sys.executable, "-m", "tests.faults.original.broken")


class Start(Protocol):
    """What makes a program: `Program` itself, or what `broken` returns."""

    def __call__(self, bootstrap: str, topic: str, group: str, **settings: object) -> Program: ...


class _Broken(Program):
    """The program with one fault of `tests.faults.original.broken`."""

    fault = ""

    def __enter__(self) -> Self:
        with mock.patch.object(import_module(Program.__module__), "COMMAND", (*RUNNER, self.fault, "run")):
            return super().__enter__()


def broken(fault: str) -> Start:
    """What starts the program with this fault."""

    def start(bootstrap: str, topic: str, group: str, **settings: object) -> Program:
        program = _Broken(bootstrap, topic, group, **settings).may_break()
        program.fault = fault
        return program

    return start


def caught_up(program: Program, kafka: LocalKafka, name: str, *unless: str, deadline_s: float = 30.0) -> bool:
    """Wait until all of the source `name` is committed by the group `name`; False if the program stops before that.

    Nor is it waited for any longer once the log has one of the lines `unless`. Raises TimeoutError.
    """
    with Group(kafka.bootstrap, name, name) as group:
        return wait_until(
            lambda: (
                "done"
                if not group.lag()
                else "not"
                if program.exit_code is not None or any(program.lines(line) for line in unless)
                else ""
            ),
            deadline_s,
            f"all of {name} to be committed",
        ) == "done"  # fmt: skip


def run_over(start: Start, kafka: LocalKafka, name: str, **settings: object) -> Program:
    """Run over the whole source `name` as the group `name`, and stop, unless it ends by itself before."""
    with start(kafka.bootstrap, name, name, **settings) as program:
        if caught_up(program, kafka, name):
            program.terminate()
    return program


def dead_letters(kafka: LocalKafka, source: str) -> list[Record]:
    """All dead letters of this source; none if there is no topic for them."""
    name = f"{source}-dlq"
    return read_all(kafka.bootstrap, name) if name in topics(kafka.bootstrap) else []


def reason_of(letter: Record) -> str:
    """Why it is a dead letter."""
    return (dict(letter.headers)["fanout.reason"] or b"").decode()


def complaints(program: Program) -> list[Line]:
    """Lines of the log at the levels warning and error, but for those of a broker that has only just been started."""
    with program._changed:
        lines = [line for line in program._lines if line.get("log.level") in ("warning", "error")]
    return [line for line in lines if "Coordinator load in progress: retrying" not in str(line["message"])]
