"""What each figure changes, and what is said of `sweep` and `scale`."""

import math
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from click.testing import CliRunner
from rich.console import Console

from bench.broker import Target
from bench.cases import Case, Measured, Plan, Tell
from bench.commands import options
from bench.commands.scale import scale_command, workers_of
from bench.commands.sweep import NAMES, sweep_command, wanted_of
from bench.drain import DrainFailedError
from bench.load import Shape
from bench.result import Result, load
from bench.scale import Scale, cases_of, law_of, numbers_of_workers, why_no_law
from bench.sweep import BASE, FIGURES, Series, Sweep, Wanted
from bench.tables.scale import law_table, scale_table
from bench.tables.sweep import sweep_tables
from bench.usl import Bounded, Fit
from fanout import client
from fanout.settings import Settings
from tests.unit.measuring import drained, measured, shown

USUAL = Settings(endpoint="here", topic="events")


@pytest.mark.parametrize(
    ("figure", "value", "changed"),
    [
        ("destinations", "5000", {"name": "5,000 destinations", "shape": Shape(namespaces=5_000)}),
        ("event size", "2200", {"name": "2,200 bytes", "shape": Shape(namespaces=100, size_bytes=2_200)}),
        ("skew", "1.5", {"name": "skew 1.5", "shape": Shape(namespaces=100, skew=1.5)}),
        ("linger", "20", {"name": "linger 20 ms", "settings": {"KAFKA_PRODUCER_LINGER_MS": "20"}}),
        ("round size", "5000", {"name": "rounds of 5,000", "settings": {"INFLIGHT_RECORDS": "5000"}}),
        ("producers", "25", {"name": "25 destinations a producer", "settings": {"PRODUCER_TOPICS": "25"}}),
        ("partitions", "4", {"name": "4 partitions", "partitions": 4}),
        ("compression in", "zstd", {"name": "zstd in", "compression": "zstd"}),
        ("compression out", "lz4", {"name": "lz4 out", "settings": {"KAFKA_PRODUCER_COMPRESSION_TYPE": "lz4"}}),
        ("round trip", "0.5", {"name": "0.5 ms away", "rtt_ms": 0.5, "proxied": True}),
    ],
)
def test_a_figure_changes_one_thing_and_leaves_the_rest(figure: str, value: str, changed: dict[str, object]) -> None:
    assert FIGURES[figure].case(value) == msgspec.structs.replace(BASE, **changed)


def test_at_no_distance_a_proxy_is_between_too_so_that_distance_alone_is_compared() -> None:
    assert [FIGURES["round trip"].case(value).behind_proxy for value in FIGURES["round trip"].values] == [True] * 3


def test_what_is_told_as_the_default_is_the_default() -> None:
    assert FIGURES["destinations"].usual == str(BASE.shape.namespaces)
    assert FIGURES["event size"].usual == str(BASE.shape.size_bytes)
    assert FIGURES["skew"].usual == f"{BASE.shape.skew:g}"
    assert FIGURES["linger"].usual == str(client.producer(USUAL, 1)["linger.ms"])
    assert FIGURES["round size"].usual == str(USUAL.inflight_records)
    assert FIGURES["producers"].usual == str(USUAL.producer_topics)
    assert FIGURES["partitions"].usual == str(BASE.partitions)
    assert FIGURES["compression in"].usual == BASE.compression
    assert not client.is_compressed(USUAL)


@pytest.mark.parametrize("figure", FIGURES)
def test_every_figure_has_its_default_among_its_values_and_makes_a_case_of_each(figure: str) -> None:
    one = FIGURES[figure]
    assert one.usual in one.values
    assert len({one.case(value).name for value in one.values}) == len(one.values) >= 3


