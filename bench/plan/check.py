"""Whether the model holds on this machine: a drain that it was not made from, predicted, and then measured.

The drain is to a number of destinations between those that were measured, where the model is a line and no
measurement, otherwise run as they were; and its backlog is large enough that the start is a third of it at most.
"""

import math
import statistics
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.broker import LOCAL, Target
from bench.cases import Case, Measured, Plan, Tell
from bench.cases import measure as measure_cases
from bench.compare import PARTITIONS
from bench.load import Shape
from bench.plan.costs import Costs
from bench.plan.predict import Deviation, Prediction, deviations, predict
from bench.plan.sources import MAKE_ONE, is_updated, measured_on, size_bytes_of
from bench.plan.units import counted, number
from bench.result import machine

TURNS = 3
DRAIN_STARTS = 2.0  # so many times the start and the last commit a drain is to take, or they are most of it
EVENTS_MAX = 1_000_000  # some gigabytes in source and destinations


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """What was predicted for a drain of so many events, and what it came to: the medians of its turns.

    `holds` is whether each deviation is within its tolerance, `words` says what follows. `rests_on` are the results
    that the costs are from, `machine` what they were measured on. `raw` has the turns.
    """

    events: int
    predicted: Prediction
    measured: Prediction
    deviations: list[Deviation]
    holds: bool
    words: list[str]
    rests_on: list[str]
    machine: str
    raw: Measured


class _Planned(msgspec.Struct, frozen=True):
    shape: Shape


class _Cased(msgspec.Struct, frozen=True):
    case: Case


class _Data(msgspec.Struct, frozen=True):
    """As much of a comparison (`plan`) or a throughput (`measured`) as tells how it was run."""

    plan: _Planned | None = None
    measured: list[_Cased] = []


class _Seen(msgspec.Struct, frozen=True):
    data: _Data


def case_from(paths: Sequence[Path]) -> Case:
    """How the first of these results was run; the costs have been read from the same files.

    A comparison does not tell with which settings: the defaults are taken then. Raises OSError, msgspec.DecodeError.
    """
    data = msgspec.json.decode(paths[0].read_bytes(), type=_Seen).data
    if data.measured:
        return data.measured[0].case
    shape = data.plan.shape if data.plan else Shape(namespaces=0)
    return Case(name="", shape=shape, partitions=PARTITIONS)


def plan_of_check(costs: Costs, like: Case, destinations: int | None, events: int | None, turns: int) -> Plan:
    """The drain to be checked; where destinations or events are not given, they are chosen as the module says."""
    size = costs.cpu_us.sizes.reference_bytes
    if destinations is None:
        destinations = between([row.destinations for row in costs.cpu_us.rows])
    if events is None:
        rate = predict(costs, destinations, size, 1, workers=like.workers).events_per_s
        events = min(EVENTS_MAX, _rounded_up(DRAIN_STARTS * costs.start_up_s.value * rate))
    # Where some are updated, the least size is not that of the events: what was measured with it was as large as this.
    least = like.shape.size_bytes if is_updated(like.shape) else round(size)
    shape = msgspec.structs.replace(like.shape, namespaces=destinations, size_bytes=least)
    case = msgspec.structs.replace(like, name=f"{destinations:,} destinations", shape=shape)
    return Plan(cases=[case], events=events, turns=turns)


def between(measured: Sequence[int]) -> int:
    """In the middle, on the line over their logarithm, of the two neighbours that are furthest apart; or the only one.

    `measured` are numbers of destinations, sorted, each once.
    """
    pairs = list(pairwise(measured))
    if not pairs:
        return measured[0]
    lower, upper = max(pairs, key=lambda pair: pair[1] / pair[0])
    return round(math.sqrt(lower * upper))


def _rounded_up(events: float) -> int:
    """To two digits that count."""
    unit: int = 10 ** max(0, math.floor(math.log10(max(1.0, events))) - 1)
    return math.ceil(events / unit) * unit


def measure(plan: Plan, tell: Tell, target: Target = LOCAL) -> Measured:
    """Measure the drain of its one case: see `bench.cases.measure` for what it does, how long, and what it raises."""
    [measured] = measure_cases(plan, tell, target)
    return measured


def this_machine(cluster: str) -> str:
    """As `Costs.machine` names one, with the cluster that is measured on (`Result.cluster`)."""
    return measured_on(machine(), cluster)


