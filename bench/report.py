"""What a comparison says, as a table."""

import statistics
from collections.abc import Iterator, Sequence

from rich.table import Table

from bench.compare import Comparison, Round

COLUMNS = ("CPU us", "net CPU us", "events/s", "broker us", "peak MB", "ratio", "net ratio")
CAPTION = (
    "Median of the turns (least-most). CPU: user and system time of all processes of the program, for each event; net: "
    "less a start and stop with two events. Broker: its CPU meanwhile. Peak: sum of the most memory of its processes. "
    "Ratio: CPU of the first program over this one's, turn by turn."
)


def table(comparison: Comparison) -> Table:
    """One row for each number of destinations and program."""
    plan = comparison.plan
    title = f"{plan.events:,} events of {plan.shape.size_bytes} bytes, {plan.turns} turns"
    made = Table(title=title, caption=CAPTION, caption_justify="left")
    for name in ("topics", "program", *COLUMNS):
        made.add_column(name, justify="left" if name == "program" else "right", no_wrap=True)
    for measured in comparison.rounds:
        for row in _rows(measured):
            made.add_row(*row)
        made.add_section()
    return made


def _rows(measured: Round) -> Iterator[list[str]]:
    first_us, first_net_us = _cpu_us(measured, 0)
    for column, idle in enumerate(measured.idle):
        turns = [turn[column] for turn in measured.turns]
        cpu_us, net_us = _cpu_us(measured, column)
        ratios = [ours / theirs for ours, theirs in zip(first_us, cpu_us, strict=True)]
        net_ratios = [ours / theirs for ours, theirs in zip(first_net_us, net_us, strict=True)]
        yield [
            str(measured.destinations),
            idle.peer,
            _spread(cpu_us),
            _spread(net_us),
            f"{statistics.median(turn.events / turn.wall_s for turn in turns):,.0f}",
            _spread([turn.broker_cpu_s / turn.events * 1e6 for turn in turns]),
            f"{max(turn.peak_bytes for turn in turns) / 1e6:.0f}",
            _spread(ratios) if column else "",
            _spread(net_ratios) if column else "",
        ]


def _cpu_us(measured: Round, column: int) -> tuple[list[float], list[float]]:
    """CPU of one program for each event, turn by turn: all of it, and less its start and stop."""
    turns = [turn[column] for turn in measured.turns]
    idle_s = measured.idle[column].cpu_s
    return (
        [turn.cpu_s / turn.events * 1e6 for turn in turns],
        [(turn.cpu_s - idle_s) / turn.events * 1e6 for turn in turns],
    )


def _spread(values: Sequence[float]) -> str:
    middle = f"{statistics.median(values):.2f}"
    return f"{middle} ({min(values):.2f}-{max(values):.2f})" if len(values) > 1 else middle
