"""`python -m bench recover`: what is read off the broker's stamps, and what the command makes of it. All made up."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec
import pytest
from click.testing import CliRunner
from click.testing import Result as Ended
from rich.console import Console

from bench import recover as recover_module
from bench import result
from bench.broker import Target
from bench.commands import options
from bench.commands import recover as command
from bench.drain import DrainFailedError
from bench.histogram import Histogram
from bench.load import Shape
from bench.pace import Schedule
from bench.recover import (
    AFTER_S,
    Drained,
    Killed,
    Plan,
    Recover,
    TooFewError,
    by_stamps_ms,
    killed_of,
    recover,
)
from bench.rig import SOURCE
from bench.tables.recover import drained_table, killed_table, percentile
from bench.taps import End, Finish, Tapped, Watch
from bench.writer import Write, Wrote

KILLED_MS = 1_000_000.5
KILLED_S = 77.0  # by our monotonic clock: the broker's is another


def end(stamps: list[int], again: int = 0) -> End:
    return End(at_ns=[0] * len(stamps), stamp_ms=stamps, again=again)


def load(
    partition: int, written: dict[int, list[int]], took: Callable[[int, int], int], again: int = 0
) -> list[Tapped]:
    """What is read of events that are written to their partitions at these ms since the kill.

    `took` says of a partition and the time of writing when one is delivered, in ms since the kill; below 0 never.
    """
    numbered = sorted((at, place) for place, times in written.items() for at in times)
    base = int(KILLED_MS)
    delivered = [base + took(place, at) if took(place, at) > -5_000 else 0 for at, place in numbered]
    return [
        Tapped(
            source=end([base + at if place == read else 0 for at, place in numbered]),
            destination=end(delivered if read == partition else [0] * len(numbered), again),
            strays=0,
            cpu_s=0.0,
        )
        for read in written
    ]


STEADY = {0: list(range(-990, 3_000, 10)), 1: list(range(-985, 3_000, 10))}
SPACING_MS = 5  # of both together


def as_usual(partition: int, at: int) -> int:
    """Partition 0 stands still from the kill until 600 ms after it; the other has a pause of 43 ms meanwhile."""
    if partition == 0 and at > -20:
        return max(at + 2, 600)
    return max(at + 2, 340) if partition == 1 and 300 < at <= 340 else at + 2


def test_it_has_moved_again_when_what_was_written_after_the_kill_is_there() -> None:
    found = killed_of(0, KILLED_MS, load(0, STEADY, as_usual, again=7))
    assert found.moved_s == pytest.approx(0.6, abs=0.001)
    assert found.other_gap_s == pytest.approx(0.043, abs=0.001)
    assert (found.partition, found.missing, found.twice) == (0, 0, 7)


def test_what_the_dead_worker_had_sent_is_no_movement() -> None:
    def late(partition: int, at: int) -> int:
        return 50 if partition == 0 and -30 < at <= 0 else as_usual(partition, at)

    assert killed_of(0, KILLED_MS, load(0, STEADY, late)).moved_s == pytest.approx(0.6, abs=0.001)


def test_a_pause_of_the_other_that_begins_before_the_kill_or_ends_after_the_recovery_counts_as_a_whole() -> None:
    def around(partition: int, at: int) -> int:
        return max(at + 2, 2_000) if partition == 1 and at > -100 else as_usual(partition, at)

    assert killed_of(0, KILLED_MS, load(0, STEADY, around)).other_gap_s == pytest.approx(2.103, abs=0.01)


@pytest.mark.parametrize(("first", "last"), [(-900, -500), (2_000, 2_500)])
def test_a_pause_of_the_other_at_another_time_does_not_count(first: int, last: int) -> None:
    def elsewhere(partition: int, at: int) -> int:
        return max(at + 2, last) if partition == 1 and first < at <= last else as_usual(partition, at)

    assert killed_of(0, KILLED_MS, load(0, STEADY, elsewhere)).other_gap_s == pytest.approx(0.043, abs=0.001)


def test_missing_events_are_counted_and_do_not_stand_for_a_movement() -> None:
    def lost(partition: int, at: int) -> int:
        return -9_999 if partition == 0 and 0 < at <= 20 else as_usual(partition, at)

    found = killed_of(0, KILLED_MS, load(0, STEADY, lost))
    assert found.missing == 2
    assert found.moved_s == pytest.approx(0.6, abs=0.001)


@pytest.mark.parametrize("written", [{0: [-100], 1: STEADY[1]}, {0: STEADY[0], 1: [-100]}, {0: [], 1: []}])
def test_a_load_that_is_too_thin_tells_nothing(written: dict[int, list[int]]) -> None:
    with pytest.raises(TooFewError, match="is the rate too low"):
        killed_of(0, KILLED_MS, load(0, written, as_usual))


def test_a_moment_is_placed_on_the_clock_of_the_stamps_by_the_event_that_was_appended_soonest() -> None:
    schedule = Schedule(10.0, 100.0)  # a record each 10 ms, from second 10 on
    stamps_ms = [5_000_040, 0, 5_000_022, 5_000_031]  # 40 ms, none, 2 ms and 1 ms after they were due
    assert by_stamps_ms(10.015, schedule, stamps_ms) == pytest.approx(5_000_016)
    assert by_stamps_ms(10.015, schedule, [0, 0]) == pytest.approx(10_015)


class FakeRig:
    """One with two partitions, on which every load takes as long as it should, in no time."""

    next_number = 70

    def __init__(self) -> None:
        self.done: list[str] = []
        self.written: tuple[int, float] = (0, 0.0)

    def source_ends(self) -> dict[tuple[str, int], int]:
        return {(SOURCE, 1): 5, (SOURCE, 0): 4}

    def destination_ends(self) -> dict[tuple[str, int], int]:
        return {("team-a", 0): 9}

    def worker(self, partition: int) -> int:
        return 4_000 + partition

    def write(self, count: int, rate: float, *, meanwhile: Callable[[float], None], **_: object) -> Wrote:
        self.written = count, rate
        for step in range(int(count / rate / 0.1) + 1):
            meanwhile(step * 0.1)
        # The kill is when the event is due that has a stamp of KILLED_MS and a fraction: 990 ms after the first.
        request = Write(first=70, count=count, rate=1_000.0 / SPACING_MS, tick_s=0.0)
        return Wrote(request=request, start_s=KILLED_S - 0.99, ended_s=0.0, late_us=Histogram.of([]), cpu_s=0.0)

    def settle(self) -> None:
        self.done.append("settle")

    def empty(self) -> None:
        self.done.append("empty")


class FakeTaps:
    def __init__(self, answers: list[Tapped]) -> None:
        self.asked: list[Watch | Finish] = []
        self._answers = [answer for tapped in answers for answer in (None, tapped)]

    def begin(self, request: Watch | Finish) -> None:
        self.asked.append(request)

    def answer(self, _: float) -> Tapped | None:
        return self._answers.pop(0)


def test_a_kill_is_one_signal_under_a_load_that_is_read_when_it_has_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    signals: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: signals.append((pid, number)))
    monkeypatch.setattr("bench.recover.time.monotonic", lambda: KILLED_S)
    rig, taps = FakeRig(), FakeTaps(load(1, STEADY, lambda _, at: at + 2))
    killing = recover_module._Killing(rig, taps, 100.0)  # type: ignore[arg-type]
    found = killing.kill(1, 1.5)
    assert signals == [(4_001, signal.SIGKILL)]
    assert rig.written == (round((1.5 + AFTER_S) * 100), 100.0)
    assert rig.done == ["settle", "empty"]
    watches, finishes = taps.asked[::2], taps.asked[1::2]
    assert watches == [Watch(first=70, count=450, live={})] * 2
    assert [set(each.others) for each in finishes if isinstance(each, Finish)] == [
        {(SOURCE, 0)}, {(SOURCE, 1), ("team-a", 0)},
    ]  # fmt: skip
    assert found.partition == 1
    assert found.moved_s == pytest.approx(0.007, abs=0.001)


class FakeTurn(NamedTuple):
    wall_s: float


class FakeStage:
    """Drains a source, which is its number of events here, in as many seconds."""

    drained: list[int]

    def __init__(self, *_: object) -> None:
        FakeStage.drained = []

    def turn(self, _: object, source: int) -> FakeTurn:
        FakeStage.drained.append(source)
        return FakeTurn(float(source))


class NoKafka(Target):
    """A cluster of which nothing is used."""

    def open(self, config: Mapping[str, str], settings: Iterable[str] = ()) -> Any:  # noqa: ANN401
        return contextlib.nullcontext()


def plan(**changed: Any) -> Plan:  # noqa: ANN401 - any field
    usual: dict[str, Any] = {
        "minutes": [1.0, 5.0], "rate": 2.0, "turns": 2, "kills": 0, "shape": Shape(namespaces=10),
    }  # fmt: skip
    return Plan(**usual | changed)


def test_backlogs_are_drained_in_turns_and_the_warm_up_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recover_module, "Destinations", lambda *_: None)
    monkeypatch.setattr(recover_module, "Stage", FakeStage)
    monkeypatch.setattr(recover_module, "make_source", lambda _, __, backlog: backlog.events)
    told: list[str] = []
    asked = plan()
    found = recover(asked, told.append, NoKafka())
    assert [(each.minutes, each.events, each.wall_s) for each in found.drained] == [
        (1.0, 120, [120.0, 120.0]), (5.0, 600, [600.0, 600.0]),
    ]  # fmt: skip
    assert FakeStage.drained == [600, 120, 600, 600, 120]
    assert len(told) == asked.steps()


def test_steps_are_those_of_what_is_asked_for() -> None:
    assert plan(kills=4).steps() == plan().steps() + 5
    assert plan(minutes=[], kills=4).steps() == 5


def measured(*, missing: int = 0, kills: int = 3) -> Recover:
    killed = [
        Killed(partition=n % 2, moved_s=0.5 + n / 1_000, other_gap_s=0.011, missing=missing if n == 1 else 0, twice=2)
        for n in range(kills)
    ]
    drained = [Drained(minutes=1.0, events=60_000, wall_s=[4.0, 5.0, 6.0])]
    return Recover(rate=1_000.0, shape=Shape(namespaces=100), drained=drained, killed=killed)


def shown(found: Recover) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(drained_table(found))
        console.print(killed_table(found))
    return capture.get()


def row(text: str, name: str) -> list[str]:
    [line] = [line for line in text.splitlines() if f" {name} " in line and "│" in line]
    return [cell.strip() for cell in line.strip("│").split("│")]


def test_the_tables_have_medians_least_and_most() -> None:
    text = shown(measured())
    assert row(text, "1 min at 1,000/s")[1:] == ["60,000", "3", "5.00 (4.00-6.00)", "12.0 (10.0-15.0)"]
    assert row(text, "its partition moves again")[1:] == ["3", "501", "-", "500", "502"]
    assert row(text, "another's longest pause")[1:] == ["3", "11", "-", "11", "11"]
    assert "6 events came twice" in text


def test_a_percentile_is_told_where_one_lies_beyond_it() -> None:
    assert percentile([float(n) for n in range(1, 100)], 99) is None
    assert percentile([float(n) for n in range(1, 101)], 99) == 99.0
    assert row(shown(measured(kills=100)), "its partition moves again")[2:] == ["550", "598", "500", "599"]


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[result.Result[Recover]]:
    """What the command keeps. Nothing is measured, and nothing written."""
    made: list[result.Result[Recover]] = []
    monkeypatch.setattr(result, "kafka_version", lambda: "4.3.1")
    monkeypatch.setattr(options, "keep", lambda written, _: made.append(written))
    return made


def run(monkeypatch: pytest.MonkeyPatch, found: Recover | Exception, *arguments: str) -> Ended:
    def instead(plan: Plan, tell: Callable[[str], None], _: Target) -> Recover:
        for _step in range(plan.steps()):
            tell("measuring")
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(command, "recover", instead)
    return CliRunner().invoke(command.recover_command, arguments)


def test_the_command_shows_and_keeps_what_was_measured(
    monkeypatch: pytest.MonkeyPatch, kept: list[result.Result[Recover]]
) -> None:
    done = run(monkeypatch, measured())
    assert done.exit_code == 0, done.output
    assert "its partition moves again" in done.output
    [written] = kept
    assert msgspec.json.decode(msgspec.json.encode(written), type=result.Result[Recover]).data == measured()
    assert written.name == "recover"


def test_it_ends_with_1_and_says_so_when_an_event_is_missing(
    monkeypatch: pytest.MonkeyPatch, kept: list[result.Result[Recover]]
) -> None:
    done = run(monkeypatch, measured(missing=3))
    assert done.exit_code == 1
    assert "FAILED kill 2, of the worker of partition 1: 3 events have not arrived" in done.output
    assert kept, "what was measured is kept all the same"


@pytest.mark.parametrize("error", [DrainFailedError("3 destinations with too few"), TooFewError("too thin")])
def test_what_breaks_off_ends_with_1_and_its_reason(
    error: Exception, monkeypatch: pytest.MonkeyPatch, kept: list[result.Result[Recover]]
) -> None:
    done = run(monkeypatch, error)
    assert done.exit_code == 1
    assert f"broken off: {error}" in done.output
    assert not kept


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--minutes", "", "--kills", "0"], "nothing to measure"),
        (["--minutes", "1,x"], "numbers separated by commas"),
        (["--minutes", "0"], "numbers above 0"),
        (["--minutes", "nan"], "numbers above 0"),
        (["--minutes", "inf"], "numbers above 0"),
        (["--rate", "1"], "--rate"),
    ],
)
def test_what_cannot_be_measured_is_refused(arguments: list[str], told: str) -> None:
    done = CliRunner().invoke(command.recover_command, arguments)
    assert done.exit_code == 2
    assert told in done.output
