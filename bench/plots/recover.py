"""What `python -m bench recover` has measured: how fast a backlog is gone, and how fast a killed worker is back."""

import statistics

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.plots.style import INK, MUTED, OTHERS, OURS, Label, framed, label_ends, look, only_grid
from bench.recover import Recover
from bench.result import Result

PANEL_IN = 2.9
SPREAD = 0.16  # of a row: dots beside each other


@look()
def draw(result: Result[Recover]) -> Figure:
    """On the left the time that backlogs take, on the right a dot for each kill of a worker."""
    found = result.data
    note = (
        f"Left: the program starts with a backlog of so many minutes at {found.rate:,.0f} events a second; each dot is "
        "a turn, the line their median. Right: a worker is killed under that load, and its partition stands still "
        "until another has taken over; each dot is a kill, the bar the median."
    )
    figure = framed(result, "After a standstill, and after a kill: less is better", note, PANEL_IN)
    backlog, kills = figure.subplots(1, 2)
    _backlog(backlog, found)
    _kills(kills, found)
    return figure


def _backlog(axes: Axes, found: Recover) -> None:
    drained = sorted(found.drained, key=lambda each: each.minutes)
    axes.set_title("Until a backlog is gone")
    axes.set_xlabel("backlog, in minutes of the load")
    axes.set_ylabel("seconds from the start")
    if not drained:
        _nothing(axes)
        return
    axes.plot([each.minutes for each in drained], [statistics.median(each.wall_s) for each in drained], color=OURS)
    for each in drained:
        axes.plot([each.minutes] * len(each.wall_s), each.wall_s, "o", color=OURS, markersize=5, alpha=0.6)
    axes.set_xlim(0, drained[-1].minutes * 1.05)
    axes.set_ylim(0, max(max(each.wall_s) for each in drained) * 1.15)
    last = drained[-1]
    middle_s = statistics.median(last.wall_s)
    label_ends(axes, [Label(last.minutes, middle_s, f"{middle_s:,.0f} s", OURS)])


def _kills(axes: Axes, found: Recover) -> None:
    axes.set_title("After a worker is killed")
    axes.set_xlabel("seconds")
    if not found.killed:
        _nothing(axes)
        return
    rows = {
        "its partition\nmoves again": ([each.moved_s for each in found.killed], OURS),
        "another's\nlongest pause": ([each.other_gap_s for each in found.killed], OTHERS),
    }
    for row, (values, colour) in enumerate(rows.values()):
        offsets = [SPREAD * ((number % 5) - 2) / 2 for number in range(len(values))]
        axes.plot(values, [row + offset for offset in offsets], "o", color=colour, markersize=6, alpha=0.65)
        middle_s = statistics.median(values)
        axes.plot([middle_s, middle_s], [row - 0.3, row + 0.3], color=INK, linewidth=2.0)
        axes.text(middle_s, row - 0.34, f"{middle_s:.2f} s", color=INK, ha="center", va="bottom", size=9)
    axes.set_yticks(range(len(rows)), list(rows), color=INK)
    axes.set_ylim(len(rows) - 0.5, -0.6)
    axes.set_xlim(0, max(max(values) for values, _ in rows.values()) * 1.12)
    only_grid(axes, "x")


def _nothing(axes: Axes) -> None:
    axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center", color=MUTED)
