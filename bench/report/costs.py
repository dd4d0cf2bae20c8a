"""What came out of the measurements of cost, in sentences: compare, ab, throughput, sweep, scale, check. Pure."""

import math
import statistics

from bench.cases import Measured
from bench.compare import Comparison, Round
from bench.plan.check import Check
from bench.ratio import ratio
from bench.report.words import around, counted, listed, shown, times, whose
from bench.scale import Scale
from bench.sweep import Series, Sweep
from bench.tables.compare import cpu_us
from bench.throughput import Throughput

CERTAIN = 3  # turns; of fewer no interval is told
ALIKE = 0.05  # of a figure that is swept: what less than that does is told as nothing


def compared(found: Comparison) -> list[str]:
    """A sentence for each number of destinations: the first program against each other one."""
    return [_round(measured) for measured in found.rounds]


def _round(measured: Round) -> str:
    first = measured.idle[0].peer
    ours = cpu_us(measured, 0)
    begun = (
        f"At {counted(measured.destinations, 'destination')} {first} takes {around(ours, 'us')} of CPU for each event"
    )
    others = [
        _against(idle.peer, ours, cpu_us(measured, column)) for column, idle in enumerate(measured.idle) if column
    ]
    return f"{begun}: {listed(others)}." if others else f"{begun}."


def _against(name: str, ours: list[float], theirs: list[float]) -> str:
    middle, low, high = ratio(ours, theirs)
    if len(ours) >= CERTAIN and low <= 1 <= high:
        return f"no more and no less than {name} that {len(ours)} turns could tell ({middle:.2f}, {low:.2f}-{high:.2f})"
    return f"{times(middle)} {whose(name)}"


def throughput(found: Throughput) -> list[str]:
    """How fast, and at what cost: of each case."""
    return [
        f"{each.case.name}: {shown(each.events_per_s(), 0)} events a second ({shown(each.mb_per_s())} MB/s), "
        f"{around(each.net_cpu_us(), 'us')} of CPU for each{_broker(each)}."
        for each in found.measured
    ]


def _broker(measured: Measured) -> str:
    """Its part, where it is known: of one that is not local it is not."""
    broker_us = measured.broker_us()
    return "" if any(map(math.isnan, broker_us)) else f", and {shown(broker_us)} us of the broker's"


def swept(found: Sweep) -> list[str]:
    """Which value of each figure costs most, as a multiple of the one that costs least."""
    return [_series(series) for series in found.series]


def _series(series: Series) -> str:
    costs = [statistics.median(measured.net_cpu_us()) for measured in series.measured]
    if len(costs) == 1:
        return f"{_value(series, 0)}: {around(series.measured[0].net_cpu_us(), 'us')} of CPU for each event."
    least, most = costs.index(min(costs)), costs.index(max(costs))
    if costs[least] <= 0:
        return f"{series.figure}: the backlog was too small to tell."
    pairs = zip(series.measured[most].net_cpu_us(), series.measured[least].net_cpu_us(), strict=True)
    more = statistics.median(above / below if below > 0 else 1.0 for above, below in pairs)
    if more < 1 + ALIKE:
        between = f"{_value(series, 0)} and {_value(series, -1)}"
        return f"{series.figure}: makes less than {ALIKE * 100:.0f} % of difference between {between}."
    return (
        f"{series.figure}: from {shown([costs[least]])} us of CPU for each event at {_value(series, least)} to "
        f"{shown([costs[most]])} us at {_value(series, most)}, {times(more)} as much."
    )


def _value(series: Series, place: int) -> str:
    value = series.values[place]
    return f"{int(value):,} {series.unit}".strip() if value.isdecimal() else f"{value} {series.unit}".strip()


def scaled(found: Scale, cores: int) -> list[str]:
    """What the most workers do against the fewest, and where the law sees an end if one is fitted."""
    each = zip(found.workers, found.measured, strict=True)
    told = [f"{counted(workers, 'worker')}: {_speed(measured)}" for workers, measured in each]
    said = [f"{'; '.join([told[0], *told[1:][-1:]])}, on {counted(cores, 'core')}."]
    if found.fit is None:
        return said
    peak = found.fit.peak
    if math.isinf(peak.value):
        return [*said, "The Universal Scalability Law sees no number of workers beyond which more do less."]
    high = "any number" if math.isinf(peak.high) else f"{peak.high:.0f}"
    bounds = f"between {peak.low:.0f} and {high}"
    return [*said, f"By the Universal Scalability Law {peak.value:.0f} workers do most ({bounds}), and more do less."]


def checked(found: Check) -> list[str]:
    """Whether the plan's model holds, and how far off it is."""
    off = [
        f"{each.what}: {each.predicted} predicted, {each.measured} measured, {each.off * 100:+.0f} %"
        f" where {each.tolerance * 100:.0f} % are allowed."
        for each in found.deviations
    ]
    return [*found.words, *off, f"The costs are from {listed(found.rests_on)}."]


def _speed(measured: Measured) -> str:
    return f"{shown(measured.events_per_s(), 0)} events a second at {shown(measured.net_cpu_us())} us of CPU for each"
