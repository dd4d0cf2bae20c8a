"""The plan: figures, each with the reason, the measurement that it rests on, and its bounds."""

import msgspec

from bench.plan.demand import Demand
from bench.plan.measured import Measured
from bench.plan.size import Sizing
from bench.plan.view import Priced, View

GIVEN = "given"  # what follows from the user's numbers alone rests on this


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One number of the plan.

    `unit` is one that `units.written` knows. `because` is its formula in words, with the numbers. `measured` is what it
    rests on, each with how sure it is; empty where it follows from the user's numbers alone. `low` and `high` are what
    it would be with the costs of the best turns and of the worst.
    """

    value: float
    unit: str
    low: float
    high: float
    because: str
    measured: list[str] = []


def given(value: float, unit: str, because: str) -> Figure:
    """A figure without a measurement in it."""
    return Figure(value=value, unit=unit, low=value, high=value, because=because)


def between(values: "Ends", unit: str, because: str, *measured: Measured | None) -> Figure:
    """A figure worked out three times: with the costs on the whole, at their best and at their worst."""
    told = dict.fromkeys(cost.told for cost in measured if cost is not None)
    return Figure(
        value=values.value,
        unit=unit,
        low=min(values.value, values.low, values.high),
        high=max(values.value, values.low, values.high),
        because=because,
        measured=list(told),
    )


class Ends(msgspec.Struct, frozen=True):
    """A number with the costs on the whole, at their best and at their worst."""

    value: float
    low: float
    high: float


class Case(msgspec.Struct, frozen=True):
    """What the figures are made from: the demand, the size chosen for it, and its costs."""

    demand: Demand
    sizing: Sizing
    priced: Priced
    view: View
    best: View
    worst: View

    @property
    def alive(self) -> int:
        """Replicas when as many are lost as may be."""
        return self.sizing.replicas - self.demand.replicas_lost


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """What is deployed. Workers, CPU and memory are of one replica."""

    partitions: Figure
    replicas: Figure
    workers: Figure
    cpu_request: Figure
    cpu_limit: Figure
    memory: Figure


class Keda(msgspec.Struct, frozen=True, kw_only=True):
    """The ScaledObject."""

    lag_threshold: Figure
    replicas_min: Figure
    replicas_max: Figure


class Broker(msgspec.Struct, frozen=True, kw_only=True):
    """What the brokers bear, together unless said otherwise."""

    requests: Figure
    in_bytes: Figure
    out_bytes: Figure
    catch_up_bytes: Figure
    cores: Figure | None
    topics: Figure
    partitions: Figure
    replicas_per_broker: Figure
    connections: Figure
    source_disk: Figure
    destination_disk: Figure


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """How busy it is, and how soon it has done."""

    ceiling: Figure
    utilisation: Figure
    utilisation_lost: Figure
    catch_up: Figure
    retention_margin: Figure
    resync: Figure | None


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """Something that gives way: at what, how many times today's that is, and what to do then."""

    what: str
    at: Figure
    times: float
    then: str

    @property
    def by_rate(self) -> bool:
        """Whether it is more events that break it."""
        return self.at.unit == "events/s"


class Problem(msgspec.Struct, frozen=True):
    """Something that cannot be done, and what would be needed."""

    what: str
    needed: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. `limits` are in the order in which they are reached; `advice` is what to set or to know besides."""

    demand: Demand
    possible: bool
    problems: list[Problem]
    words: list[str]
    size: Size
    keda: Keda
    times: Times
    broker: Broker
    limits: list[Limit]
    advice: list[str]
    machine: str
    sources: list[str]
    notes: list[str]

    @property
    def first(self) -> Limit:
        """What gives way first when there are more events."""
        return next(limit for limit in self.limits if limit.by_rate)
