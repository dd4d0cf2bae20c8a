"""What `python -m bench sustain` has measured: at which rates the lag grows, and at which it does not."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.plots.style import FAILED, INK, MUTED, OURS, Label, framed, label_ends, look, only_grid
from bench.result import Result
from bench.sustain import Probe, Sustain

LAG_IN, SEARCH_IN = 2.9, 0.34


@look()
def draw(result: Result[Sustain]) -> Figure:
    """On top the lag of each probe over its time; below it which rates were tried, a row for each search."""
    found = result.data
    rows = len(found.turns)
    note = (
        "Each line is one rate, tried for a while. Blue: its lag does not grow, so the program keeps up; orange: it "
        "grows; grey: the writer could not write so much. Thick, and joined by a line below: the rates that the limit "
        "was found between."
    )
    more = " or more" if any(turn.limited() for turn in found.turns) else ""
    title = f"Keeps up with {found.sustained:,.0f} events a second{more}: more is better"
    figure = framed(result, title, note, LAG_IN + rows * SEARCH_IN + 1.1)
    lag, rates = figure.subplots(2, 1, height_ratios=(LAG_IN, rows * SEARCH_IN + 0.3))
    probes = [probe for turn in found.turns for probe in turn.probes]
    limits = {rate for turn in found.turns for rate in (turn.bracket.holds, turn.bracket.fails)}
    for probe in probes:
        thick = probe.rate in limits
        axis = [sample.at_s for sample in probe.samples]
        lag.plot(axis, lag_s(probe), color=_colour(probe), linewidth=2.0 if thick else 0.9, alpha=1 if thick else 0.55)
    lag.set_title("Events that are in the source and not delivered yet")
    lag.set_xlabel("seconds since the load began")
    lag.set_ylabel("lag, in seconds of the load")
    lag.set_ylim(bottom=0)
    lag.set_xlim(left=0)
    _searches(rates, found)
    label_ends(lag, _labels(found))
    return figure


def lag_s(probe: Probe) -> list[float]:
    """What is not delivered, at each sample, as the seconds in which so much is written: comparable between rates."""
    return [(sample.written - sample.arrived) / probe.rate for sample in probe.samples]


def _labels(found: Sustain) -> list[Label]:
    """Of the rates that the limits were found between the outermost, and the fastest that was tried in vain."""
    probes = [probe for turn in found.turns for probe in turn.probes if probe.samples]
    failed = [probe for probe in probes if probe.verdict.holds is False]
    holds, fails = max(turn.bracket.holds for turn in found.turns), min(turn.bracket.fails for turn in found.turns)
    chosen = {
        probe.rate: probe
        for probe in (
            *(probe for probe in probes if probe.rate == holds and probe.verdict.holds),
            *(probe for probe in failed if probe.rate == fails),
            *sorted(failed, key=lambda probe: probe.rate)[-1:],
        )
    }
    return [
        Label(probe.samples[-1].at_s, lag_s(probe)[-1], f"{probe.rate:,.0f}/s", _colour(probe))
        for probe in chosen.values()
    ]


def _searches(axes: Axes, found: Sustain) -> None:
    for row, turn in enumerate(found.turns):
        for holds, marker in ((True, "o"), (False, "x"), (None, "s")):
            chosen = [probe for probe in turn.probes if probe.verdict.holds is holds]
            colour = _colour(chosen[0]) if chosen else MUTED
            axes.plot([probe.rate for probe in chosen], [row] * len(chosen), marker, color=colour, markersize=6)
        axes.plot([turn.bracket.holds, turn.bracket.fails], [row, row], color=INK, linewidth=1.2, zorder=0)
    axes.axvline(found.sustained, color=OURS, linewidth=1.0, linestyle=":")
    axes.set_yticks(range(len(found.turns)), [f"search {number}" for number in range(1, len(found.turns) + 1)])
    axes.set_ylim(len(found.turns) - 0.5, -0.5)
    axes.set_title("Rates that were tried, and the median of what the searches found")
    axes.set_xlabel("events a second")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    only_grid(axes, "x")


def _colour(probe: Probe) -> str:
    return {True: OURS, False: FAILED, None: MUTED}[probe.verdict.holds]
