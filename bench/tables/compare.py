"""What `python -m bench compare` and `python -m bench ab` say."""

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence

from rich.markup import escape
from rich.table import Table

from bench.compare import Comparison, Round
from bench.ratio import ratio
from bench.tables.spread import spread

COLUMNS = ("CPU us", "net CPU us", "events/s", "broker us", "peak MB", "ratio", "net ratio")
CAPTION = (
    "Median of the turns (least-most). CPU: user and system time of all processes of the program, for each event; net: "
    "less a start and stop with two events. Broker: its CPU meanwhile. Peak: sum of the most memory of its processes. "
    "Ratio: CPU of the first program over this one's, turn by turn."
)


def table(comparison: Comparison) -> Table:
    """One row for each number of destinations and program."""
    plan = comparison.plan
    title = f"{backlogs(comparison)} of {plan.shape.size_bytes:,} bytes, {plan.turns} turns"
    made = Table(title=title, caption=CAPTION, caption_justify="left")
    for name in ("topics", "program", *COLUMNS):
        made.add_column(name, justify="left" if name == "program" else "right", no_wrap=True)
    for measured in comparison.rounds:
        for row in _rows(measured):
            made.add_row(*row)
        made.add_section()
    return made


def ratio_table(comparison: Comparison) -> Table:
    """CPU of the first program over each other's, with the interval that holds the true ratio with 95 %."""
    made = Table(title=f"CPU for each event, {comparison.plan.turns} turns: ratio and its 95 % confidence interval")
    for name in ("topics", "programs", "ratio", "from", "to"):
        made.add_column(name, justify="left" if name == "programs" else "right", no_wrap=True)
    for measured in comparison.rounds:
        first_us = cpu_us(measured, 0)
        for column, idle in list(enumerate(measured.idle))[1:]:
            found = ratio(first_us, cpu_us(measured, column))
            pair = f"{measured.idle[0].peer} / {idle.peer}"
            made.add_row(f"{measured.destinations:,}", escape(pair), *(f"{value:.3f}" for value in found))
    return made


def backlogs(comparison: Comparison) -> str:
    """How many events were drained in a turn, as "400,000 events (confluent-naive 5,000)" where not all had the same.

    From the turns, and not from the plan: a slow program has a smaller backlog than was asked for.
    """
    drained = {turn.peer: turn.events for measured in comparison.rounds for turns in measured.turns for turn in turns}
    if not drained:
        return f"{comparison.plan.events:,} events"
    [(usual, _)] = Counter(drained.values()).most_common(1)
    others = ", ".join(f"{name} {events:,}" for name, events in drained.items() if events != usual)
    return f"{usual:,} events" + (f" ({others})" if others else "")


def cpu_us(measured: Round, column: int) -> list[float]:
    """CPU microseconds of one program for each event, turn by turn, start and stop included."""
    return [turn[column].cpu_s / turn[column].events * 1e6 for turn in measured.turns]


def ratios(measured: Round, column: int) -> list[float]:
    """CPU of the first program for each event over this one's, turn by turn."""
    return [ours / theirs for ours, theirs in zip(cpu_us(measured, 0), cpu_us(measured, column), strict=True)]


def shown_ratio(value: float) -> str:
    """Two digits after the point, more where these would say nothing."""
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def _spread_ratios(values: Sequence[float]) -> str:
    middle = shown_ratio(statistics.median(values))
    return f"{middle} ({shown_ratio(min(values))}-{shown_ratio(max(values))})" if len(values) > 1 else middle


def _net_us(measured: Round, column: int) -> list[float]:
    """The same CPU, less a start and stop."""
    idle_s = measured.idle[column].cpu_s
    return [(turn[column].cpu_s - idle_s) / turn[column].events * 1e6 for turn in measured.turns]


def _rows(measured: Round) -> Iterator[list[str]]:
    first_net_us = _net_us(measured, 0)
    for column, idle in enumerate(measured.idle):
        turns = [turn[column] for turn in measured.turns]
        net_us = _net_us(measured, column)
        net_ratios = [ours / theirs for ours, theirs in zip(first_net_us, net_us, strict=True)]
        yield [
            f"{measured.destinations:,}",
            escape(idle.peer),
            spread(cpu_us(measured, column)),
            spread(net_us),
            f"{statistics.median(turn.events / turn.wall_s for turn in turns):,.0f}",
            spread(turn.broker_cpu_s / turn.events * 1e6 for turn in turns),
            f"{max(turn.peak_bytes for turn in turns) / 1e6:.0f}",
            _spread_ratios(ratios(measured, column)) if column else "",
            _spread_ratios(net_ratios) if column else "",
        ]
