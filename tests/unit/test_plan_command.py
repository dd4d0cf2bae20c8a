"""`python -m bench plan`: what it takes, what it prints, and what it says when there is nothing to plan from."""

import io
import math
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from bench import result
from bench.cases import Case, Measured
from bench.commands.plan import plan_command
from bench.compare import Comparison, Plan, Round
from bench.cpu import Running
from bench.drain import Turn
from bench.load import Shape
from bench.plan import sources, units
from bench.plan.plan import plan_of
from bench.plan.show import LABELS, show
from bench.plan.stories import STORIES
from bench.throughput import Throughput
from tests.unit.planning import grown

MACHINE = result.Machine("a made-up CPU", 2, 8 * 2**30, "6.0")


def turn(peer: str, events: int, cpu_s: float, wall_s: float) -> Turn:
    """A tenth of the CPU is the supervisor's, of 40 MB; the rest that of two workers of 130 MB."""
    processes = [
        Running(user_s=cpu_s * share, system_s=0.0, peak_bytes=peak, threads=10, connections=3)
        for share, peak in ((0.1, 40_000_000), (0.45, 130_000_000), (0.45, 120_000_000))
    ]
    return Turn(peer, events, cpu_s, cpu_s * 0.7, cpu_s * 0.3, wall_s, events * 4e-6, processes)


def comparison(*peers: str) -> Comparison:
    """400 000 events at 8 us besides a second of start and stop, in 4 s besides 2; two workers."""
    idle = [turn(peer, 2, 1.0, 2.0) for peer in peers]
    turns = [
        [turn(peer, 400_000, 1.0 + 3.2 * drift, 2.0 + 4.0 * drift) for peer in peers] for drift in (0.95, 1.0, 1.1)
    ]
    plan = Plan(destinations=[20, 1_000], events=400_000, turns=3, shape=Shape(namespaces=0))
    return Comparison(plan, [Round(count, idle, turns) for count in plan.destinations])


def throughput() -> Throughput:
    """The same turns as of the comparison, with two workers on four partitions, and requests that were counted."""
    (measured, _) = comparison("events-fanout").rounds
    case = Case(name="20 destinations", shape=Shape(namespaces=20), partitions=4, settings={"WORKERS_MAX": "2"})
    turns = [turn for (turn,) in measured.turns]
    return Throughput(
        events=400_000, measured=[Measured(case=case, idle=measured.idle[0], turns=turns, requests_per_event=0.05)]
    )


def written(folder: Path, name: str, data: object, cluster: str = "local broker") -> Path:
    path = folder / f"{name}.json"
    made = result.Result(
        name=name.split("-", maxsplit=1)[0],
        begun="",
        took_s=1.0,
        command="",
        machine=MACHINE,
        versions={},
        cluster=cluster,
        data=data,
    )
    path.write_bytes(msgspec.json.encode(made))
    return path


@pytest.fixture
def compared(tmp_path: Path) -> Path:
    return written(tmp_path, "compare-20260101-000000", comparison("franz-go", "events-fanout"))


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(plan_command, [str(argument) for argument in arguments])


def test_a_comparison_gives_points_of_ours_without_start_and_stop_and_for_one_worker() -> None:
    points = sources.of_comparison(comparison("franz-go", "events-fanout"), "a.json")
    assert [point.destinations for point in points] == [20, 1_000]
    assert points[0].cpu_us == pytest.approx([7.6, 8.0, 8.8])
    assert points[0].wall_events_per_s == pytest.approx([400_000 / 2 / seconds for seconds in (3.8, 4.0, 4.4)])
    assert points[0].workers == 2
    assert points[0].size_bytes == 1_100
    assert points[0].start_up_s == [2.0]
    assert points[0].broker_us == pytest.approx([4.0] * 3)
    assert points[0].supervisor_us == pytest.approx([0.76, 0.8, 0.88])
    assert (points[0].worker_peak_bytes, points[0].supervisor_peak_bytes) == (130_000_000, 40_000_000)


def test_a_throughput_gives_the_points_of_the_same_turns_with_the_requests() -> None:
    (point,) = sources.of_throughput(throughput(), "a.json")
    like, _ = sources.of_comparison(comparison("events-fanout"), "a.json")
    assert point == msgspec.structs.replace(like, requests_per_event=0.05)


def test_events_of_which_some_are_updated_have_one_size_for_all_points_the_one_that_was_measured() -> None:
    [first] = throughput().measured
    shape = msgspec.structs.replace(first.case.shape, updated=1.0, size_bytes=1_000)
    cases = [msgspec.structs.replace(first.case, shape=msgspec.structs.replace(shape, namespaces=n)) for n in (20, 500)]
    found = [
        msgspec.structs.replace(first, case=case, value_bytes=nbytes)
        for case, nbytes in zip(cases, (1_140.5, 1_120.5), strict=True)
    ]
    points = sources.of_throughput(Throughput(events=400_000, measured=found), "a.json")
    assert [(point.destinations, point.size_bytes) for point in points] == [(20, 1_130), (500, 1_130)]
    plain = msgspec.structs.replace(first, value_bytes=1_105.0)
    [point] = sources.of_throughput(Throughput(events=400_000, measured=[plain]), "a.json")
    assert point.size_bytes == 1_100, "what was asked for: all but a few have just that"


