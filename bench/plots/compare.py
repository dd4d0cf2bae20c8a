"""CPU for each event by program: what `python -m bench compare` and `python -m bench ab` have measured."""

import statistics

from matplotlib.figure import Figure

from bench.compare import Comparison, Round
from bench.plots.bars import ROW_IN, Bar, draw_bars, limit
from bench.plots.style import colour_of, framed, look, varied
from bench.result import Result
from bench.tables.compare import cpu_us, ratios, shown_ratio
from bench.tables.spread import spread


@look()
def draw(result: Result[Comparison]) -> Figure:
    """Bars for each number of destinations, with the ratio to the first program written on them."""
    comparison = result.data
    first = comparison.rounds[0].idle[0].peer
    order = _order(comparison)
    note = (
        f"Start and stop included. {varied(comparison.plan.turns)} Ratio: CPU of {first} divided by this program's, so "
        f"below 1 where {first} takes less."
    )
    height_in = len(comparison.rounds) * (len(order) * ROW_IN + 0.32) + 0.4
    figure = framed(result, "CPU for each event: less is better", note, height_in)
    panels = figure.subplots(len(comparison.rounds), sharex=True, squeeze=False)[:, 0]
    longest = limit([statistics.median(cpu_us(each, column)) for each in comparison.rounds for column in order])
    for axes, measured in zip(panels, comparison.rounds, strict=True):
        draw_bars(axes, [_bar(measured, column) for column in order], longest)
        axes.set_title(f"{measured.destinations:,} destination{'s' * (measured.destinations != 1)}")
    panels[-1].set_xlabel("CPU for each event, microseconds")
    return figure


def _bar(measured: Round, column: int) -> Bar:
    name, values = measured.idle[column].peer, cpu_us(measured, column)
    text = f"{spread([statistics.median(values)])} us"
    if column:
        text += f", ratio {shown_ratio(statistics.median(ratios(measured, column)))}"
    return Bar(name, values, text, colour_of(name))


def _order(comparison: Comparison) -> list[int]:
    """Columns by the CPU that they took in all, least first: the same in each panel."""
    taken = {
        column: sum(statistics.median(cpu_us(measured, column)) for measured in comparison.rounds)
        for column in range(len(comparison.rounds[0].idle))
    }
    return sorted(taken, key=lambda column: taken[column])
