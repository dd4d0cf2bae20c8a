"""What is drained for which case, and what the turns come to; and what is said of it for `throughput`."""

import pytest
from click.testing import CliRunner

from bench.cases import Case, Plan
from bench.commands.throughput import throughput_command
from bench.load import Shape
from bench.stage import alternately
from bench.tables.throughput import ROWS, throughput_table
from bench.throughput import Throughput, cases_of
from tests.unit.measuring import drained, measured, shown

SHAPE = Shape(namespaces=100)
BASE = Case(name="base", shape=SHAPE)


def test_cases_that_differ_in_settings_or_distance_drain_the_same_source() -> None:
    cases = [BASE, Case(name="linger", shape=SHAPE, settings={"A": "1"}), Case(name="far", shape=SHAPE, rtt_ms=5.0)]
    plan = Plan(cases=cases, events=1_000, turns=3)
    assert [backlog.events for backlog in plan.backlogs()] == [2, 1_000]
    assert {case.name: plan.backlogs().index(plan.backlog(case)) for case in cases} == dict.fromkeys(
        ["base", "linger", "far"], 1
    )


@pytest.mark.parametrize(
    "other",
    [
        Case(name="other", shape=Shape(namespaces=20)),
        Case(name="other", shape=Shape(namespaces=100, size_bytes=2_200)),
        Case(name="other", shape=SHAPE, partitions=4),
        Case(name="other", shape=SHAPE, compression="lz4"),
    ],
)
def test_cases_whose_events_differ_have_a_source_each(other: Case) -> None:
    plan = Plan(cases=[BASE, other], events=1_000, turns=3)
    assert len(plan.backlogs()) == 4
    wanted = plan.backlog(other)
    assert wanted != plan.backlog(BASE)
    assert (wanted.shape, wanted.partitions, wanted.compression) == (other.shape, other.partitions, other.compression)


def test_what_a_start_and_stop_cost_is_seen_with_as_many_partitions() -> None:
    plan = Plan(cases=[Case(name="four", shape=SHAPE, partitions=4)], events=1_000, turns=3)
    assert (plan.idle_backlog(plan.cases[0]).events, plan.idle_backlog(plan.cases[0]).partitions) == (2, 4)


def test_events_may_be_those_of_each_partition() -> None:
    plan = Plan(cases=[Case(name="four", shape=SHAPE, partitions=4)], events=1_000, turns=3, each_partition=True)
    assert plan.backlog(plan.cases[0]).events == 4_000
    assert plan.idle_backlog(plan.cases[0]).events == 2


def test_each_case_is_drained_once_idle_once_counted_and_once_a_turn() -> None:
    assert Plan(cases=[BASE] * 3, events=1_000, turns=5).drains() == 3 * 7


def test_turns_go_forward_and_back() -> None:
    assert [alternately("abc", turn) for turn in range(3)] == [["a", "b", "c"], ["c", "b", "a"], ["a", "b", "c"]]


@pytest.mark.parametrize(
    ("case", "behind"),
    [
        (BASE, False),
        (Case(name="far", shape=SHAPE, rtt_ms=1.0), True),
        (Case(name="near", shape=SHAPE, proxied=True), True),
    ],
)
def test_a_proxy_is_between_where_it_delays_or_is_asked_for(case: Case, behind: bool) -> None:
    assert case.behind_proxy is behind


@pytest.mark.parametrize(
    ("settings", "workers"), [({}, 4), ({"WORKERS_MAX": "3"}, 3), ({"WORKERS_MAX": "9"}, 4), ({"WORKERS_MAX": "0"}, 4)]
)
def test_each_partition_has_a_worker_unless_the_settings_bound_them(settings: dict[str, str], workers: int) -> None:
    assert Case(name="four", shape=SHAPE, partitions=4, settings=settings).workers == workers


def test_what_an_event_costs_is_told_with_start_and_stop_and_without() -> None:
    found = measured([8.0, 10.0])
    assert found.cpu_us() == pytest.approx([9.25, 11.25])
    assert found.net_cpu_us() == pytest.approx([8.0, 10.0])
    assert found.user_us() == pytest.approx([6.0, 7.5])
    assert found.system_us() == pytest.approx([2.0, 2.5])
    assert found.supervisor_us() == pytest.approx([0.8, 1.0])
    assert found.worker_us() == pytest.approx([7.2, 9.0])
    assert found.broker_us() == pytest.approx([4.0, 4.0])


