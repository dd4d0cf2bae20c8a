"""The search for the highest sustained rate: whether a rate holds, and how the limit is found; all of it made up."""

import random
from collections.abc import Callable

import pytest

from bench.bracket import NoLimitError, find
from bench.lag import Sample, judge, slope
from bench.sustain import NEXT_STEP, STEP

COMMIT_S = 0.2
LOOK_S = 0.5


def quiet(at_s: float) -> float:
    return 0.0


def series(
    rate: float,
    capacity: float,
    *,
    seconds: float = 20.0,
    offered: float = 1.0,
    noise: Callable[[float], float] = quiet,
) -> list[Sample]:
    """What is seen of a program that does `capacity` events a second and commits every `COMMIT_S`.

    `noise` is for how many seconds of its work the program is behind at a time.
    """
    samples = []
    for number in range(int(seconds / LOOK_S)):
        at_s = number * LOOK_S

        def arrived(until_s: float) -> int:
            done = min(rate * offered, capacity) * until_s
            return max(0, int(done - noise(until_s) * capacity))

        last_commit_s = at_s // COMMIT_S * COMMIT_S
        samples.append(Sample(at_s, int(rate * offered * at_s), arrived(at_s), arrived(last_commit_s)))
    return samples


def holds(rate: float, capacity: float, **options: object) -> bool | None:
    return judge(series(rate, capacity, **options), rate, COMMIT_S).holds  # type: ignore[arg-type]


@pytest.mark.parametrize("rate", [100.0, 20_000.0])
def test_a_rate_below_what_the_program_can_do_holds_and_one_above_does_not(rate: float) -> None:
    assert holds(rate, rate * 1.01) is True
    assert holds(rate, rate / 1.03) is False


def test_a_lag_that_only_stays_is_no_growth() -> None:
    assert holds(10_000, 12_000, noise=lambda at_s: min(at_s, 3.0)) is True


def test_what_comes_with_the_beginning_does_not_count() -> None:
    assert holds(10_000, 12_000, noise=lambda at_s: at_s * 0.5 if at_s < 9.0 else 4.5) is True


def test_a_pause_of_the_machine_in_the_second_half_does_not_make_a_rate_fail() -> None:
    def pause(at_s: float) -> float:
        return max(0.0, 1.0 - abs(at_s - 17.0))  # of one second, and a second to make up for it

    assert holds(10_000, 12_000, noise=pause) is True
    values = [sample.written - sample.arrived for sample in series(10_000, 12_000, noise=pause)]
    assert max(values) > 10_000  # it is no small one


def test_the_ups_and_downs_of_commits_are_no_growth() -> None:
    rate = 20_000
    for phase in range(20):
        # Looked at every 0.61 s, a commit every 0.2 s is a little longer ago each time: it looks like growth.
        times_s = [number * 0.61 for number in range(40)]
        samples = []
        for at_s in times_s:
            behind_s = (at_s + phase * COMMIT_S / 20) % COMMIT_S
            samples.append(Sample(at_s, int(rate * at_s), int(rate * at_s), int(rate * (at_s - behind_s))))
        assert judge(samples, rate, COMMIT_S).holds is True


def test_a_program_that_delivers_and_does_not_commit_does_not_hold() -> None:
    samples = [Sample(s.at_s, s.written, s.arrived, s.arrived // 2) for s in series(10_000, 12_000)]
    assert judge(samples, 10_000, COMMIT_S).holds is False


def test_a_probe_in_which_the_writer_was_too_slow_says_nothing() -> None:
    assert holds(10_000, 12_000, offered=0.9) is None
    assert holds(10_000, 8_000, offered=0.9) is False  # what is too much is too much


def test_a_probe_that_was_hardly_looked_at_says_nothing() -> None:
    assert judge(series(10_000, 5_000, seconds=6.0), 10_000, COMMIT_S).holds is None
    assert judge([], 10_000, COMMIT_S).holds is None


def test_the_slope_is_not_moved_by_a_fifth_of_the_samples() -> None:
    times = [float(number) for number in range(20)]
    values = [3.0 * at_s + (1_000.0 if at_s > 15 else 0.0) for at_s in times]
    assert slope(times, values) == pytest.approx(3.0)


@pytest.mark.parametrize("capacity", [80.0, 9_999.0, 10_001.0, 31_400.0, 1_000_000.0])
@pytest.mark.parametrize("step", [STEP, NEXT_STEP])
def test_the_limit_is_found_within_the_width(capacity: float, step: float) -> None:
    asked: list[float] = []

    def answer(rate: float) -> bool:
        asked.append(rate)
        return rate <= capacity

    found = find(answer, 10_000.0 if step > 1.2 else capacity * 0.8, 1.05, step)
    assert found.holds <= capacity < found.fails <= found.holds * 1.05
    assert asked.count(found.holds) >= 2, "the last step is repeated"
    assert asked.count(found.fails) >= 2, "a failure counts when it comes twice"


def test_pauses_of_the_machine_do_not_fool_the_search() -> None:
    for seed in range(200):
        rng = random.Random(seed)
        found = find(lambda rate: rate <= 23_000 and rng.random() > 0.05, 10_000.0, 1.05, STEP)  # noqa: B023
        assert found.holds > 23_000 / 1.2, seed  # where it failed twice in a row by chance, it is a little low
    lows = []
    for seed in range(200):
        rng = random.Random(seed)
        lows.append(find(lambda rate: rate <= 23_000 and rng.random() > 0.05, 10_000.0, 1.05, STEP).holds)  # noqa: B023
    assert sum(low > 23_000 / 1.05 for low in lows) > 190


def test_a_rate_that_held_by_luck_loses_what_it_had() -> None:
    lucky = {15_000.0}

    def answer(rate: float) -> bool:
        if rate in lucky:
            lucky.discard(rate)
            return True
        return rate <= 14_000

    found = find(answer, 10_000.0, 1.05, STEP)
    assert found.holds <= 14_000 < found.fails <= found.holds * 1.05


def test_a_program_that_holds_nothing_ends_the_search() -> None:
    with pytest.raises(NoLimitError, match="no limit after"):
        find(lambda rate: rate < 0, 10_000.0, 1.05, STEP)
