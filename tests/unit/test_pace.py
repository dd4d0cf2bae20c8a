import math
import random
from collections.abc import Iterator

import pytest

from bench.pace import Schedule

DAY_S = 86_400.0  # a monotonic clock begins anywhere


def test_every_record_is_due_at_its_own_time_however_seldom_one_looks() -> None:
    schedule = Schedule(DAY_S, 1_000)
    assert [schedule.due(DAY_S + at_s) for at_s in (-1.0, 0.0, 0.0005, 0.0011, 2.0005)] == [0, 1, 0, 1, 1_999]
    assert schedule.at(0) == DAY_S
    assert schedule.at(1_500) == DAY_S + 1.5
    assert schedule.next_s == pytest.approx(DAY_S + 2.001)


@pytest.mark.parametrize("rate", [0.3, 7, 999, 12_345.6])
def test_none_is_given_before_its_time_and_none_is_left_after_it(rate: float) -> None:
    rng = random.Random(1)
    schedule, now_s, given = Schedule(DAY_S, rate), DAY_S - 0.5 / rate, 0
    for _ in range(2_000):
        now_s += rng.expovariate(rate)
        given += schedule.due(now_s)
        assert schedule.at(given - 1) <= now_s + 1e-6 or not given
        assert schedule.next_s > now_s - 1e-6
    assert given == pytest.approx((now_s - DAY_S) * rate, abs=1.01)


def test_an_open_loop_makes_up_for_every_stand_still() -> None:
    schedule = Schedule(DAY_S, 100)
    schedule.due(DAY_S)
    assert schedule.due(DAY_S + 3_600) == 360_000


def test_what_was_missed_for_longer_than_is_made_up_is_never_due() -> None:
    schedule = Schedule(DAY_S, 100, made_up_s=0.5)
    assert schedule.due(DAY_S) == 1
    assert schedule.due(DAY_S + 10.005) == pytest.approx(50, abs=1)
    assert schedule.due(DAY_S + 10.105) == pytest.approx(10, abs=1)
    assert schedule.next_s == pytest.approx(DAY_S + 10.11, abs=0.01)


def test_another_rate_takes_effect_after_the_record_that_is_next() -> None:
    schedule = Schedule(DAY_S, 10)
    schedule.due(DAY_S + 0.95)
    schedule.change(1_000)
    assert schedule.next_s == pytest.approx(DAY_S + 1.0)
    assert schedule.due(DAY_S + 1.0105) == 11
    schedule.change(1_000)
    assert schedule.next_s == pytest.approx(DAY_S + 1.011)


@pytest.mark.parametrize("rate", [0.0, -1.0, math.nan])
def test_a_rate_of_nothing_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="no rate"):
        Schedule(0.0, rate)
    with pytest.raises(ValueError, match="no rate"):
        Schedule(0.0, 1.0).change(rate)


def owed(ticks: list[tuple[float, float]], made_up_s: float) -> Iterator[int]:
    """How soak and fault runs counted what was due, before there was a Schedule: by ticks of (time, rate)."""
    written, since = 0.0, DAY_S
    for now_s, rate in ticks:
        written += min(now_s - since, made_up_s) * rate
        since = now_s
        yield int(written)
        written -= int(written)


@pytest.mark.parametrize(("tick_s", "made_up_s"), [(0.02, 1.0), (0.005, 0.5)], ids=["soak", "fault runs"])
def test_soak_and_fault_runs_write_what_they_wrote_with_their_own_count(tick_s: float, made_up_s: float) -> None:
    rng = random.Random(2)
    now_s, rate, ticks = DAY_S, 200.0, []
    for _ in range(20_000):
        now_s += tick_s * rng.uniform(1.0, 1.3) + (rng.uniform(0, 3) if rng.random() < 0.001 else 0.0)
        rate = rng.choice([150.0, 400.0, 1_000.0]) if rng.random() < 0.001 else rate
        ticks.append((now_s, rate))
    schedule = Schedule(DAY_S, ticks[0][1], made_up_s)
    apart = 0
    for (at_s, rate), before in zip(ticks, owed(ticks, made_up_s), strict=True):
        schedule.change(rate)
        apart += schedule.due(at_s) - before
        assert abs(apart) <= 10  # a change of rate and a stand-still may each leave one record of difference
    assert sum(owed(ticks, made_up_s)) > 40_000
