"""What `python -m bench latency` has measured: how long events are under way, at each rate."""

import math
import statistics
from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from bench.histogram import BEYOND, Histogram
from bench.latency import Latency, Measured, Turn
from bench.plots.style import MUTED, Label, framed, label_ends, look, shade, varied
from bench.result import Result

TICKS = (50.0, 90.0, 99.0, 99.9, 99.99)
# Where a line is drawn through: close enough that it is the curve that the events make.
PERCENTS = (50.0, 60.0, 70.0, 80.0, 90.0, 95.0, 98.0, 99.0, 99.5, 99.8, 99.9, 99.95, 99.98, 99.99)
PANEL_IN = 2.7


@look()
def draw(result: Result[Latency]) -> Figure:
    """Two panels, one line in each for each rate that is valid: as a tenant sees it, and the program alone."""
    found = result.data
    turns = found.plan.turns
    drawn = [measured for measured in found.steps if found.valid(measured)]
    refused = [measured.step.name for measured in found.steps if not found.valid(measured)]
    note = (
        f"At p99: 99 of 100 events took this long or less. {varied(turns, 'band')} A line ends where fewer than "
        f"{BEYOND} events lie beyond."
    )
    if refused:
        note += f" Not drawn, because the machine had no time for the writer: {', '.join(refused)}."
    figure = framed(result, "How long an event is under way: lower is better", note, 2 * PANEL_IN)
    intended, program = figure.subplots(2, 1, sharex=True, sharey=True)
    tenants = _lines(intended, drawn, lambda turn: turn.times.intended_to_read_us)
    intended.set_title("From when it was meant to be written until it is read: what a tenant sees")
    programs = _lines(program, drawn, lambda turn: turn.times.source_to_destination_us)
    program.set_title("From the source to the destination: the program alone")
    program.set_xlabel("percentile of the events")
    label_ends(intended, tenants)  # now that both panels have the scale that they share
    label_ends(program, programs)
    return figure


def place(percent: float) -> float:
    """Where a percentile lies on the axis: each further nine is as far again, as on a logit scale above one half."""
    return -math.log10(1 - percent / 100)


def _lines(axes: Axes, drawn: Sequence[Measured], way: Callable[[Turn], Histogram]) -> list[Label]:
    """Draw them, and return what to write at their ends."""
    labels = []
    for number, measured in enumerate(drawn):
        colour = shade(number, len(drawn))
        seen = [way(turn) for turn in measured.turns]
        told = [percent for percent in PERCENTS if all(each.tells(percent) for each in seen)]
        if not told:
            continue
        turns_ms = [[each.percentile(percent) / 1000 for each in seen] for percent in told]
        at = [place(percent) for percent in told]
        middle_ms = [statistics.median(values) for values in turns_ms]
        behind = measured.behind()
        axes.plot(at, middle_ms, color=colour, linestyle="--" if behind else "-")
        least_ms, most_ms = [min(values) for values in turns_ms], [max(values) for values in turns_ms]
        axes.fill_between(at, least_ms, most_ms, color=colour, alpha=0.18, linewidth=0)
        labels.append(Label(at[-1], middle_ms[-1], _name(measured), colour))
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_yticks([], minor=True)
    axes.set_xticks([place(percent) for percent in TICKS], [f"p{percent:g}" for percent in TICKS])
    axes.set_xlim(place(TICKS[0]), place(TICKS[-1]))
    axes.set_ylabel("milliseconds, log scale")
    if not labels:
        axes.text(0.5, 0.5, "nothing valid", transform=axes.transAxes, ha="center", color=MUTED)
    return labels


def _name(measured: Measured) -> str:
    step = measured.step
    rate = f"{step.rate:,.0f}/s"
    name = rate if step.name == f"{step.rate:g}" else f"{step.name}: {rate}"
    return f"{name}, falls behind" if measured.behind() else name
