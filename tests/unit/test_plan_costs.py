"""Costs from measured points: between them, beyond them, and what nobody has measured."""

from math import log, sqrt
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.plan.costs import Costs, costs_of
from bench.plan.demand import Demand
from bench.plan.measured import DRIFT, Measured
from bench.plan.view import priced, view
from tests.models.profile import examples
from tests.unit.planning import demand, flat, grown, point


def test_a_cost_is_the_median_of_its_turns_between_the_least_and_the_most() -> None:
    found = Measured.of([9.0, 7.0, 8.0, 20.0, 8.5], "made-up.json")
    assert (found.value, found.low, found.high) == (8.5, 7.0, 20.0)
    assert found.sure == "5 turns, within 135 %"


def test_of_one_turn_or_two_the_spread_is_what_a_machine_drifts_by() -> None:
    found = Measured.of([10.0], "made-up.json")
    assert (found.low, found.high) == (10.0 * (1 - DRIFT), 10.0 * (1 + DRIFT))
    assert "too few to tell" in found.sure


def test_between_two_measured_numbers_of_destinations_it_is_on_a_line_over_their_logarithm() -> None:
    costs = costs_of([point(10, cpu_us=[6.0, 6.0, 7.0]), point(1_000, cpu_us=[10.0, 10.0, 13.0])])
    found = costs.cpu_us.at(100, 1_000)  # half way
    assert (found.value, found.high) == pytest.approx((8.0, 10.0))
    assert costs.cpu_us.at(50, 1_000).value == pytest.approx(6.0 + 4.0 * log(5) / log(100))
    assert found.source == "made-up.json, between 10 and 1000 destinations"
    assert not found.guess


def test_where_it_was_measured_it_is_what_was_measured() -> None:
    assert grown().cpu_us.at(100, 1_100).value == 8.0


def test_fewer_destinations_than_measured_cost_no_less() -> None:
    found = grown().cpu_us.at(3, 1_100)
    assert found.value == 6.9
    assert found.source.endswith("at 20 destinations, taken for 3")


def test_beyond_the_most_destinations_it_is_a_guess_that_is_told_and_not_the_lower_one() -> None:
    found = grown().cpu_us.at(5_000, 1_100)
    slope = (11.8 - 8.0) / log(10)
    assert found.value > 11.8 + slope * log(5)
    assert found.value / 11.8 == pytest.approx(5**0.6)
    assert found.low < 11.8 < found.value < found.high
    assert found.guess
    assert "extrapolated" in found.sure


def test_two_sizes_give_a_line() -> None:
    costs = costs_of([point(size_bytes=1_000.0), point(size_bytes=3_000.0, cpu_us=[14.0] * 5)])
    assert costs.cpu_us.at(20, 2_000).value == pytest.approx(12.0)
    assert costs.cpu_us.at(20, 500).value == pytest.approx(9.0)
    assert not costs.cpu_us.at(20, 500).guess
    assert not any("second size" in note for note in costs.notes)


def test_of_one_size_a_larger_event_costs_in_proportion_and_a_smaller_one_the_same_and_it_is_told() -> None:
    costs = costs_of([point(20), point(100)])
    larger, smaller = costs.cpu_us.at(20, 2_000), costs.cpu_us.at(20, 500)
    assert (larger.low, larger.value) == (10.0, 20.0)
    assert (smaller.low, smaller.value) == (5.0, 10.0)
    assert larger.guess
    assert any("Measure a second size" in note for note in costs.notes)


@pytest.mark.parametrize("noise_us", [3.0, 200.0])
def test_noise_between_sizes_makes_neither_larger_events_cheaper_nor_an_event_cost_less_than_nothing(
    noise_us: float,
) -> None:
    costs = costs_of([point(size_bytes=1_000.0), point(size_bytes=1_100.0, cpu_us=[noise_us] * 5)])
    assert costs.cpu_us.at(20, 5_000).value >= 10.0
    assert costs.cpu_us.at(20, 1).value >= 0


def test_the_worker_s_rate_is_taken_by_the_clock_and_not_from_its_cpu() -> None:
    asked = demand()
    costs = flat(cpu_us=[10.0] * 5, wall_events_per_s=[50_000.0] * 5)
    assert view(priced(costs, asked), "value").worker_per_s == pytest.approx(50_000.0)
    fast = flat(cpu_us=[10.0] * 5, wall_events_per_s=[150_000.0] * 5)  # a core and a half of CPU in a second
    assert view(priced(fast, asked), "value").worker_per_s == pytest.approx(150_000.0)


def test_memory_is_a_line_that_no_measured_peak_is_above() -> None:
    peaks = {20: 110e6, 100: 130e6, 1_000: 180e6}
    costs = costs_of([point(count, worker_peak_bytes=peak) for count, peak in peaks.items()])
    assert costs.worker_destination_bytes.value > 0
    for count, peak in peaks.items():
        assert costs.worker_base_bytes.value + costs.worker_destination_bytes.value * count >= peak - 1