@pytest.mark.parametrize(
    ("figure", "value", "told"),
    [
        ("destinations", "0", "is no whole number of 1 or more"),
        ("destinations", "1e3", "is no whole number"),
        ("skew", "-1", "is no number of 0 or more"),
        ("linger", "nan", "is no number"),
        ("round trip", "inf", "is no number"),
        ("compression in", "gzip", "is none of none, lz4, zstd"),
    ],
)
def test_a_value_that_is_none_is_refused_with_the_reason(figure: str, value: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        FIGURES[figure].case(value)


def test_all_figures_are_swept_by_default_and_those_named_in_their_order() -> None:
    assert [each.figure for each in wanted_of((), "")] == list(FIGURES)
    assert [each.figure for each in wanted_of(("round-trip", "skew", "skew"), "")] == ["round trip", "skew"]
    assert wanted_of(("linger",), "1, 7") == [Wanted("linger", ["1", "7"])]


def test_on_the_users_cluster_what_takes_a_proxy_is_left_out_and_refused_by_name() -> None:
    assert [each.figure for each in wanted_of((), "", local=False)] == [
        name for name in FIGURES if name != "round trip"
    ]
    assert [each.figure for each in wanted_of(("skew",), "", local=False)] == ["skew"]
    with pytest.raises(click.UsageError, match="round-trip: a proxy would add the distance"):
        wanted_of(("skew", "round-trip"), "", local=False)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--values", "1"], "--values is for one figure"),
        (["skew", "linger", "--values", "1"], "--values is for one figure"),
        (["skew", "--values", "1,x"], "'x' is no number of 0 or more"),
        (["lingering"], "'lingering' is not one of"),
    ],
)
def test_what_cannot_be_swept_is_told_before_anything_is_begun(arguments: list[str], told: str) -> None:
    done = CliRunner().invoke(sweep_command, arguments)
    assert done.exit_code == 2
    assert told in done.output


def test_its_help_has_every_figure_with_its_values() -> None:
    text = CliRunner().invoke(sweep_command, ["--help"]).output
    for name, figure in NAMES.items():
        assert f"  {name}: {', '.join(FIGURES[figure].values)}" in text
        assert FIGURES[figure].about in text


def series(*costs: list[float], figure: str = "linger", **changed: Any) -> Series:  # noqa: ANN401
    found = [measured(cost, **changed) for cost in costs]
    return Series(
        figure=figure, unit=FIGURES[figure].unit, values=list(FIGURES[figure].values[: len(costs)]), measured=found
    )


def test_a_cost_is_told_as_a_multiple_of_the_first_ones_in_the_same_turn() -> None:
    found = series([8.0, 16.0, 10.0], [4.0, 16.0, 5.0])
    assert found.relative(0) == pytest.approx([1.0, 1.0, 1.0])
    assert found.relative(1) == pytest.approx([0.5, 1.0, 0.5])


def test_where_a_turn_costs_no_more_than_a_start_there_is_no_multiple() -> None:
    found = series([8.0, -0.1], [4.0, 4.0])
    assert found.relative(1) == []
    assert " - " in shown(*sweep_tables(Sweep(events=10, series=[found])))


def cells(text: str) -> list[list[str]]:
    """The rows of a table, its head left out."""
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if line.startswith("│")]


def test_each_figure_has_a_table_with_its_default_marked() -> None:
    found = Sweep(events=300_000, series=[series([8.0, 16.0, 10.0], [4.0, 16.0, 5.0], requests_per_event=0.1)])
    text = shown(*sweep_tables(found))
    assert (
        "Linger: linger.ms of the producers (KAFKA_PRODUCER_LINGER_MS); 300,000 events to 100 destinations, 3 turns"
        in text
    )
    first, second = cells(text)
    assert [first[0], second[0]] == ["0", "1 (default)"]
    assert second[1:3] == ["0.50 (0.50-1.00)", "5.00 (4.00-16.0)"]
    assert second[6] == "10.0"
    assert "round trip ms" not in text


def test_what_a_round_trip_really_took_is_told_beside_what_was_asked_for() -> None:
    found = series([8.0, 8.0, 9.0], [9.0, 9.0, 9.0], figure="round trip", round_trip_ms=2.34)
    text = shown(*sweep_tables(Sweep(events=300_000, series=[found])))
    assert [row[-1] for row in cells(text)] == ["2.34", "2.34"]
    assert "A proxy is between at every value" in " ".join(text.split())


def test_what_was_swept_before_a_failure_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(plan: Plan, tell: Tell, target: Target) -> list[Measured]:
        if any(case.settings for case in plan.cases):
            raise DrainFailedError("1 ms: events-fanout exited with 1")
        return [measured(case=case) for case in plan.cases]

    def keep(result: Result[Sweep], _: Console) -> None:
        (tmp_path / "kept").write_bytes(msgspec.json.encode(result))

    monkeypatch.setattr("bench.sweep.measure", measure)
    monkeypatch.setattr(options, "keep", keep)
    done = CliRunner().invoke(sweep_command, ["skew", "linger", "partitions"])
    assert done.exit_code == 1
    assert "broken off: 1 ms: events-fanout exited with 1" in done.output
    assert [each.figure for each in load(tmp_path / "kept", Sweep).data.series] == ["skew"]


