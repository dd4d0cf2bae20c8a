"""How many partitions, replicas and workers: worked out by hand, and against partitions that are dealt one by one."""

import math
from itertools import cycle

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bench.plan.demand import Demand
from bench.plan.size import (
    ROUND,
    Sizing,
    capacity,
    catch_up_s,
    catch_up_utilisation,
    fits,
    size_of,
    utilisation,
    workers_that_fit,
)
from bench.plan.view import View
from tests.models.profile import examples
from tests.unit.planning import demand, flat, grown, view_of

# 50 000 events/s of a worker by the clock, 10 us of CPU for each event.
DEMANDS = st.builds(
    lambda average, peak, namespaces, **numbers: demand(
        events_per_s=average, peak_per_s=average * peak, namespaces=namespaces, **numbers
    ),
    average=st.floats(0.1, 50_000),
    peak=st.floats(1, 20),
    namespaces=st.integers(1, 5_000),
    headroom=st.floats(0, 0.8),
    replicas_lost=st.integers(0, 3),
    outage_s=st.floats(0, 7_200),
    catch_up_s=st.floats(60, 7_200),
    resync_events=st.integers(0, 1_000_000),
    cores_per_pod=st.sampled_from([0.5, 1.0, 2.0, 4.0, 8.0]),
    pod_memory_bytes=st.sampled_from([512 * 2**20, 2**30, 4 * 2**30]),
    workers_max=st.integers(0, 4),
)


def test_the_clock_bounds_a_worker_where_its_cores_do_not() -> None:
    asked = demand(cores_per_pod=4.0)  # 400 000 events/s of CPU
    assert capacity(view_of(asked), asked, Sizing(1, 1, 1), 1) == pytest.approx(50_000)
    assert capacity(view_of(asked), asked, Sizing(12, 1, 6), 1) == pytest.approx(300_000)


def test_the_cores_bound_workers_where_the_clock_does_not() -> None:
    asked = demand(cores_per_pod=0.25)  # 25 000 events/s of CPU
    assert capacity(view_of(asked), asked, Sizing(1, 1, 1), 1) == pytest.approx(25_000)
    assert capacity(view_of(asked), asked, Sizing(12, 1, 6), 1) == pytest.approx(25_000)


def test_partitions_are_handed_out_whole_and_the_busiest_decides() -> None:
    asked = demand(cores_per_pod=100.0)
    # 12 partitions on 5 replicas of 2 workers: one replica has 3 of them, and one of its workers 2.
    assert capacity(view_of(asked), asked, Sizing(12, 5, 2), 5) == pytest.approx(50_000 * 12 / 2)
    tight = demand(cores_per_pod=0.5)  # 50 000 events/s of CPU for those 3
    assert capacity(view_of(tight), tight, Sizing(12, 5, 2), 5) == pytest.approx(50_000 * 12 / 3)


def test_more_workers_than_partitions_are_of_no_use() -> None:
    asked = demand()
    one = capacity(view_of(asked), asked, Sizing(1, 1, 1), 1)
    assert capacity(view_of(asked), asked, Sizing(1, 5, 8), 5) == one


