"""Bars that lie, one under another, from zero on, each with its spread and its figure written at its end."""

import statistics
from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bench.plots.style import INK, MUTED, PAPER, SMALL_PT, grouped, only_grid

ROW_IN = 0.27
ROOM = 1.42  # of the longest bar: what is written beyond it needs the rest
# A program that is slower by far would leave nothing to be seen of the others: its bar is cut, and says so.
CUT, CUT_FROM = 6.0, 9.0  # to so many times the middle one's, where it is longer than so many times


class Bar(NamedTuple):
    """One bar: what it is called, a figure for each turn, what is written at its end, and its colour."""

    name: str
    values: Sequence[float]
    text: str
    colour: str


def limit(medians: Sequence[float]) -> float:
    """How long a bar may be, so that a single one does not make all others short."""
    middle = statistics.median(medians)
    return CUT * middle if max(medians) > CUT_FROM * middle else max(medians)


def draw_bars(axes: Axes, bars: Sequence[Bar], longest: float) -> None:
    """The first one on top. What is longer than `longest` ends there, broken off."""
    right = longest * ROOM
    for place, bar in enumerate(bars):
        middle = statistics.median(bar.values)
        cut = middle > longest
        width = min(middle, longest)
        axes.barh(place, width, height=0.72, color=bar.colour)
        end = width
        if cut:
            axes.text(width * 0.97, place, "//", color=PAPER, ha="right", va="center", weight="bold")
        elif len(bar.values) > 1:
            end = max(bar.values)
            right = max(right, end * 1.05)
            spread = [[middle - min(bar.values)], [end - middle]]
            axes.errorbar(middle, place, xerr=spread, color=INK, elinewidth=1.1, capsize=2.5, capthick=1.1)
        text = f"{bar.text}, cut off" if cut else bar.text
        axes.annotate(
            text, (end, place), xytext=(5, 0), textcoords="offset points", va="center", size=SMALL_PT, color=INK
        )
    axes.set_xlim(0, right or 1.0)  # of a backlog that was too small to tell nothing may be left
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(grouped))
    axes.set_ylim(len(bars) - 0.4, -0.6)
    axes.set_yticks(range(len(bars)), [bar.name for bar in bars], color=INK)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_color(MUTED)
    only_grid(axes, "x")
