"""The Universal Scalability Law, fitted: how throughput grows with workers, and where it stops growing. Pure.

    X(N) = gamma N / (1 + sigma (N - 1) + kappa N (N - 1))

`gamma` is the throughput of one, `sigma` the share of the work that only one can do at a time (contention), `kappa`
what each pair of them costs (coherence). With both 0 it is linear; with kappa above 0 there is a peak at
sqrt((1 - sigma) / kappa), beyond which more workers do less (N. J. Gunther, Guerrilla Capacity Planning, 2007).

Least squares of the logarithms: a throughput is measured with an error in proportion to it, and plain squares would
hear the large ones alone. Given sigma and kappa the best gamma is a mean, so two numbers are searched for, by
Gauss-Newton with Levenberg's damping, from the solution of the linear form N / X = a + b (N - 1) + c N (N - 1). Neither
is below 0: a law that gains from contention says nothing. On that border the best is looked for on its own, so that it
is not missed. It needs nothing of scipy, whose curve_fit would fit a thousand resamples one after the other.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.nonfinite import NonFinite, restored

POINTS_LEAST = 6
RESAMPLES = 1_000
SEED = 1
STEPS = 60
# Which of sigma and kappa are free; what is not is 0.
FACES = ((False, False), (True, False), (False, True), (True, True))
ENOUGH = 1e-9  # of a sum of squares: less is no gain, and no reason for a parameter more
NOTHING = 1e-24  # a sum of squares of rounding errors

Floats = NDArray[np.float64]


class TooFewPointsError(ValueError):
    """There is nothing to be said of a law with three unknowns from so few points; the message says what is missing."""


class Bounded(msgspec.Struct, frozen=True):
    """A parameter, and the bounds that hold the true one with 95 %. What is null in JSON is inf."""

    value: NonFinite
    low: NonFinite
    high: NonFinite

    def __post_init__(self) -> None:
        restored(self, math.inf, "value", "low", "high")


class Law(NamedTuple):
    """The law itself: throughput of one, contention, coherence."""

    gamma: float
    sigma: float
    kappa: float

    def at(self, workers: float) -> float:
        """Throughput of so many, in the unit of gamma."""
        return self.gamma * workers / (1 + self.sigma * (workers - 1) + self.kappa * workers * (workers - 1))

    @property
    def peak(self) -> float:
        """The number of workers beyond which more do less; inf if there is none."""
        if self.sigma >= 1:
            return 1.0
        return max(1.0, math.sqrt((1 - self.sigma) / self.kappa)) if self.kappa > 0 else math.inf


class Fit(msgspec.Struct, frozen=True):
    """A law fitted to measurements. `error` is how far they are off it: the standard deviation, as a share.

    `peak` is where throughput is at its highest, inf (in JSON null) where none is to be seen.
    """

    gamma: Bounded
    sigma: Bounded
    kappa: Bounded
    peak: Bounded
    error: float

    @property
    def law(self) -> Law:
        """With the parameters that fit best."""
        return Law(self.gamma.value, self.sigma.value, self.kappa.value)


def fit(workers: Sequence[float], throughput: Sequence[float], resamples: int = RESAMPLES) -> Fit:
    """The law through these measurements, several of which may be of the same number of workers.

    The bounds are a bootstrap's, with the measurements' distances from the law dealt out anew. Raises TooFewPointsError
    below six different numbers of workers, or if the highest is below six; ValueError for what is no throughput.
    """
    count = np.asarray(workers, dtype=np.float64)
    rate = np.asarray(throughput, dtype=np.float64)
    _check(count, rate)
    logs = np.log(rate)
    best = _laws(count, logs[np.newaxis])
    fitted = _log_law(count, best)[0]
    residuals = logs - fitted
    freedom = len(count) - 3
    # What is left over is smaller than the error was: three parameters have taken their part of it. And of few
    # measurements the error itself is not known well.
    spread = (residuals - residuals.mean()) * math.sqrt(len(count) / freedom) * _student(freedom)
    rng = np.random.default_rng(SEED)
    again = _laws(count, fitted + rng.choice(spread, size=(resamples, len(count))))
    laws = [Law(*row) for row in again.tolist()]
    law = Law(*best[0].tolist())
    return Fit(
        gamma=_bounded(law.gamma, [each.gamma for each in laws]),
        sigma=_bounded(law.sigma, [each.sigma for each in laws]),
        kappa=_bounded(law.kappa, [each.kappa for each in laws]),
        peak=_bounded(law.peak, [each.peak for each in laws]),
        error=float(np.sqrt((residuals**2).sum() / freedom)),
    )


def _check(count: Floats, rate: Floats) -> None:
    if count.shape != rate.shape or count.ndim != 1:
        raise ValueError(f"{count.size} numbers of workers and {rate.size} throughputs")
    if not (np.isfinite(count).all() and np.isfinite(rate).all() and (count >= 1).all() and (rate > 0).all()):
        raise ValueError("workers have to be 1 or more, and throughputs above 0")
    different = np.unique(count)
    if len(different) < POINTS_LEAST or different.max() < POINTS_LEAST:
        raise TooFewPointsError(
            f"{len(different)} different numbers of workers, up to {different.max(initial=0):g}: the law has three"
            f" unknowns, and below {POINTS_LEAST} points, up to {POINTS_LEAST} workers or more, nearly any curve passes"
            " through them all. That needs as many cores and more, with the broker elsewhere."
        )


def _student(freedom: int) -> float:
    """How many times as wide as a normal distribution's Student's bounds of 95 % are (Cornish and Fisher's series)."""
    z = 1.96
    wider = (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    return 1 + (wider + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)) / z


def _bounded(value: float, resampled: list[float]) -> Bounded:
    """The bounds between which 95 % of the resampled are, and the value itself."""
    ordered = sorted(resampled)
    outside = max(0, math.ceil(len(ordered) * 0.025) - 1)
    return Bounded(value, min(value, ordered[outside]), max(value, ordered[-1 - outside]))


def _laws(count: Floats, logs: Floats) -> Floats:
    """gamma, sigma and kappa for each row of logarithms of throughput, all rows at once."""
    linear, pairs = count - 1, count * (count - 1)
    start = _linear(count, logs)
    found, cost = np.zeros_like(start), np.full(len(logs), np.inf)
    for face in FACES:
        free = np.array(face, dtype=np.float64)
        ended, ended_cost = _descend(linear, pairs, logs - np.log(count), start * free, free)
        better = ended_cost < cost * (1 - ENOUGH) - NOTHING
        found[better], cost[better] = ended[better], ended_cost[better]
    gamma = np.exp((logs - np.log(count) + _log_drag(linear, pairs, found)).mean(axis=1))
    return np.column_stack([gamma, found])


def _linear(count: Floats, logs: Floats) -> Floats:
    """Where to start: sigma and kappa by the linear form, weighted to be squares of shares, too, and not below 0."""
    rates = np.exp(logs)
    shape = np.column_stack([np.ones_like(count), count - 1, count * (count - 1)])
    weighed = shape[np.newaxis] * (rates / count)[:, :, np.newaxis]
    solved = np.linalg.pinv(weighed) @ np.ones((len(logs), len(count), 1))
    base = np.maximum(solved[:, 0, 0], 1e-12 * np.abs(solved).max(axis=(1, 2)))
    start: Floats = np.maximum(solved[:, 1:, 0] / base[:, np.newaxis], 0.0)
    return start


def _log_drag(linear: Floats, pairs: Floats, at: Floats) -> Floats:
    return np.log1p(at[:, :1] * linear + at[:, 1:] * pairs)


def _log_law(count: Floats, laws: Floats) -> Floats:
    return np.log(laws[:, :1]) + np.log(count) - _log_drag(count - 1, count * (count - 1), laws[:, 1:])


def _descend(linear: Floats, pairs: Floats, each: Floats, start: Floats, free: Floats) -> tuple[Floats, Floats]:
    """From `start` to the least squares, moving what is free; the place and its cost, for each row.

    `each` is the logarithm of throughput for each worker. A step that does not gain is not taken, and the next one is
    shorter.
    """
    place, damping = start, np.full(len(each), 1e-3)
    residual = _centred(each + _log_drag(linear, pairs, place))
    cost = (residual**2).sum(axis=1)
    for _ in range(STEPS):
        drag = 1 + place[:, :1] * linear + place[:, 1:] * pairs
        step = _step(_centred(linear / drag) * free[0], _centred(pairs / drag) * free[1], residual, damping)
        moved = np.maximum(place - step, 0.0) * free
        moved_residual = _centred(each + _log_drag(linear, pairs, moved))
        moved_cost = (moved_residual**2).sum(axis=1)
        gained = moved_cost < cost
        done = ((cost - moved_cost)[gained] <= ENOUGH * cost[gained]).all() and (damping[~gained] > 1.0).all()
        place = np.where(gained[:, np.newaxis], moved, place)
        residual = np.where(gained[:, np.newaxis], moved_residual, residual)
        cost = np.where(gained, moved_cost, cost)
        damping = np.where(gained, damping / 8, damping * 8).clip(1e-12, 1e12)
        if done:
            break
    return place, cost


def _centred(rows: Floats) -> Floats:
    """Less the mean of each row: that is gamma's."""
    centred: Floats = rows - rows.mean(axis=1, keepdims=True)
    return centred


def _step(by_sigma: Floats, by_kappa: Floats, residual: Floats, damping: Floats) -> Floats:
    """Of Gauss and Newton, shortened by the damping: two equations with two unknowns in each row."""
    most = 1 + damping
    sigma2, kappa2 = (by_sigma**2).sum(axis=1) * most, (by_kappa**2).sum(axis=1) * most
    both = (by_sigma * by_kappa).sum(axis=1)
    # What is not free has no slope: then its equation is 0 = 0, and has to give 0.
    sigma2, kappa2 = np.where(sigma2 > 0, sigma2, 1.0), np.where(kappa2 > 0, kappa2, 1.0)
    sigma, kappa = (by_sigma * residual).sum(axis=1), (by_kappa * residual).sum(axis=1)
    determinant = sigma2 * kappa2 - both**2
    return np.column_stack(
        [(kappa2 * sigma - both * kappa) / determinant, (sigma2 * kappa - both * sigma) / determinant]
    )