def test_what_was_measured_on_the_users_cluster_says_so_and_nothing_of_the_brokers_cpu(tmp_path: Path) -> None:
    [found] = throughput().measured
    turns = [msgspec.structs.replace(turn, broker_cpu_s=math.nan) for turn in found.turns]
    own = Throughput(events=400_000, measured=[msgspec.structs.replace(found, turns=turns, requests_per_event=None)])
    path = written(tmp_path, "throughput-1", own, cluster="kafka:9092, 3 brokers")
    costs = sources.costs_from([path])
    assert costs.broker_us is None
    assert costs.machine == "2 cores of a made-up CPU with kafka:9092, 3 brokers"
    assert sources.costs_from([written(tmp_path, "throughput-2", throughput())]).machine == "2 cores of a made-up CPU"
    done = run("--story", "churn", "--from", path)
    assert done.exit_code == 0, done.output
    assert " nan" not in done.output


def test_a_plan_from_a_throughput_does_not_say_that_requests_were_not_counted(tmp_path: Path) -> None:
    told = "Produce requests were not counted"
    assert told in run("--story", "churn", "--from", written(tmp_path, "compare-1", comparison("events-fanout"))).output
    done = run("--story", "churn", "--from", written(tmp_path, "throughput-1", throughput()))
    assert done.exit_code == 0, done.output
    assert told not in done.output


def test_of_a_backlog_that_takes_no_longer_than_a_start_the_start_is_not_taken_off() -> None:
    short = msgspec.structs.replace(turn("events-fanout", 100, 1.0, 2.1), cpu_s=1.1)
    measured = Round(20, [turn("events-fanout", 2, 1.0, 2.0)], [[short]])
    plan = Plan(destinations=[20], events=100, turns=1, shape=Shape(namespaces=0))
    (point,) = sources.of_comparison(Comparison(plan, [measured]), "a.json")
    assert point.wall_events_per_s == pytest.approx([100 / 2.1 / 2])


def test_it_says_what_to_do_first_and_then_every_figure(compared: Path) -> None:
    done = run("--story", "churn", "--from", compared)
    assert done.exit_code == 0, done.output
    assert done.output.index("A source of 12 partitions") < done.output.index("The figures")
    for label in [label for labels in LABELS.values() for label in labels.values()]:
        assert label in done.output, label
    assert (
        "[1] rate of a worker: compare-20260101-000000.json, between 20 and 1000 destinations (3 turns" in done.output
    )
    assert "2 cores of a made-up CPU" in done.output


def test_numbers_that_are_given_replace_those_of_the_story(compared: Path) -> None:
    done = run("--story", "seed", "--partitions", "3", "--outage", "90min", "--pod-memory", "1Gi", "--output", "json",
               "--from", compared)  # fmt: skip
    demand = msgspec.json.decode(done.output)["demand"]
    assert (demand["partitions"], demand["outage_s"], demand["pod_memory_bytes"]) == (3, 5_400, 2**30)
    assert demand["source_retention_s"] == STORIES["seed"].demand.source_retention_s


def test_what_cannot_be_done_ends_with_1_and_says_what_is_needed(compared: Path) -> None:
    done = run("--story", "seed", "--peak-per-s", "50000", "--from", compared)
    assert done.exit_code == 1
    assert "This cannot be done: one partition cannot bear this" in done.output
    assert "partitions at least" in done.output


def test_without_a_result_it_says_which_command_makes_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.commands.plan.newest_result", lambda: sources.newest_result(tmp_path))
    done = run("--story", "small")
    assert done.exit_code == 1
    assert "has no result of compare or throughput" in done.output
    assert "python -m bench throughput" in done.output


def test_the_newest_result_is_taken(tmp_path: Path) -> None:
    for name in ("compare-20260101-000000", "compare-20260102-000000", "chaos-20260103-000000"):
        written(tmp_path, name, comparison("events-fanout"))
    assert sources.newest_result(tmp_path).name == "compare-20260102-000000.json"
    written(tmp_path, "throughput-20260102-000001", throughput())
    assert sources.newest_result(tmp_path).name == "throughput-20260102-000001.json"


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("chaos-1", comparison("events-fanout"), "is a result of chaos"),
        ("compare-1", comparison("franz-go"), "no measurement of events-fanout itself"),
        ("compare-1", {"plan": 1}, "is no result that this version can read"),
        ("throughput-1", {"plan": 1}, "is no result that this version can read"),
        ("throughput-1", Throughput(events=1, measured=[]), "no measurement of events-fanout itself"),
    ],
)
def test_a_result_of_something_else_is_refused(tmp_path: Path, name: str, data: object, told: str) -> None:
    done = run("--story", "small", "--from", written(tmp_path, name, data))
    assert done.exit_code == 1
    assert told in done.output


