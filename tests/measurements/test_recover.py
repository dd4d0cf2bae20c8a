"""`python -m bench recover` and `plan --check` for some seconds: that they run, and that nothing is lost.

No time is asserted, and so not whether the model holds: the machine is shared.
"""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from bench.commands.compare import compare_command
from bench.commands.plan import plan_command
from bench.commands.recover import recover_command
from bench.plan.check import Check
from bench.recover import Recover
from bench.result import load

pytestmark = pytest.mark.timeout(400)


def run(command: click.Command, *arguments: str) -> str:
    done = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert "Error: " not in done.output, done.output
    assert "FAILED" not in done.output, done.output
    return done.output


def test_recover_drains_backlogs_and_has_killed_workers_back(kept: Path) -> None:
    small = ("--minutes", "0.05,0.1", "--rate", "300", "--turns", "1", "--namespaces", "5")
    output = run(recover_command, *small, "--kills", "2")
    assert "its partition moves again" in output
    found = load(kept, Recover).data
    assert [(each.minutes, each.events, len(each.wall_s)) for each in found.drained] == [
        (0.05, 900, 1),
        (0.1, 1_800, 1),
    ]
    assert all(wall_s > 0 for each in found.drained for wall_s in each.wall_s)
    assert [kill.partition for kill in found.killed] == [0, 1]
    assert all(kill.missing == 0 and kill.moved_s > 0 and kill.other_gap_s > 0 for kill in found.killed)


def test_recover_has_the_events_of_a_load(kept: Path) -> None:
    run(recover_command, "--load", "resync", "--namespaces", "3", "--minutes", "", "--rate", "200", "--kills", "1")
    found = load(kept, Recover).data
    assert found.drained == []
    assert found.shape.resync == 1.0
    [kill] = found.killed
    assert kill.missing == 0


def test_a_plan_is_made_from_a_comparison_and_checked_on_this_machine(kept: Path) -> None:
    # Enough events that their CPU is more than the noise of a start.
    run(compare_command, "--peers", "", "--destinations", "3,12", "--events", "60000", "--turns", "1")
    costs = kept.rename(kept.with_name("compare-1.json"))
    assert "The figures" in run(plan_command, "--story", "small", "--from", str(costs))
    small = ("--check-events", "20000", "--check-turns", "1")
    output = run(plan_command, "--check", "--from", str(costs), *small)
    assert "The model" in output
    found = load(kept, Check).data
    assert found.events == 20_000
    assert found.raw.case.shape.namespaces == 6
    assert [turn.events for turn in found.raw.turns] == [20_000]
    assert len(found.deviations) == 3
