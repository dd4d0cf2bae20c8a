"""The ratio of two programs and its confidence interval, on made-up measurements."""

import random

import pytest

from bench.ratio import ratio


def test_programs_that_are_alike_have_a_ratio_of_one_however_the_machine_drifts() -> None:
    drift = [1.0, 2.0, 1.5, 3.0, 0.7]
    assert ratio(drift, drift) == (1.0, 1.0, 1.0)


def test_a_difference_is_found_in_noise_that_is_larger_than_it() -> None:
    rng = random.Random(7)
    speeds = [rng.uniform(0.5, 2.0) for _ in range(25)]
    after = [speed * 1.1 * rng.gauss(1, 0.02) for speed in speeds]
    before = [speed * rng.gauss(1, 0.02) for speed in speeds]
    found = ratio(after, before)
    assert 1.0 < found.low < found.median < found.high < 1.2
    assert found.median == pytest.approx(1.1, abs=0.03)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = random.Random(3)
    held = 0
    for _ in range(60):
        found = ratio([rng.gauss(1.05, 0.05) for _ in range(15)], [rng.gauss(1, 0.001) for _ in range(15)])
        held += found.low <= 1.05 <= found.high
    assert held >= 52  # 57 of 60 is what 95 % are


@pytest.mark.parametrize(("above", "below"), [([], []), ([1.0], [])])
def test_without_pairs_there_is_no_ratio(above: list[float], below: list[float]) -> None:
    with pytest.raises(ValueError, match=r"no turns|shorter"):
        ratio(above, below)
