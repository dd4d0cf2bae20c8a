"""What `python -m bench scale` has measured: what more workers bring."""

import statistics
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.broker.target import LOCAL_TOLD
from bench.plots.style import INK, MUTED, OTHERS, OURS, Label, framed, label_ends, look, only_grid, varied
from bench.result import Result
from bench.scale import Scale, why_no_law

SPEED_IN, COST_IN = 2.7, 1.6
STEPS = 100


@look()
def draw(result: Result[Scale]) -> Figure:
    """Events a second over workers, with the fitted law and what would be linear; below it the CPU for each event."""
    found = result.data
    turns = max(len(each.turns) for each in found.measured)
    cores = result.machine.cores
    shared = ", which the broker shares" if result.cluster == LOCAL_TOLD else ""
    law = "The line is the Universal Scalability Law." if found.fit else why_no_law(cores)
    note = f"Dots: {found.events:,} events for each worker, on {cores} cores{shared}. {varied(turns)} {law}"
    figure = framed(result, "What more workers bring", note, SPEED_IN + COST_IN + 0.4)
    speed, cost = figure.subplots(2, 1, sharex=True, height_ratios=(SPEED_IN, COST_IN))
    rates = [each.events_per_s() for each in found.measured]
    _dots(speed, found.workers, rates)
    speed.set_title("Throughput: more is better")
    speed.set_ylabel("events a second")
    speed.yaxis.set_major_formatter("{x:,.0f}")
    _dots(cost, found.workers, [each.net_cpu_us() for each in found.measured])
    cost.set_title("CPU: less is better")
    cost.set_ylabel("CPU for each event,\nmicroseconds")
    cost.set_xlabel("workers, one for each partition of the source")
    cost.set_xticks(found.workers)
    label_ends(speed, _lines(speed, found, rates))
    return figure


def _dots(axes: Axes, workers: Sequence[int], values: Sequence[Sequence[float]]) -> None:
    middles = [statistics.median(each) for each in values]
    spreads = [
        [middle - min(each) for middle, each in zip(middles, values, strict=True)],
        [max(each) - middle for middle, each in zip(middles, values, strict=True)],
    ]
    axes.errorbar(
        workers, middles, yerr=spreads, color=OURS, ecolor=INK, elinewidth=1.1, capsize=2.5, marker="o", markersize=6,
        linestyle="none",
    )  # fmt: skip
    axes.set_ylim(0, max(max(each) for each in values) * 1.2)
    only_grid(axes, "y")


def _lines(axes: Axes, found: Scale, rates: Sequence[Sequence[float]]) -> list[Label]:
    """Draw what is linear and the law, and return what to write at their ends."""
    most, least = max(found.workers), min(found.workers)
    one = statistics.median(rates[found.workers.index(least)]) / least
    axes.plot([0, most], [0, one * most], color=OTHERS, linestyle="--", linewidth=1.2, zorder=0)
    labels = [Label(most, one * most, "linear", MUTED)]
    top = max(axes.get_ylim()[1], one * most * 1.08)
    axes.set_ylim(0, top)
    axes.set_xlim(0, most * 1.04)
    if found.fit is None:
        return labels
    law, peak = found.fit.law, found.fit.peak.value
    at = [least + (most - least) * step / STEPS for step in range(STEPS + 1)]
    axes.plot(at, [law.at(workers) for workers in at], color=OURS, linewidth=1.6)
    if peak < most:
        axes.axvline(peak, color=MUTED, linestyle=":", linewidth=1.0)
        axes.annotate(
            f"most at {peak:.0f} workers", (peak, 0), xytext=(4, 6), textcoords="offset points", color=MUTED, size=9
        )
    return [*labels, Label(most, law.at(most), "law", OURS)]