def check_of(costs: Costs, plan: Plan, raw: Measured, here: str) -> Check:
    """Hold what was measured against the prediction. `here` is this machine, as `costs.machine` names one. Pure."""
    [case] = plan.cases
    predicted = predict(costs, case.shape.namespaces, size_bytes_of([raw]), plan.events, workers=case.workers)
    measured = Prediction(
        statistics.median(raw.net_cpu_us()),
        statistics.median(raw.events_per_s()),
        statistics.median(turn.wall_s for turn in raw.turns),
    )
    found = deviations(predicted, measured)
    return Check(
        events=plan.events,
        predicted=predicted,
        measured=measured,
        deviations=found,
        holds=all(deviation.holds for deviation in found),
        words=[_verdict(found), *_reservations(costs, plan, predicted, here)],
        rests_on=costs.sources,
        machine=costs.machine,
        raw=raw,
    )


def _verdict(found: Sequence[Deviation]) -> str:
    """Whether the model holds, and what follows for the user."""
    broken = [deviation for deviation in found if not deviation.holds]
    if not broken:
        return (
            "The model holds here: each figure is within its tolerance. A plan from these costs can be relied on as "
            "far as that, with no less headroom than the tolerances."
        )
    told = "; ".join(
        f"{deviation.what} {_percent(deviation)} than predicted, and {deviation.tolerance * 100:.0f} % are allowed"
        for deviation in broken
    )
    worse = any(_is_worse(deviation) for deviation in broken)
    follows = "too small: do not size by it" if worse else "larger than it has to be"
    return (
        f"The model does not hold here: {told}. A plan from these costs would be {follows}. Measure the costs again on "
        f"this machine while nothing else runs, with your number of destinations among those measured ({MAKE_ONE}); "
        "where it does not hold then either, leave headroom for what it is off by."
    )


def _is_worse(deviation: Deviation) -> bool:
    """Whether more is needed than was predicted: a rate is the one figure of which less is worse."""
    return deviation.off < 0 if "events/s" in deviation.what else deviation.off > 0


def _percent(deviation: Deviation) -> str:
    return f"is {abs(deviation.off) * 100:.0f} % {'more' if deviation.off > 0 else 'less'}"


def _reservations(costs: Costs, plan: Plan, predicted: Prediction, here: str) -> list[str]:
    """What besides the model may be the reason of a deviation."""
    told = []
    destinations = plan.cases[0].shape.namespaces
    rows = [row.destinations for row in costs.cpu_us.rows]
    if not rows[0] <= destinations <= rows[-1]:
        told.append(f"{destinations:,} destinations are not between those measured, {rows[0]:,} to {rows[-1]:,}.")
    if costs.machine != here:
        told.append(f"The costs were measured on {costs.machine or 'an unknown machine'}, and this is {here}.")
    if predicted.catch_up_s < 2 * costs.start_up_s.value:
        told.append(
            "The backlog is so small that the start is most of the time: the rate tells little. Give more events."
        )
    if plan.turns < TURNS:
        told.append(f"Fewer than {TURNS} turns: what a machine drifts by within minutes is not told from a deviation.")
    return told


def show_check(check: Check, console: Console) -> None:
    """Print it: both side by side, then what follows."""
    shape = check.raw.case.shape
    title = (
        f"{number(check.events)} events of {size_bytes_of([check.raw]):.0f} bytes to {number(shape.namespaces)} "
        f"destinations, {counted(len(check.raw.turns), 'turn')}"
    )
    made = Table(title=title, title_justify="left", caption="Medians of the turns.", caption_justify="left")
    for name in ("figure", "predicted", "measured", "off", "allowed", "holds"):
        made.add_column(name, justify="left" if name == "figure" else "right", no_wrap=True)
    for deviation in check.deviations:
        cells = (deviation.what, deviation.predicted, deviation.measured, f"{deviation.off * 100:+.0f} %",
                 f"{deviation.tolerance * 100:.0f} %", "yes" if deviation.holds else "NO")  # fmt: skip
        made.add_row(*(Text(cell, style="" if deviation.holds else "bold red") for cell in cells))
    console.print(made)
    for place, sentence in enumerate(check.words):
        console.print(Text(sentence, style="" if place else "bold"))
    console.print(Text(f"The costs are from {', '.join(check.rests_on)}."))
