"""`python -m bench plan --check`: which drain it is, and what it says when the model does not hold. Nothing is run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from click.testing import Result as Ended
from rich.console import Console

from bench import result
from bench.broker import Target
from bench.cases import Case, Measured, Plan
from bench.commands import options
from bench.commands import plan as command
from bench.compare import Comparison, Round
from bench.compare import Plan as ComparePlan
from bench.cpu import Running
from bench.drain import DrainFailedError, Turn
from bench.load import Shape
from bench.plan.check import Check, between, case_from, check_of, plan_of_check, this_machine
from bench.plan.costs import Costs
from bench.throughput import Throughput
from tests.unit.planning import grown

HERE = "a made-up machine"  # that of the costs, too
CPU_S, START_S = 1.0, 2.0  # of a drain of two events


def drained(events: int, cpu_us: float, per_s: float) -> Turn:
    """A drain at this CPU for each event and at this rate, besides its start and stop."""
    cpu_s = CPU_S + events * cpu_us / 1e6
    processes = [
        Running(user_s=cpu_s * share, system_s=0.0, peak_bytes=100_000_000, threads=10, connections=3)
        for share in (0.1, 0.45, 0.45)
    ]
    return Turn("events-fanout", events, cpu_s, cpu_s, 0.0, START_S + events / per_s, events * 4e-6, processes)


def measured(plan: Plan, cpu_us: float, per_s: float) -> Measured:
    """What such a drain comes to: a turn that is slower, one that is faster, and this one."""
    idle = drained(2, 0.0, 1e9)
    turns = [drained(plan.events, cpu_us * drift, per_s / drift) for drift in (1.05, 0.9, 1.0)]
    return Measured(case=plan.cases[0], idle=idle, turns=turns)


def asked(**changed: Any) -> Plan:  # noqa: ANN401 - any argument
    usual: dict[str, Any] = {"destinations": None, "events": None, "turns": 3}
    return plan_of_check(grown(), Case(name="", shape=Shape(namespaces=0)), **usual | changed)


@pytest.mark.parametrize(
    ("rows", "chosen"), [([20, 100, 1_000], 316), ([100, 200], 141), ([10, 1_000, 2_000], 100), ([50], 50)]
)
def test_it_is_between_the_two_numbers_of_destinations_that_are_furthest_apart(rows: list[int], chosen: int) -> None:
    assert between(rows) == chosen


def test_the_drain_is_one_that_was_not_measured_and_takes_twice_as_long_as_its_start() -> None:
    plan = asked()
    [case] = plan.cases
    assert case.shape.namespaces == 316
    assert case.shape.size_bytes == 1_100
    rate = 2 * 1e6 / grown().wall_us.at(316, 1_100).value
    assert plan.events == pytest.approx(2 * 2.0 * rate, rel=0.1)
    assert plan.events % 10_000 == 0


def test_it_can_be_told_and_the_rest_is_as_it_was_run() -> None:
    like = Case(name="x", shape=Shape(namespaces=5, skew=1.1), partitions=4, settings={"A": "b"}, compression="lz4")
    plan = plan_of_check(grown(), like, 77, 1_000, 2)
    [case] = plan.cases
    assert (plan.events, plan.turns) == (1_000, 2)
    assert (case.partitions, case.settings, case.compression, case.shape.skew) == (4, {"A": "b"}, "lz4", 1.1)
    assert case.shape.namespaces == 77


def test_where_some_events_are_updated_they_are_made_as_they_were_and_predicted_by_their_size() -> None:
    like = Case(name="x", shape=Shape(namespaces=5, size_bytes=900, updated=1.0))
    plan = plan_of_check(grown(), like, 100, 600_000, 3)
    assert plan.cases[0].shape.size_bytes == 900, "the reference of 1 100 bytes is what came of it"
    found = check_of(grown(), plan, msgspec.structs.replace(measured(plan, 9.0, 50_000.0), value_bytes=1_100.2), HERE)
    assert found.predicted.cpu_us == grown().cpu_us.at(100, 1_100).value


def test_what_was_measured_with_another_cluster_is_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.plan.check.machine", lambda: result.Machine("a made-up CPU", 2, 8 * 2**30, "6.0"))
    assert this_machine("local broker") == "2 cores of a made-up CPU"
    there = this_machine("kafka:9092, 3 brokers")
    assert there == "2 cores of a made-up CPU with kafka:9092, 3 brokers"
    assert f"The costs were measured on {HERE}, and this is {there}." in check(asked(), here=there).words


def test_a_backlog_has_a_limit_however_long_the_start_takes() -> None:
    slow = msgspec.structs.replace(grown(), start_up_s=grown().start_up_s.times(100.0, 100.0, 100.0))
    assert plan_of_check(slow, Case(name="", shape=Shape(namespaces=0)), None, None, 3).events == 1_000_000


def expected(plan: Plan) -> tuple[float, float]:
    """CPU and rate by the costs."""
    count = plan.cases[0].shape.namespaces
    return grown().cpu_us.at(count, 1_100).value, 2 * 1e6 / grown().wall_us.at(count, 1_100).value


def check(plan: Plan, cpu: float = 1.0, rate: float = 1.0, costs: Costs | None = None, here: str = HERE) -> Check:
    """One in which so many times the CPU and the rate that were expected are measured."""
    cpu_us, per_s = expected(plan)
    return check_of(costs or grown(), plan, measured(plan, cpu_us * cpu, per_s * rate), here)


def test_what_comes_to_what_was_predicted_holds() -> None:
    found = check(asked())
    assert [abs(deviation.off) < 1e-6 for deviation in found.deviations] == [True] * 3
    assert found.holds
    [verdict] = found.words
    assert verdict.startswith("The model holds here")
    assert found.predicted.cpu_us == pytest.approx(found.measured.cpu_us)
    assert found.rests_on == ["made-up.json"]


def test_start_and_stop_are_in_the_time_to_catch_up_and_not_in_cpu_and_rate() -> None:
    plan = asked(events=600_000)
    cpu_us, per_s = expected(plan)
    found = check(plan).measured
    assert (found.cpu_us, found.events_per_s) == pytest.approx((cpu_us, per_s))
    assert found.catch_up_s == pytest.approx(START_S + 600_000 / per_s)


@pytest.mark.parametrize(
    ("cpu", "rate", "broken", "told", "follows"),
    [
        (1.2, 1.0, [True, False, False], "CPU us per event is 20 % more than predicted, and 15 %", "too small"),
        (0.8, 1.0, [True, False, False], "CPU us per event is 20 % less than predicted", "larger than it has to be"),
        (1.0, 0.6, [False, True, True], "events/s is 40 % less than predicted, and 30 % are allowed", "too small"),
        (1.0, 1.4, [False, True, False], "events/s is 40 % more than predicted", "larger than it has to be"),
        (0.8, 0.6, [True, True, True], "time to catch up is", "too small"),
    ],
)
def test_what_deviates_more_is_told_with_what_follows(
    cpu: float, rate: float, broken: list[bool], told: str, follows: str
) -> None:
    found = check(asked(), cpu, rate)
    assert [not deviation.holds for deviation in found.deviations] == broken
    assert not found.holds
    assert found.words[0].startswith("The model does not hold here")
    assert told in found.words[0]
    assert f"A plan from these costs would be {follows}" in found.words[0]


def test_what_else_may_be_the_reason_is_told() -> None:
    assert "2,000 destinations are not between those measured, 20 to 1,000." in check(asked(destinations=2_000)).words
    assert any("start is most of the time" in word for word in check(asked(events=1_000)).words)
    assert any("Fewer than 3 turns" in word for word in check(asked(turns=1)).words)
    assert "The costs were measured on a made-up machine, and this is another." in check(asked(), here="another").words


def written(folder: Path, name: str, data: object) -> Path:
    path = folder / f"{name}-20260101-000000.json"
    machine = result.Machine("a made-up CPU", 2, 8 * 2**30, "6.0")
    made = result.Result(name=name, begun="", took_s=1.0, command="", machine=machine, versions={}, data=data)
    path.write_bytes(msgspec.json.encode(made))
    return path


def compared() -> Comparison:
    """8 us and 100 000 events a second at 20 destinations, 12 us and 60 000 at 1 000."""
    rounds = [
        Round(count, [drained(2, 0.0, 1e9)], [[drained(400_000, cpu_us, per_s)] for _ in range(3)])
        for count, cpu_us, per_s in ((20, 8.0, 100_000.0), (1_000, 12.0, 60_000.0))
    ]
    shape = Shape(namespaces=0, skew=0.7)
    return Comparison(ComparePlan(destinations=[20, 1_000], events=400_000, turns=3, shape=shape), rounds)


def test_it_is_run_as_what_the_costs_are_from_was(tmp_path: Path) -> None:
    case = case_from([written(tmp_path, "compare", compared())])
    assert (case.shape.skew, case.partitions, case.settings) == (0.7, 2, {})
    like = Case(name="5", shape=Shape(namespaces=5, size_bytes=500), partitions=3, settings={"A": "b"})
    throughput = Throughput(events=10, measured=[measured(Plan(cases=[like], events=10, turns=1), 8.0, 1e5)])
    assert case_from([written(tmp_path, "throughput", throughput)]) == like


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """The command on costs of 142 destinations, between 20 and 1 000; it measures what it is told here."""
    path = written(tmp_path, "compare", compared())
    kept: list[result.Result[Check]] = []

    def keep(made: result.Result[Check], console: Console) -> None:
        kept.append(made)
        console.print("written to its file")

    monkeypatch.setattr(options, "keep", keep)
    monkeypatch.setattr(result, "kafka_version", lambda: "4.3.1")

    def invoke(*arguments: str, cpu_us: float = 10.0, error: Exception | None = None) -> Ended:
        def instead(plan: Plan, tell: Callable[[str, int], None], _: Target) -> Measured:
            tell("measuring", 1)
            if error is not None:
                raise error
            return measured(plan, cpu_us, 76_000.0)

        monkeypatch.setattr(command, "measure", instead)
        done = CliRunner().invoke(command.plan_command, ["--from", str(path), *arguments])
        assert bool(kept) is (error is None and done.exit_code < 2), done.output
        return done

    return invoke


def test_the_command_ends_with_0_where_the_model_holds(run: Callable[..., Ended]) -> None:
    done = run("--check")
    assert done.exit_code == 0, done.output
    assert "141 destinations" in done.output
    assert "The model holds here" in done.output
    assert "compare-20260101-000000.json" in done.output


def test_it_ends_with_1_where_it_does_not(run: Callable[..., Ended]) -> None:
    done = run("--check", cpu_us=12.0)
    assert done.exit_code == 1
    assert "The model does not hold here" in " ".join(done.output.split())
    assert "NO" in done.output


def test_for_programs_it_is_json_and_nothing_else_on_standard_output(run: Callable[..., Ended]) -> None:
    done = run("--check", "--output", "json", "--check-destinations", "50", "--check-events", "700000", cpu_us=12.0)
    assert done.exit_code == 1
    found = msgspec.json.decode(done.stdout, type=Check)
    assert found.events == 700_000
    assert found.raw.case.shape.namespaces == 50
    assert not found.holds


def test_a_drain_that_fails_ends_with_1_and_its_reason(run: Callable[..., Ended]) -> None:
    done = run("--check", error=DrainFailedError("it has lost something"))
    assert done.exit_code == 1
    assert "broken off: it has lost something" in done.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--check", "--story", "hub"], "--story: no part of a --check"),
        (["--check", "--outage", "1h"], "--outage: no part of a --check"),
        (["--story", "small", "--check-events", "5"], "--check-events: only with --check"),
    ],
)
def test_an_option_that_would_have_no_part_in_it_is_refused(arguments: list[str], told: str, tmp_path: Path) -> None:
    path = written(tmp_path, "compare", compared())
    done = CliRunner().invoke(command.plan_command, ["--from", str(path), *arguments])
    assert done.exit_code == 2
    assert told in done.output
