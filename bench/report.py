"""What a comparison says, as a table."""

import statistics
from collections.abc import Callable, Iterable, Sequence

from rich.table import Table

from bench.compare import Comparison, Round
from bench.drain import Turn


def table(comparison: Comparison) -> Table:
    """One row for each number of destinations and program: medians over the turns, least and most in brackets."""
    made = Table(
        title=f"{comparison.plan.events:,} events, {comparison.plan.shape.size_bytes} bytes, per event of the backlog"
    )
    for name in ("destinations", "program"):
        made.add_column(name)
    for name in (
        "CPU us, whole life",
        "CPU us less start and stop",
        "events/s",
        "broker CPU us",
        "largest process MB",
        "first's CPU / this",
    ):
        made.add_column(name, justify="right")
    for measured in comparison.rounds:
        for row in _rows(measured):
            made.add_row(*row)
        made.add_section()
    return made


def ratios(measured: Round, column: int) -> list[float]:
    """CPU of the first program over that of the program in `column`, turn by turn."""
    return [turn[0].cpu_s / turn[column].cpu_s for turn in measured.turns]


def _rows(measured: Round) -> Iterable[list[str]]:
    for column, idle in enumerate(measured.idle):
        turns = [turn[column] for turn in measured.turns]
        yield [
            str(measured.destinations),
            idle.peer,
            _spread(turns, lambda turn: turn.cpu_s / turn.events * 1e6),
            _spread(turns, lambda turn, start_s=idle.cpu_s: (turn.cpu_s - start_s) / turn.events * 1e6),  # type: ignore[misc]
            f"{statistics.median(turn.events / turn.wall_s for turn in turns):,.0f}",
            _spread(turns, lambda turn: turn.broker_cpu_s / turn.events * 1e6),
            f"{max(turn.peak_bytes for turn in turns) / 1e6:.0f}",
            _middle(ratios(measured, column)) if column else "",
        ]


def _spread(turns: Sequence[Turn], value: Callable[[Turn], float]) -> str:
    return _middle([value(turn) for turn in turns])


def _middle(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"
