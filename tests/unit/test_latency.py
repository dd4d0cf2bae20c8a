"""What `bench latency` makes of what its writer and its taps have seen; all of it made up."""

import math
import random
from pathlib import Path

import click
import msgspec
import pytest
from click.testing import CliRunner
from rich.console import Console

from bench import result
from bench.commands import latency as command
from bench.histogram import BEYOND, HIGHEST, Histogram
from bench.latency import Latency, Measured, Plan, Step, Turn, watched_names
from bench.load import Shape
from bench.mark import marked, number_of, opened
from bench.pace import Schedule
from bench.rig import Cpu, Setup
from bench.tables.latency import machine_table, times_table
from bench.taps import End, Tapped
from bench.times import Times, overlaps, times
from bench.writer import Write, Wrote
from tests.unit import results

START_S = 86_400.0  # a monotonic clock begins anywhere
RATE = 100.0


def seen(arrived_s: list[float], *, source_s: list[float] | None = None) -> Tapped:
    """What taps tell of events that came at these times; the broker's clock began a year before ours."""
    source_s = source_s or [at_s - 0.001 for at_s in arrived_s]
    ends = [
        End(
            at_ns=[round(at_s * 1e9) for at_s in times_s],
            stamp_ms=[int(at_s * 1e3) + 31_536_000_000 for at_s in times_s],
            again=0,
        )
        for times_s in (source_s, arrived_s)
    ]
    return Tapped(source=ends[0], destination=ends[1], strays=0, cpu_s=0.0)


def stalled() -> tuple[list[float], list[float]]:
    """When 1 000 events are written and read, 100 a second, where nothing is taken from second 5 to second 6.

    The writer is held up, too: what it could not hand over it writes as soon as it can.
    """
    schedule = Schedule(START_S, RATE)
    stall = START_S + 5.0, START_S + 6.0
    written_s, read_s = [], []
    for number in range(1_000):
        intended_s = schedule.at(number)
        first = stall[0] <= intended_s < stall[0] + 1 / RATE
        written_s.append(intended_s if first or not stall[0] <= intended_s < stall[1] else stall[1])
        read_s.append(max(written_s[-1], stall[1] if first else 0.0) + 0.002)
    return written_s, read_s


def test_a_stall_shows_in_every_event_that_was_meant_to_be_written_meanwhile() -> None:
    _, read_s = stalled()
    found = times(seen(read_s), Schedule(START_S, RATE), warm=0).intended_to_read_us
    assert found.percentile(50) == pytest.approx(2_000, rel=0.01)
    assert found.percentile(90.5) > 40_000
    assert found.percentile(99) == pytest.approx(900_000, rel=0.02)
    assert found.highest == pytest.approx(1_002_000, rel=0.01)


def test_counted_from_when_it_was_written_the_same_stall_is_hidden() -> None:
    written_s, read_s = stalled()
    found = Histogram.of((there - here) * 1e6 for here, there in zip(written_s, read_s, strict=True))
    assert found.percentile(99.8) == pytest.approx(2_000, rel=0.01), "one event in a thousand tells of a second"


def test_events_of_the_warm_up_and_those_that_were_not_watched_do_not_count() -> None:
    read_s = [START_S + number / RATE + (1.0 if number < 200 else 0.003) for number in range(1_000)]
    tapped = seen(read_s)
    at_ns = [0 if number % 2 else at_ns for number, at_ns in enumerate(tapped.destination.at_ns)]
    unwatched = msgspec.structs.replace(tapped, destination=msgspec.structs.replace(tapped.destination, at_ns=at_ns))
    found = times(unwatched, Schedule(START_S, RATE), warm=200)
    assert found.intended_to_read_us.count == found.source_to_destination_us.count == 400
    assert found.append_to_append_ms.count == 800, "the broker's stamps are had of all"
    assert found.intended_to_read_us.highest == pytest.approx(3_000, rel=0.01)
    assert found.source_to_destination_us.highest == pytest.approx(1_000, rel=0.01)