@examples(100)
@given(st.integers(1, 60), st.integers(1, 12), st.integers(1, 8), st.sampled_from([0.5, 1.0, 3.0]))
def test_the_capacity_is_the_highest_rate_at_which_no_worker_and_no_pod_is_full(
    partitions: int, replicas: int, workers: int, cores: float
) -> None:
    asked = demand(cores_per_pod=cores)
    found = capacity(view_of(asked), asked, Sizing(partitions, replicas, workers), replicas)
    # Deal the partitions out one by one, as the group does, and then the pool.
    pods: list[list[int]] = [[0] * workers for _ in range(replicas)]
    for number, pod in zip(range(partitions), cycle(pods), strict=False):
        pod[number // replicas % workers] += 1
    each = found / partitions  # events a second of a partition
    full = [max(*pod, 0) * each / 50_000 for pod in pods] + [sum(pod) * each * 10e-6 / cores for pod in pods]
    assert max(full) == pytest.approx(1.0)


def test_with_a_replica_lost_the_peak_stays_below_one_less_the_headroom() -> None:
    # 60 000/s below half of the ceiling, on one replica: 120 000/s, three workers.
    asked = demand(peak_per_s=60_000.0, headroom=0.5, replicas_lost=1)
    assert size_of(view_of(asked), asked) == Sizing(12, 2, 3)
    # 100 000/s would need four workers in a pod, and with two lost just as many in a third one.
    more = demand(peak_per_s=100_000.0, headroom=0.5, replicas_lost=2)
    assert size_of(view_of(more), more) == Sizing(24, 3, 4)


def test_a_pod_is_filled_before_another_is_added() -> None:
    # A core bears 100 000/s, which are two workers; 160 000/s with nothing to spare are two pods of them.
    asked = demand(peak_per_s=160_000.0, headroom=0.0, cores_per_pod=1.0)
    assert size_of(view_of(asked), asked) == Sizing(12, 2, 2)


def test_a_peak_of_hardly_anything_takes_one_worker_and_as_many_replicas_as_may_be_lost_and_one() -> None:
    asked = demand(events_per_s=1.0, peak_per_s=1.0, replicas_lost=2)
    assert size_of(view_of(asked), asked) == Sizing(12, 3, 1)


def test_memory_bounds_the_workers_of_a_pod() -> None:
    asked = demand(peak_per_s=200_000.0, headroom=0.0, pod_memory_bytes=450_000_000)
    # (450 MB - 1.25 x 50 MB) / (1.25 x 100 MB) is 3.1.
    assert workers_that_fit(view_of(asked), asked) == 3
    assert size_of(view_of(asked), asked).workers == 3


def test_workers_max_bounds_the_workers_of_a_pod() -> None:
    asked = demand(peak_per_s=200_000.0, headroom=0.0, workers_max=1)
    found = size_of(view_of(asked), asked)
    assert (found.replicas, found.workers) == (4, 1)


def test_partitions_are_round_and_leave_room_for_twice_the_workers() -> None:
    asked = demand(peak_per_s=500_000.0, headroom=0.0)
    found = size_of(view_of(asked), asked)
    assert found.partitions in ROUND
    assert found.partitions >= 2 * found.replicas * found.workers


def test_at_half_of_the_ceiling_an_outage_takes_as_long_again_to_catch_up() -> None:
    asked = demand(peak_per_s=25_000.0, outage_s=3_600.0)
    instant = msgspec.structs.replace(view_of(asked), start_up_s=0.0)
    assert catch_up_s(instant, asked, Sizing(1, 1, 1), 25_000.0) == pytest.approx(3_600)
    assert catch_up_s(instant, asked, Sizing(1, 1, 1), 50_000.0) == math.inf


@examples(60)
@given(st.floats(100, 49_000), st.floats(10, 5_000), st.floats(0.5, 30))
def test_the_time_to_catch_up_is_what_reading_second_by_second_takes(
    rate: float, outage_s: float, start_s: float
) -> None:
    asked = demand(peak_per_s=50_000.0, outage_s=outage_s)
    slow = msgspec.structs.replace(view_of(asked), start_up_s=start_s)
    told = catch_up_s(slow, asked, Sizing(1, 1, 1), rate)
    assume(told < 20_000)
    backlog, clock, step = rate * (outage_s + start_s), start_s, 0.1
    while backlog > 0:
        backlog += (rate - 50_000) * step
        clock += step
    assert told == pytest.approx(clock, abs=2 * step)


def test_catching_up_in_time_takes_more_replicas_than_the_peak_alone() -> None:
    # An hour in a quarter of one: five times the rate.
    asked = demand(peak_per_s=40_000.0, headroom=0.0, workers_max=1)
    late = msgspec.structs.replace(asked, outage_s=3_600.0, catch_up_s=900.0)
    assert size_of(view_of(asked), asked).replicas == 1
    found = size_of(view_of(late), late)
    assert found.replicas == 5
    assert catch_up_s(view_of(late), late, found, 40_000.0) <= 900
    assert utilisation(view_of(late), late, found, 5, 40_000.0) <= catch_up_utilisation(view_of(late), late)


def test_resyncs_are_part_of_the_load_at_their_own_size() -> None:
    asked = demand(peak_per_s=10_000.0, resync_events=1_800_000)  # 1 000 records a second
    heavy = msgspec.structs.replace(view_of(asked), large_worker_per_s=10_000.0)
    assert utilisation(heavy, asked, Sizing(1, 1, 1), 1, 10_000.0) == pytest.approx(0.2 + 0.1)


def test_partitions_that_are_given_bound_everything() -> None:
    asked = demand(peak_per_s=60_000.0, headroom=0.0, partitions=1, replicas_lost=1)
    assert size_of(view_of(asked), asked) == Sizing(1, 2, 1, fits=False)
    enough = msgspec.structs.replace(asked, partitions=2)
    assert size_of(view_of(enough), enough) == Sizing(2, 2, 2)


@examples(100)
@given(DEMANDS)
def test_a_size_that_fits_keeps_every_promise(asked: Demand) -> None:
    seen = view_of(asked, grown())
    found = size_of(seen, asked)
    assert found.replicas >= asked.replicas_lost + 1
    assert found.fits == fits(seen, asked, found)
    if not found.fits:
        assert found.replicas == 500
        return
    assert found.partitions >= 2 * found.replicas * found.workers
    assert found.workers <= (asked.workers_max or math.inf)
    alive = found.replicas - asked.replicas_lost
    assert utilisation(seen, asked, found, alive, asked.peak_per_s) <= 1 - asked.headroom
    if asked.outage_s and catch_up_utilisation(seen, asked) > 0:
        assert catch_up_s(seen, asked, found, asked.peak_per_s) <= asked.catch_up_s * (1 + 1e-9)


def total(seen: View, asked: Demand) -> int:
    found = size_of(seen, asked)
    return found.replicas * found.workers


@examples(80)
@given(DEMANDS, st.floats(1, 5))
def test_more_events_never_take_fewer_workers(asked: Demand, times: float) -> None:
    seen = view_of(asked, grown())
    more = msgspec.structs.replace(asked, peak_per_s=asked.peak_per_s * times)
    assert total(seen, more) >= total(seen, asked)


@examples(80)
@given(DEMANDS, st.sampled_from([{"headroom": 0.85}, {"outage_s": 10_000.0}, {"resync_events": 2_000_000}]))
def test_more_that_is_promised_never_takes_fewer_workers(asked: Demand, more: dict[str, float]) -> None:
    seen = view_of(asked, grown())
    changed = msgspec.structs.replace(asked, **more)
    assume(size_of(seen, changed).fits)
    assume(catch_up_utilisation(seen, asked) > 0 and catch_up_utilisation(seen, changed) > 0)
    assert total(seen, changed) >= total(seen, asked)


@examples(80)
@given(DEMANDS, st.integers(1, 3))
def test_more_replicas_that_may_be_lost_never_take_fewer_replicas(asked: Demand, more: int) -> None:
    seen = view_of(asked, grown())
    changed = msgspec.structs.replace(asked, replicas_lost=asked.replicas_lost + more)
    assert size_of(seen, changed).replicas >= size_of(seen, asked).replicas


@examples(80)
@given(DEMANDS)
def test_faster_workers_never_take_more_replicas(asked: Demand) -> None:
    seen = view_of(asked, flat())
    faster = msgspec.structs.replace(
        seen,
        worker_per_s=seen.worker_per_s * 2,
        large_worker_per_s=seen.large_worker_per_s * 2,
        cpu_us=seen.cpu_us / 2,
        large_cpu_us=seen.large_cpu_us / 2,
    )
    assert size_of(faster, asked).replicas <= size_of(seen, asked).replicas