def test_a_backlog_that_costs_no_more_than_a_start_gives_no_part_less_than_nothing() -> None:
    found = measured(turns=[drained(100, 0.4, 2.1)])
    assert found.net_cpu_us() == pytest.approx([-1_000.0])
    assert found.supervisor_us() == found.worker_us() == [0.0]


def test_a_rate_is_told_without_the_start_unless_that_is_most_of_the_drain() -> None:
    long, short = drained(400_000, 5.0, 10.0), drained(400_000, 5.0, 3.9)
    found = measured(turns=[long, short])
    assert found.events_per_s() == pytest.approx([400_000 / 8.0, 400_000 / 3.9])


def test_megabytes_are_those_of_the_values_as_they_were() -> None:
    assert measured([8.0]).mb_per_s() == pytest.approx([50_000 * 1_100 / 1e6])
    assert measured([8.0], value_bytes=2_000.0).mb_per_s() == pytest.approx([100.0])


def test_peaks_are_the_most_of_one_process_in_any_turn() -> None:
    found = measured(turns=[drained(100, 1.0, 5.0, peak_mb=mb) for mb in (120.0, 150.0, 110.0)])
    assert (found.worker_peak_bytes(), found.supervisor_peak_bytes()) == (151_000_000, 40_000_000)


def test_threads_and_connections_are_those_of_all_processes() -> None:
    found = measured([8.0])
    assert (found.threads(), found.connections()) == ([30.0], [9.0])


def test_a_case_for_each_number_of_destinations_is_like_the_base_else() -> None:
    base = Case(name="", shape=Shape(namespaces=0, skew=1.1), partitions=3, settings={"A": "1"}, compression="zstd")
    one, many = cases_of(base, [1, 1_000])
    assert (one.name, many.name) == ("1 destination", "1,000 destinations")
    assert (one.shape.namespaces, many.shape.namespaces) == (1, 1_000)
    assert {(case.shape.skew, case.partitions, case.compression) for case in (one, many)} == {(1.1, 3, "zstd")}


def test_the_table_has_a_column_for_each_case_with_medians_and_bounds() -> None:
    far = Case(name="1,000 destinations", shape=Shape(namespaces=1_000))
    found = Throughput(
        events=400_000,
        measured=[measured(requests_per_event=0.04), measured([20.0, 22.0, 30.0], case=far, value_bytes=2_000.0)],
    )
    lines = {
        line.split("│")[1].strip(): line.split("│")[2:4]
        for line in shown(throughput_table(found)).splitlines()
        if line.count("│") == 4
    }
    assert [name.strip() for name in ROWS] == list(lines)
    assert lines["net CPU us"][0].strip() == "9.00 (8.00-10.0)"
    assert lines["net CPU us"][1].strip() == "22.0 (20.0-30.0)"
    assert lines["MB/s"][1].strip() == "100 (100-100)"
    assert lines["records a request"][0].strip() == "25.0"
    assert lines["records a request"][1].strip() == "not measured"
    assert lines["peak MB, a worker"][0].strip() == "101"


def test_the_table_tells_what_was_drained_and_what_may_be_in_flight() -> None:
    case = Case(
        name="a", shape=Shape(namespaces=1, headers=0.5), settings={"INFLIGHT_BYTES": "1000000"}, compression="lz4"
    )
    text = " ".join(shown(throughput_table(Throughput(events=400_000, measured=[measured(case=case)]))).split())
    assert "400,000 events of 1,100 bytes, 2 partitions, 50% with headers, compressed with lz4" in text
    assert "20,000 records at most (INFLIGHT_RECORDS), and 1.0 MB of their values (INFLIGHT_BYTES)" in text


@pytest.mark.parametrize("destinations", ["0", "20,-1", "many"])
def test_numbers_of_destinations_that_are_none_are_refused(destinations: str) -> None:
    done = CliRunner().invoke(throughput_command, ["--destinations", destinations])
    assert done.exit_code == 2
    assert "expected numbers" in done.output