def test_the_mean_of_whole_milliseconds_is_right_where_one_of_them_is_not() -> None:
    rng = random.Random(1)
    here_s = [START_S + rng.uniform(0, 100) for _ in range(20_000)]
    found = times(seen([at_s + 0.0023 for at_s in here_s], source_s=here_s), Schedule(START_S, 200.0), warm=0)
    assert found.append_to_append_ms.mean == pytest.approx(2.3, abs=0.02)
    assert {found.append_to_append_ms.percentile(percent) for percent in (10, 50, 90)} == {2.0, 3.0}
    assert found.source_to_destination_us.percentile(50) == pytest.approx(2_300, rel=0.001)


def test_what_did_not_arrive_is_missing() -> None:
    tapped = seen([START_S + number for number in range(10)])
    lost = msgspec.structs.replace(tapped.destination, stamp_ms=[0, *tapped.destination.stamp_ms[1:]])
    assert (tapped.destination.missing, lost.missing) == (0, 1)


def test_events_that_were_due_before_the_one_before_had_arrived_are_counted() -> None:
    late = [START_S + number / RATE + (0.011 if number in {3, 4} else 0.009) for number in range(10)]
    assert overlaps(seen(late), Schedule(START_S, RATE)) == 2


def test_percentiles_are_those_of_all_values_to_three_digits() -> None:
    rng = random.Random(1)
    values = sorted(rng.lognormvariate(8, 1.5) for _ in range(50_000))
    found = Histogram.of(rng.sample(values, len(values)))
    for percent in (50, 90, 99, 99.9, 99.99):
        exact = values[math.ceil(len(values) * percent / 100) - 1]
        assert found.percentile(percent) == pytest.approx(exact, rel=0.002)
    assert found.count == len(values)
    assert found.mean == pytest.approx(sum(values) / len(values), rel=0.002)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Histogram).percentile(99) == found.percentile(99)