@pytest.mark.parametrize("width", [80, 110, 160])
def test_no_figure_is_cut_however_narrow_the_terminal(width: int) -> None:
    far = series([8.0, 18.0, 9.0], [19.0, 9.0, 9.0], figure="round trip", round_trip_ms=2.34)
    text = shown(*sweep_tables(Sweep(events=300_000, series=[far])), scale_table(scaled(3, 2)), width=width)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width


def test_workers_go_from_one_to_the_cores_and_are_two_at_least() -> None:
    assert numbers_of_workers(1) == numbers_of_workers(2) == [1, 2]
    assert numbers_of_workers(8) == list(range(1, 9))
    assert numbers_of_workers(16) == [*range(1, 9), 10, 12, 15, 16]
    many = numbers_of_workers(128)
    assert (many[-1], len(many)) == (128, len(set(many)))
    assert len(many) < 25


def test_there_are_as_many_partitions_as_workers_whatever_the_settings_say() -> None:
    one, three = cases_of([1, 3], Shape(namespaces=5), {"WORKERS_MAX": "1", "SLIM": "true"})
    assert (one.name, one.partitions, one.workers) == ("1 worker", 1, 1)
    assert (three.name, three.partitions, three.workers) == ("3 workers", 3, 3)
    assert three.settings == {"WORKERS_MAX": "3", "SLIM": "true"}


def scaled(most: int, cores: int, kappa: float = 0.002) -> Scale:
    """Throughput that follows a law with contention of 5 %."""
    found = []
    for workers in range(1, most + 1):
        rate = 50_000 * workers / (1 + 0.05 * (workers - 1) + kappa * workers * (workers - 1))
        events = 300_000 * workers
        turn = drained(events, 0.5 + events * 8e-6, 2.0 + events / rate, workers=workers)
        case = Case(name=f"{workers} workers", shape=Shape(namespaces=100), partitions=workers)
        found.append(measured(case=case, turns=[turn] * 2))
    counts = list(range(1, most + 1))
    return Scale(events=300_000, workers=counts, measured=found, fit=law_of(counts, found, cores))


def test_with_cores_enough_the_law_is_found_again() -> None:
    found = scaled(8, cores=8)
    assert found.fit is not None
    assert found.fit.sigma.value == pytest.approx(0.05, rel=1e-3)
    assert found.fit.kappa.value == pytest.approx(0.002, rel=1e-3)
    assert found.fit.peak.value == pytest.approx(math.sqrt(0.95 / 0.002), rel=1e-3)
    text = shown(law_table(found.fit))
    assert "sigma, contention" in text
    assert "0.0500" in text


@pytest.mark.parametrize(
    ("most", "cores", "told"), [(8, 7, "7 cores, shared with the broker"), (5, 8, "below six numbers of workers")]
)
def test_with_too_few_cores_or_points_there_is_none_and_the_reason_is_told(most: int, cores: int, told: str) -> None:
    assert scaled(most, cores).fit is None
    assert told in why_no_law(cores)


def test_a_law_without_a_peak_can_be_read_again() -> None:
    found = scaled(8, cores=8, kappa=0.0)
    assert found.fit is not None
    assert found.fit.peak.high == math.inf
    again = msgspec.json.decode(msgspec.json.encode(found), type=Scale)
    assert again.fit == found.fit
    nowhere = Bounded(math.inf, math.inf, math.inf)
    peak = shown(law_table(Fit(found.fit.gamma, found.fit.sigma, found.fit.kappa, nowhere, 0.0))).splitlines()
    assert next(line for line in peak if "peak, workers" in line).count("none") == 3


def test_the_table_of_workers_tells_the_rate_of_all_and_of_each() -> None:
    text = shown(scale_table(scaled(2, cores=2, kappa=0.0)))
    assert "300,000 events for each worker, 100 destinations, 1,100 bytes, 2 turns" in text
    one, two = cells(text)
    assert one[:3] == ["1", "50,000 (50,000-50,000)", "50,000"]
    assert two[:3] == ["2", "95,238 (95,238-95,238)", "47,619"]
    assert two[3] == "8.00 (8.00-8.00)"


def test_numbers_of_workers_are_sorted_and_checked() -> None:
    assert workers_of("4,1,2,2") == [1, 2, 4]
    for wrong in ("0,1", "two", ","):
        done = CliRunner().invoke(scale_command, ["--workers", wrong])
        assert done.exit_code == 2
        assert "expected numbers above 0" in done.output
