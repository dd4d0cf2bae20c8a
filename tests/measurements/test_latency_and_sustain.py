"""The measurements of `python -m bench` that take long, for a few seconds: that they run, and that nothing is lost.

No time is asserted: the machine is shared. So is the exit code not, for it tells of a machine that had no time.
"""

from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from click.testing import CliRunner

from bench.commands import options
from bench.commands.latency import latency_command
from bench.commands.sustain import sustain_command
from bench.latency import WARM_S, Latency
from bench.result import Result, load
from bench.sustain import Sustain

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the result goes: in bench/out it would be the newest, which other measurements take their rates from."""
    path = tmp_path / "result.json"

    def save(result: Result[Any]) -> Path:
        path.write_bytes(msgspec.json.encode(result))
        return path

    monkeypatch.setattr(options, "save", save)
    return path


def run(command: click.Command, *arguments: str) -> str:
    done = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert "Error: " not in done.output, done.output
    assert "FAILED" not in done.output, done.output
    return done.output


def test_latency_measures_every_event_at_both_ends(kept: Path) -> None:
    output = run(latency_command, "--rates", "idle,300", "--seconds", "2", "--turns", "1", "--namespaces", "5")
    assert "300" in output
    found = load(kept, Latency).data
    assert [measured.step.name for measured in found.steps] == ["idle", "300"]
    for measured in found.steps:
        counted = round(measured.step.rate * 2)
        for turn in [*measured.turns, measured.untapped]:
            assert turn.wrong() == ""
            assert turn.wrote.request.count == counted + round(measured.step.rate * WARM_S)
            assert turn.wrote.late_us.count == turn.wrote.request.count
            assert turn.times.append_to_append_ms.count == counted
        [tapped] = measured.turns
        assert tapped.times.intended_to_read_us.count == tapped.times.source_to_destination_us.count == counted
        assert measured.untapped.times.intended_to_read_us.count == 0


def test_latency_counts_those_that_were_not_watched_too(kept: Path) -> None:
    run(latency_command, "--rates", "4000", "--seconds", "1", "--turns", "1", "--namespaces", "4", "--late-ms", "1e6")
    [measured] = load(kept, Latency).data.steps
    [turn] = measured.turns
    assert turn.watched == 2
    assert turn.wrong() == ""
    assert turn.times.append_to_append_ms.count == 4_000
    assert 1_500 < turn.times.source_to_destination_us.count < 2_500


def test_sustain_ends_with_a_bracket_and_loses_nothing(kept: Path) -> None:
    # Few records at a time: a limit of some thousands a second is found sooner than one of tens of thousands.
    slow = ("--set", "INFLIGHT_RECORDS=5", "--first", "300", "--width", "1.5")
    output = run(sustain_command, *slow, "--seconds", "4", "--turns", "1", "--namespaces", "5")
    assert "sustained" in output
    found = load(kept, Sustain).data
    assert found.missing == 0
    [turn] = found.turns
    assert turn.bracket.holds < turn.bracket.fails <= turn.bracket.holds * 1.5
    assert turn.held()
    assert all(len(probe.samples) == len(probe.cpus) for probe in turn.probes)
