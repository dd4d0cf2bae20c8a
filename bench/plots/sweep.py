"""What `python -m bench sweep` has measured: how the cost of an event changes with one figure at a time."""

import itertools
import statistics
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.plots.style import BACKED, INK, OURS, PAPER, SMALL_PT, framed, look, only_grid, varied
from bench.result import Result
from bench.sweep import FIGURES, Series, Sweep
from bench.tables.spread import spread

COLUMNS = 2
PANEL_IN = 2.0
LOGARITHMIC = 4.0  # a figure whose most is so many times its least is shown by its logarithm
CLOSE = 0.12  # of the axis: what is written closer together than that lies on each other


@look()
def draw(result: Result[Sweep]) -> Figure:
    """One panel for each figure, all on the same scale, so that it is seen which of them matters."""
    series = result.data.series
    turns = max(len(each.turns) for one in series for each in one.measured)
    note = (
        "One figure is changed at a time, and all panels have the same scale. Full dot: the default. Start and stop "
        f"are taken off. {varied(turns)} Each panel had a broker of its own: small differences between panels say "
        "nothing."
    )
    rows = -(-len(series) // COLUMNS)
    figure = framed(result, "What changes the CPU for each event: less is better", note, rows * PANEL_IN)
    columns = min(COLUMNS, len(series))
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False)
    most = max(max(each.net_cpu_us()) for one in series for each in one.measured)
    for axes, one in itertools.zip_longest(panels.flat, series):
        if one is None:
            axes.remove()
        else:
            _panel(axes, one)
            axes.set_ylim(0, most * 1.2 if most > 0 else 1.0)
    for axes in panels[:, 0]:
        axes.set_ylabel("CPU for each event,\nmicroseconds")
    return figure


class Scale(NamedTuple):
    """Where the values of a figure lie on the axis, and which axis that is."""

    places: list[float]
    kind: str  # of matplotlib's: linear or log
    joined: bool  # whether there is anything between two values
    told: str  # what is said of it beside the unit


def scale(series: Series) -> Scale:
    """By their logarithm where they are far apart, by their size where there is room, else one beside another."""
    try:
        numbers = [float(value.replace(",", "").replace("_", "")) for value in series.values]
    except ValueError:
        return Scale([float(place) for place in range(len(series.values))], "linear", joined=False, told="")
    least, most = min(numbers), max(numbers)
    if least > 0 and (most / least >= LOGARITHMIC or series.figure == "destinations"):
        return Scale(numbers, "log", joined=True, told="log scale")
    gaps = [after - before for before, after in itertools.pairwise(sorted(numbers))]
    if gaps and min(gaps) < (most - least) * CLOSE:
        return Scale([float(place) for place in range(len(numbers))], "linear", joined=True, told="not to scale")
    return Scale(numbers, "linear", joined=True, told="")


def _panel(axes: Axes, series: Series) -> None:
    at = scale(series)
    costs = [each.net_cpu_us() for each in series.measured]
    middles = [statistics.median(values) for values in costs]
    spreads = [
        [middle - min(values) for middle, values in zip(middles, costs, strict=True)],
        [max(values) - middle for middle, values in zip(middles, costs, strict=True)],
    ]
    axes.set_xscale(at.kind)
    axes.errorbar(
        at.places, middles, yerr=spreads, color=OURS, ecolor=INK, elinewidth=1.1, capsize=2.5, marker="o",
        markersize=6, markerfacecolor=PAPER, linestyle="-" if at.joined else "none",
    )  # fmt: skip
    usual = [place for place, value in zip(at.places, series.values, strict=True) if _is_usual(series, value)]
    axes.plot(usual, [middles[at.places.index(place)] for place in usual], "o", color=OURS, markersize=6, zorder=3)
    for place, middle, values in zip(at.places, middles, costs, strict=True):
        axes.annotate(
            spread([middle]), (place, max(values)), xytext=(0, 5), textcoords="offset points", ha="center",
            size=SMALL_PT, color=INK, bbox=BACKED, zorder=4,
        )  # fmt: skip
    axes.set_xticks(at.places, [_shown(value) for value in series.values])
    axes.set_xticks([], minor=True)
    axes.margins(x=0.1)
    told = ", ".join(part for part in (series.unit, at.told) if part)
    axes.set_title(series.figure.capitalize())
    axes.set_xlabel(f"{series.figure} ({told})" if told else series.figure)
    only_grid(axes, "y")


def _is_usual(series: Series, value: str) -> bool:
    return series.figure in FIGURES and value == FIGURES[series.figure].usual


def _shown(value: str) -> str:
    return f"{int(value):,}" if value.isdecimal() else value
