"""The fit of the Universal Scalability Law, on made-up measurements of laws that are known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.usl import Bounded, Fit, Law, TooFewPointsError, fit
from tests.models.profile import examples

WORKERS = [1, 2, 3, 4, 6, 8, 12, 16]
LAWS = st.builds(
    Law,
    st.floats(1, 1e6),
    st.one_of(st.just(0.0), st.floats(0.001, 0.9)),
    st.one_of(st.just(0.0), st.floats(1e-5, 0.1)),
)


def measured(law: Law, noise: float = 0.0, turns: int = 1, seed: int = 1) -> tuple[list[float], list[float]]:
    """Workers and throughputs; each off the law by a normal share of it."""
    rng = np.random.default_rng(seed)
    workers = [float(count) for count in WORKERS for _ in range(turns)]
    return workers, [law.at(count) * math.exp(rng.normal(0, noise)) for count in workers]


def test_a_law_without_noise_is_found_exactly() -> None:
    found = fit(*measured(Law(50_000.0, 0.03, 0.0005)))
    assert found.law == pytest.approx(Law(50_000.0, 0.03, 0.0005), rel=1e-6)
    assert found.error == pytest.approx(0, abs=1e-9)
    assert found.peak.value == pytest.approx(math.sqrt(0.97 / 0.0005), rel=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_with_two_percent_of_noise_and_five_turns_it_is_found_within_a_hundredth_and_a_two_thousandth(
    seed: int,
) -> None:
    found = fit(*measured(Law(50_000.0, 0.05, 0.002), 0.02, 5, seed))
    assert found.gamma.value == pytest.approx(50_000, rel=0.02)
    assert found.sigma.value == pytest.approx(0.05, abs=0.01)
    assert found.kappa.value == pytest.approx(0.002, abs=0.0005)
    assert found.peak.value == pytest.approx(math.sqrt(0.95 / 0.002), rel=0.15)
    assert found.error == pytest.approx(0.02, rel=0.4)


def test_what_grows_in_a_straight_line_has_neither_contention_nor_coherence_nor_a_peak() -> None:
    found = fit(*measured(Law(1_000.0, 0.0, 0.0)))
    assert found.sigma == Bounded(0.0, 0.0, 0.0)
    assert found.kappa == Bounded(0.0, 0.0, 0.0)
    assert math.isinf(found.peak.value)


@pytest.mark.parametrize("seed", range(5))
def test_a_straight_line_with_noise_is_still_one_within_its_bounds(seed: int) -> None:
    found = fit(*measured(Law(1_000.0, 0.0, 0.0), 0.03, 5, seed))
    assert found.sigma.low == 0
    assert found.kappa.low == 0
    assert found.sigma.value < 0.005
    assert found.kappa.value < 0.0005
    assert found.peak.high == math.inf


def test_more_than_linear_is_told_as_linear() -> None:
    workers = [float(count) for count in WORKERS]
    found = fit(workers, [100 * count**1.1 for count in workers])
    assert (found.sigma.value, found.kappa.value) == (0, 0)


def test_contention_alone_is_amdahl_s_law() -> None:
    found = fit(*measured(Law(1.0, 0.2, 0.0)))
    assert found.sigma.value == pytest.approx(0.2)
    assert found.kappa.value == 0
    assert found.law.at(1e9) == pytest.approx(5.0, rel=1e-3)


def test_the_bounds_hold_the_truth_about_as_often_as_they_say() -> None:
    law = Law(1_000.0, 0.08, 0.003)
    fits = [fit(*measured(law, 0.03, 3, seed), resamples=200) for seed in range(40)]
    for truth, bounds in (
        (law.gamma, [each.gamma for each in fits]),
        (law.sigma, [each.sigma for each in fits]),
        (law.kappa, [each.kappa for each in fits]),
    ):
        held = sum(each.low <= truth <= each.high for each in bounds)
        assert held >= 34  # 38 of 40 is what 95 % are


def test_more_noise_gives_wider_bounds() -> None:
    law = Law(1_000.0, 0.08, 0.003)
    quiet, loud = fit(*measured(law, 0.01, 3)), fit(*measured(law, 0.08, 3))
    assert loud.sigma.high - loud.sigma.low > 3 * (quiet.sigma.high - quiet.sigma.low)


def test_the_same_measurements_give_the_same_fit() -> None:
    assert fit(*measured(Law(1_000.0, 0.08, 0.003), 0.05)) == fit(*measured(Law(1_000.0, 0.08, 0.003), 0.05))


@examples(25)
@given(LAWS)
def test_any_law_without_noise_is_found(law: Law) -> None:
    found = fit(*measured(law), resamples=10)
    assert found.gamma.value == pytest.approx(law.gamma, rel=1e-4)
    assert found.sigma.value == pytest.approx(law.sigma, rel=1e-3, abs=1e-5)
    assert found.kappa.value == pytest.approx(law.kappa, rel=1e-3, abs=1e-6)


@examples(25)
@given(LAWS, st.floats(0.001, 0.1), st.integers(0, 10_000))
def test_no_other_law_nearby_fits_better(law: Law, noise: float, seed: int) -> None:
    workers, throughput = measured(law, noise, 2, seed)
    found = fit(workers, throughput, resamples=10)

    def squares(other: Law) -> float:
        return sum(math.log(x / other.at(n)) ** 2 for n, x in zip(workers, throughput, strict=True))

    best = squares(found.law)
    gamma, sigma, kappa = found.law
    for step in (1e-3, 1e-2, 0.3):
        for moved in (
            Law(gamma * (1 + step), sigma, kappa),
            Law(gamma / (1 + step), sigma, kappa),
            *(Law(gamma, max(0.0, sigma + way * step), kappa) for way in (1, -1)),
            *(Law(gamma, sigma, max(0.0, kappa + way * step / 10)) for way in (1, -1)),
        ):
            assert squares(moved) >= best * (1 - 1e-6)


@examples(20)
@given(LAWS, st.floats(0.001, 0.2), st.integers(0, 10_000))
def test_whatever_was_measured_the_parameters_are_lawful_and_within_their_bounds(
    law: Law, noise: float, seed: int
) -> None:
    found = fit(*measured(law, noise, 1, seed), resamples=50)
    for name in ("gamma", "sigma", "kappa", "peak"):
        bounded = getattr(found, name)
        assert 0 <= bounded.low <= bounded.value <= bounded.high, name
    assert found.peak.low >= 1


@examples(20)
@given(LAWS, st.floats(0.01, 1_000))
def test_another_unit_of_throughput_changes_gamma_alone(law: Law, unit: float) -> None:
    workers, throughput = measured(law, 0.02)
    one, other = fit(workers, throughput, 10), fit(workers, [rate * unit for rate in throughput], 10)
    assert other.gamma.value == pytest.approx(one.gamma.value * unit, rel=1e-6)
    assert other.sigma.value == pytest.approx(one.sigma.value, rel=1e-3, abs=1e-6)
    assert other.kappa.value == pytest.approx(one.kappa.value, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize(
    ("workers", "told"),
    [
        ([1, 2], "2 different numbers of workers, up to 2"),
        ([1, 2, 3, 4, 5], "5 different numbers of workers, up to 5"),
        ([1, 1, 1, 2, 2, 2, 3, 3], "3 different numbers of workers, up to 3"),
        ([1, 1.5, 2, 2.5, 3, 3.5], "6 different numbers of workers, up to 3.5"),
        ([], "0 different numbers of workers, up to 0"),
    ],
)
def test_below_six_points_it_refuses_and_says_why(workers: list[float], told: str) -> None:
    with pytest.raises(TooFewPointsError, match="three unknowns") as refused:
        fit(workers, [100.0 * count for count in workers])
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("workers", "throughput"),
    [
        ([1, 2, 3, 4, 5, 6], [1.0, 2.0, 3.0, 4.0, 5.0, 0.0]),
        ([1, 2, 3, 4, 5, 6], [1.0, 2.0, 3.0, 4.0, 5.0, math.nan]),
        ([0, 2, 3, 4, 5, 6], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
        ([1, 2, 3, 4, 5, 6], [1.0]),
    ],
)
def test_what_is_no_throughput_is_refused(workers: list[float], throughput: list[float]) -> None:
    with pytest.raises(ValueError, match="throughputs"):
        fit(workers, throughput)


def test_the_peak_is_where_the_law_is_at_its_highest() -> None:
    law = Law(10.0, 0.05, 0.004)
    assert law.peak == pytest.approx(15.4, abs=0.1)
    assert law.at(law.peak) > max(law.at(law.peak * 0.9), law.at(law.peak * 1.1))
    assert Law(10.0, 0.05, 0.0).peak == math.inf
    assert Law(10.0, 1.0, 0.1).peak == 1
    assert Law(10.0, 0.0, 50.0).peak == 1


def test_a_fit_tells_what_it_is() -> None:
    found = fit(*measured(Law(1_000.0, 0.1, 0.01), 0.01, 3))
    assert isinstance(found, Fit)
    assert found.law.at(1) == pytest.approx(found.gamma.value)
