"""How many events a program of the comparison has to drain, and what the tables say of it; all figures are made up."""

import io

import pytest
from rich.console import Console
from rich.table import Table

from bench.compare import Plan, backlog
from bench.load import Shape
from bench.peers.peer import Job, Peer, Started
from bench.tables.compare import backlogs, cpu_us, ratio_table, ratios, table
from tests.unit import results


def never(_: Job) -> Started:
    raise AssertionError("nothing is started here")


@pytest.mark.parametrize(("events_max", "events"), [(None, 1_000), (100, 100), (1_000, 1_000), (5_000, 1_000)])
def test_a_program_drains_all_events_or_as_many_as_it_can_bear(events_max: int | None, events: int) -> None:
    plan = Plan(destinations=[1], events=1_000, turns=1, shape=Shape(namespaces=1))
    assert backlog(plan, Peer("slow", lambda: None, never, events_max=events_max)) == events


def rows(table: Table) -> list[list[str]]:
    """What is printed, in cells."""
    console = Console(file=io.StringIO(), width=300)
    console.print(table)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    return [[cell.strip() for cell in line.strip("│┃").replace("┃", "│").split("│")] for line in printed.splitlines()]


def test_the_title_tells_which_program_had_a_smaller_backlog() -> None:
    assert backlogs(results.compared()) == "400,000 events (confluent-naive 5,000)"
    assert backlogs(results.compared((20,), {"events-fanout": 8.0})) == "400,000 events"
    assert rows(table(results.compared()))[0] == ["400,000 events (confluent-naive 5,000) of 1,100 bytes, 3 turns"]


def test_cpu_is_for_each_event_and_ratios_are_of_one_turn() -> None:
    [measured] = results.compared((1_000,), {"events-fanout": 8.0, "go-original": 32.0}).rounds
    assert cpu_us(measured, 1) == pytest.approx([60.8, 64.0, 67.2])
    assert ratios(measured, 1) == pytest.approx([0.25] * 3)


def test_a_row_has_the_median_with_least_and_most_and_the_ratio_to_the_first_program() -> None:
    found = {row[1]: row for row in rows(table(results.compared((1_000,)))) if row[0] == "1,000"}
    assert found["events-fanout"] == [
        "1,000", "events-fanout", "16.0 (15.2-16.8)", "14.8 (14.0-15.5)", "44,444", "6.00 (6.00-6.00)", "240", "", "",
    ]  # fmt: skip
    assert found["franz-go"][-2:] == ["2.00 (2.00-2.00)", "2.19 (2.17-2.20)"]
    assert found["confluent-naive"][2] == "1,800 (1,710-1,890)"
    assert found["confluent-naive"][-2].startswith("0.0089 ("), "a ratio of 0.01 would say little"


def test_an_ab_has_the_interval_of_its_ratio() -> None:
    found = rows(ratio_table(results.compared((100,), {"events-fanout": 8.0, "at-0123456": 10.0}, 5)))
    assert ["100", "events-fanout / at-0123456", "0.800", "0.800", "0.800"] in found