@pytest.mark.parametrize(("percent", "needed"), [(90, 100), (99, 1_000), (99.9, 10_000), (99.99, 100_000)])
def test_a_percentile_is_told_only_where_enough_lie_beyond_it(percent: float, needed: int) -> None:
    assert Histogram.of(range(needed)).tells(percent)
    assert not Histogram.of(range(needed - needed // BEYOND // 2)).tells(percent)


def test_a_histogram_takes_nothing_and_refuses_what_it_cannot_hold() -> None:
    empty = Histogram.of([])
    assert (empty.count, empty.mean, empty.highest, empty.percentile(99)) == (0, 0.0, 0.0, 0.0)
    assert Histogram.of([-3.0]).highest == 0.0
    with pytest.raises(ValueError, match="more than a histogram takes"):
        Histogram.of([HIGHEST * 2])


def test_as_many_destinations_are_watched_as_the_taps_can_read() -> None:
    names = [f"tenant-{number}" for number in range(100)]
    assert watched_names(names, 19) == names
    assert watched_names(names, 2_000) == names
    assert watched_names(names, 20_000) == names[::10]
    assert watched_names(names, 1e9) == names[:1]


def test_a_mark_is_found_where_it_was_made_and_nowhere_else() -> None:
    value = b'{"verb":"ADDED","event":{"message":"\\"bench\\":\\"7\\"}"}}'
    assert number_of(marked(opened(value), 123_456)) == 123_456
    assert msgspec.json.decode(marked(opened(value), 5)) == msgspec.json.decode(value) | {"bench": "5"}
    others = (None, b"", b"1234567", value, b'{"bench":"x"}', b'{"a":1,"bench":"x"}')
    assert [number_of(other) for other in others] == [None] * len(others)


def turn(*, late_us: float = 100.0, again: int = 0, events: int = 2_000, settle_s: float = 0.2) -> Turn:
    schedule = Schedule(START_S, RATE)
    request = Write(first=0, count=events, rate=RATE, tick_s=0.001)
    wrote = Wrote(
        request=request, start_s=START_S, ended_s=START_S + 20, late_us=Histogram.of([late_us] * events), cpu_s=0.5
    )
    found: Times = times(seen([schedule.at(n) + 0.004 for n in range(events)]), schedule, warm=0)
    return Turn(
        watched=100, wrote=wrote, times=found, missing=0, again=again, strays=0, overlaps=0, settle_s=settle_s,
        wall_s=20.0, cpu=Cpu(program_s=1.0, broker_s=2.0), taps_cpu_s=0.25,
    )  # fmt: skip


def shown(*turns: Turn) -> tuple[Latency, str]:
    step = Step("100", RATE)
    plan = Plan(setup=Setup(shape=Shape(namespaces=100)), steps=[step], seconds=20.0, turns=len(turns))
    found = Latency(plan, [Measured(step, list(turns), turns[0])])
    console = Console(width=200)
    with console.capture() as capture:
        console.print(times_table(found))
        console.print(machine_table(found))
    return found, capture.get()


def test_a_table_tells_what_the_events_tell_and_no_more() -> None:
    _, text = shown(turn(), turn(), turn())
    [intended] = [line for line in text.splitlines() if "from intended" in line]
    [source] = [line for line in text.splitlines() if "source to destination" in line]
    assert "4.00 (4.00-4.00)" in intended
    assert "6,000" in intended
    assert intended.count(" - ") == 2, "p99.9 and p99.99 need more than 2 000 events"
    assert "1.00 (1.00-1.00)" in source


def test_a_rate_at_which_the_writer_was_late_has_no_figures() -> None:
    found, text = shown(turn(late_us=2_500), turn(late_us=9_000), turn())
    assert not found.valid(found.steps[0])
    assert "invalid: the writer was 2.5 ms late at p99, more than 2 ms" in text
    assert "from intended" not in text
    one_of_three, _ = shown(turn(), turn(late_us=9_000), turn())
    assert one_of_three.valid(one_of_three.steps[0]), "the median counts here, too"


def test_a_rate_at_which_the_program_falls_behind_is_told() -> None:
    assert "falls behind" in shown(turn(settle_s=1.5), turn(settle_s=2.5), turn())[1]
    assert "falls behind" not in shown(turn(), turn(), turn(settle_s=2.5))[1]


def test_events_that_came_twice_are_told() -> None:
    found, _ = shown(turn(), turn(again=3))
    assert found.steps[0].wrong() == "3 more than once"
    assert shown(turn())[0].steps[0].wrong() == ""


@pytest.mark.parametrize("rates", ["0", "10,-1", "fast", "", "nan", "inf"])
def test_rates_that_are_none_are_refused(rates: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "newest", lambda _: None)
    done = CliRunner().invoke(command.latency_command, ["--rates", rates])
    assert done.exit_code == click.UsageError.exit_code
    assert "--rates" in done.output


def test_the_default_rates_are_shares_of_what_was_sustained() -> None:
    names = [step.name for step in command.steps_of("", 20_000.0)]
    assert names == ["idle", "10 %", "50 %", "70 %", "90 %"]
    assert [step.rate for step in command.steps_of("", 20_000.0)][1:] == [2_000, 10_000, 14_000, 18_000]
    assert [step.rate for step in command.steps_of("idle,10,2.5", None)][1:] == [10, 2.5]


def test_a_rate_that_was_sustained_on_another_cluster_is_none_for_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "sustain-1.json"
    path.write_bytes(msgspec.json.encode(results.result("sustain", results.sustain())))
    monkeypatch.setattr(command, "newest", lambda _: path)
    assert [step.rate for step in command.steps_of("", None)][-1] == pytest.approx(0.9 * 19_620)
    with pytest.raises(click.UsageError, match="measured on local broker, and this is kafka:9092, 3 brokers: give"):
        command.steps_of("", None, "kafka:9092, 3 brokers")


def test_a_result_can_be_loaded_back(monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = shown(turn(), turn())
    monkeypatch.setattr(result, "kafka_version", lambda: "4.3.1")
    written = result.Measuring("latency").result(found)
    again = msgspec.json.decode(msgspec.json.encode(written), type=result.Result[Latency])
    assert again.data == found