def test_a_file_of_anything_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "compare-1.json"
    path.write_text("[]")
    assert "is no result of a measurement" in run("--story", "small", "--from", path).output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--namespaces", "3"], "--events-per-s, --peak-per-s missing"),
        (["--story", "small", "--headroom", "2"], "headroom is 2.0"),
        (["--story", "small", "--outage", "3 weeks"], "'3 weeks' is no duration"),
        (["--story", "small", "--pod-memory", "much"], "'much' is no number with a unit"),
    ],
)
def test_wrong_numbers_are_told(compared: Path, arguments: list[str], told: str) -> None:
    done = run(*arguments, "--from", compared)
    assert done.exit_code == 2
    assert told in done.output


def test_its_help_has_all_stories_and_examples() -> None:
    text = run("--help").output
    assert all(f"  {name}: {story.about}" in text for name, story in STORIES.items())
    assert "python -m bench plan --story hub" in text


def test_names_in_brackets_are_shown_and_not_taken_for_markup() -> None:
    made = plan_of(STORIES["small"].demand, grown())
    console = Console(width=100, record=True, file=io.StringIO())
    show(msgspec.structs.replace(made, advice=["[bold]as it is[/bold]"]), console, "[red]title")
    text = console.export_text()
    assert "[bold]as it is[/bold]" in text
    assert "[red]title" in text
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("width", [80, 100, 130, 200])
def test_every_figure_with_its_reason_is_shown_however_narrow_the_terminal(width: int) -> None:
    made = plan_of(STORIES["hub"].demand, grown())
    console = Console(width=width, record=True, file=io.StringIO())
    show(made, console, "hub")
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text  # nothing is cut
    words = " ".join(text.replace("│", " ").split())
    assert "WORKERS_MAX" in words
    for group, labels in LABELS.items():
        for name, label in labels.items():
            assert label in words
            reason = getattr(getattr(made, group), name).because
            # Cells of a table are told apart by lines, so a sentence is looked for by its words.
            assert set(reason.split()) <= set(words.split()), label


def test_each_part_of_a_plan_that_is_a_figure_has_a_label() -> None:
    made = plan_of(STORIES["churn"].demand, grown())
    for group, labels in LABELS.items():
        assert tuple(labels) == getattr(made, group).__struct_fields__
    assert Counter(label for labels in LABELS.values() for label in labels.values()).most_common(1)[0][1] == 1


@pytest.mark.parametrize(
    ("text", "value"), [("90", 90), ("1.5h", 5_400), ("30 min", 1_800), ("30m", 1_800), ("7d", 604_800), ("5ms", 0.005)]
)
def test_durations_are_read(text: str, value: float) -> None:
    assert units.seconds(text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "value"), [("1100", 1_100), ("1.1kB", 1_100), ("512Mi", 512 * 2**20), ("512MiB", 512 * 2**20), ("2G", 2e9)]
)
def test_sizes_are_read(text: str, value: float) -> None:
    assert units.nbytes(text) == value


@pytest.mark.parametrize(
    ("low", "high", "unit", "text"),
    [
        (321e6, 379e6, "bytes/s", "321 to 379 MB/s"),
        (900e3, 1.5e6, "bytes", "900 kB to 1.5 MB"),
        (0.1, 0.25, "cores", "100m to 250m"),
        (240, 300, "s", "4 to 5 min"),
        (60, float("inf"), "s", "60 s to never"),
        (2, 3, "", "2 to 3"),
    ],
)
def test_bounds_share_their_unit(low: float, high: float, unit: str, text: str) -> None:
    assert units.span(low, high, unit) == text


@pytest.mark.parametrize("text", ["", "-1", "1 hour", "1h30", "h", "1e3"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        units.seconds(text)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.27, "s", "0.27 s"),
        (100, "s", "100 s"),
        (119.4, "s", "119 s"),
        (119.6, "s", "2 min"),
        (276, "s", "4 min 36 s"),
        (3_599, "s", "1 h"),
        (3_560, "s", "59 min"),
        (7_140, "s", "1 h 59 min"),
        (7_199.9, "s", "2 h"),
        (39_300, "s", "11 h"),
        (604_800, "s", "7 d"),
        (float("inf"), "s", "never"),
        (float("-inf"), "s", "none"),
        (-90, "s", "-90 s"),
        (0.0004, "share", "under 0.1 %"),
        (0.0, "share", "0 %"),
        (0.071, "share", "7.1 %"),
        (0.998, "share", "100 %"),
        (1.04, "share", "104 %"),
        (2.5, "cores", "2500m"),
        (4.0, "cores", "4"),
        (350e6, "memory", "334Mi"),
        (4 * 2**30, "memory", "4Gi"),
        (1_400_000.0, "records", "1400000"),
        (1.18e12, "bytes", "1.18 TB"),
        (641e6, "bytes/s", "641 MB/s"),
        (45_678.9, "events/s", "45,700 events/s"),
        (5_002, "topics", "5,002 topics"),
        (1_742_400, "", "1.74 million"),
        (0.0023, "", "0.0023"),
    ],
)
def test_figures_are_written_as_one_says_them(value: float, unit: str, text: str) -> None:
    assert units.written(value, unit) == text
