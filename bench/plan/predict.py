"""What a drain on this machine should come to by the costs, and whether what it came to is near enough."""

import math

import msgspec

from bench.plan.costs import Costs
from bench.plan.units import duration, number

CPU_TOLERANCE = 0.15
RATE_TOLERANCE = 0.30


class Prediction(msgspec.Struct, frozen=True):
    """What draining a backlog comes to; predicted, or measured.

    `cpu_us` is CPU of the process tree for each event, without start and stop; `events_per_s` what all workers do, from
    the end of the start on; `catch_up_s` the time from the program's start until all is committed.
    """

    cpu_us: float
    events_per_s: float
    catch_up_s: float


class Deviation(msgspec.Struct, frozen=True):
    """One of the three, predicted and measured. `off` is measured over predicted, less 1; `within` its tolerance."""

    what: str
    predicted: str
    measured: str
    off: float
    tolerance: float

    @property
    def holds(self) -> bool:
        """Whether the model holds for it."""
        return math.isfinite(self.off) and abs(self.off) <= self.tolerance


def predict(
    costs: Costs, destinations: int, size: float, events: int, *, workers: int = 1, cores: float = math.inf
) -> Prediction:
    """A backlog of `events` of `size` bytes, drained to `destinations` by `workers` side by side.

    `cores` bound it where they are the workers' own (a pod's limit). On a machine where the costs were measured with as
    many workers, what they take from each other is in the costs.
    """
    cpu_us = costs.cpu_us.at(destinations, size).value
    rate = min(workers * 1e6 / costs.wall_us.at(destinations, size).value, cores * 1e6 / cpu_us)
    return Prediction(cpu_us, rate, costs.start_up_s.value + events / rate)


def deviations(predicted: Prediction, measured: Prediction) -> list[Deviation]:
    """How far the measurement is from the prediction: 15 % of CPU are allowed, 30 % of rate and time."""
    return [
        _deviation("CPU us per event", predicted.cpu_us, measured.cpu_us, CPU_TOLERANCE, "us"),
        _deviation("events/s", predicted.events_per_s, measured.events_per_s, RATE_TOLERANCE, "events/s"),
        _deviation("time to catch up", predicted.catch_up_s, measured.catch_up_s, RATE_TOLERANCE, "s"),
    ]


def _deviation(what: str, predicted: float, measured: float, tolerance: float, unit: str) -> Deviation:
    def told(value: float) -> str:
        return duration(value) if unit == "s" else f"{number(value)} {unit}"

    return Deviation(what, told(predicted), told(measured), measured / predicted - 1, tolerance)