def test_memory_that_shrinks_with_destinations_by_noise_has_no_negative_slope() -> None:
    costs = costs_of([point(20, worker_peak_bytes=130e6), point(1_000, worker_peak_bytes=120e6)])
    assert costs.worker_destination_bytes.value == 0
    assert costs.worker_base_bytes.value >= 130e6 - 1


def test_what_nobody_has_measured_is_told_as_assumed() -> None:
    bare = point(supervisor_peak_bytes=None, start_up_s=[], supervisor_us=[], requests_per_event=None, broker_us=[])
    costs = costs_of([bare])
    for assumed in (costs.supervisor_bytes, costs.start_up_s, costs.supervisor_share, costs.alone_us):
        assert assumed.told.startswith("assumed: ")
        assert assumed.sure == "not measured"
    assert costs.broker_us is None
    assert len(costs.notes) == 3  # one size, one number of destinations, no requests


def test_turns_of_several_results_at_the_same_place_are_turns_of_one() -> None:
    costs = costs_of([point(source="a.json", cpu_us=[9.0] * 3), point(source="b.json", cpu_us=[11.0] * 4)])
    found = costs.cpu_us.at(20, 1_000)
    assert (found.value, found.turns, found.source) == (11.0, 7, "a.json, b.json, at 20 destinations")


def test_workers_side_by_side_are_told() -> None:
    assert "Up to 2 workers ran side by side" in costs_of([point(workers=2)]).notes[0]


def test_the_supervisors_share_is_of_the_same_turns() -> None:
    found = costs_of([point(cpu_us=[10.0, 20.0, 10.0], supervisor_us=[1.0, 2.0, 1.0])]).supervisor_share
    assert (found.low, found.value, found.high) == (0.1, 0.1, 0.1)


@pytest.mark.parametrize(
    "changed", [{"cpu_us": []}, {"wall_events_per_s": [0.0]}, {"worker_peak_bytes": 0.0}, {"cpu_us": [-1.0]}]
)
def test_a_point_that_measures_nothing_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="above 0"):
        costs_of([point(**changed)])


def test_without_points_there_are_no_costs() -> None:
    with pytest.raises(ValueError, match="no points"):
        costs_of([])


def test_each_partition_of_a_destination_costs_as_a_destination() -> None:
    asked = demand(namespaces=50, topic_partitions=2)
    assert priced(grown(), asked).cpu_us == priced(grown(), demand(namespaces=100)).cpu_us


@examples(80)
@given(
    st.lists(
        st.tuples(st.integers(1, 10_000), st.floats(0.1, 1_000)), min_size=1, max_size=6, unique_by=lambda p: p[0]
    ),
    st.integers(1, 20_000),
    st.floats(1, 100_000),
)
def test_a_cost_lies_between_its_own_bounds_and_between_its_neighbours(
    measured: list[tuple[int, float]], destinations: int, size_bytes: float
) -> None:
    costs = costs_of([point(count, cpu_us=[us, us * 1.1, us * 1.3]) for count, us in measured])
    found = costs.cpu_us.at(destinations, size_bytes)
    assert 0 < found.low <= found.value <= found.high
    middle = costs.cpu_us.at(destinations, 1_000)
    if min(measured)[0] <= destinations <= max(measured)[0]:
        assert min(us for _, us in measured) <= middle.value / 1.1 * (1 + 1e-9)
        assert middle.value / 1.1 <= max(us for _, us in measured) * (1 + 1e-9)


@examples(50)
@given(st.integers(1, 5_000), st.integers(1, 5_000))
def test_costs_that_grow_with_destinations_grow_everywhere(first: int, second: int) -> None:
    costs = grown()
    few, many = sorted((first, second))
    assert costs.cpu_us.at(few, 1_100).value <= costs.cpu_us.at(many, 1_100).value * (1 + 1e-9)
    assert costs.wall_us.at(few, 1_100).value <= costs.wall_us.at(many, 1_100).value * (1 + 1e-9)


@pytest.mark.parametrize(
    "wrong",
    [
        {"events_per_s": 0.0},
        {"peak_per_s": 1.0},
        {"peak_per_s": float("nan")},
        {"peak_per_s": float("inf")},
        {"headroom": 1.0},
        {"replication": 4},
        {"partitions": 0},
        {"outage_s": -1.0},
    ],
)
def test_numbers_that_contradict_themselves_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong)).split("_")[0]):
        demand(**wrong)


def test_costs_survive_being_written_and_read() -> None:
    costs = grown()
    assert msgspec.json.decode(msgspec.json.encode(costs), type=Costs) == costs
    assert msgspec.json.decode(msgspec.json.encode(demand()), type=Demand) == demand()


def test_a_geometric_middle_is_the_middle() -> None:
    costs = costs_of([point(20, cpu_us=[6.0] * 3), point(2_000, cpu_us=[8.0] * 3)])
    assert costs.cpu_us.at(round(sqrt(20 * 2_000)), 1_000).value == pytest.approx(7.0)
