"""What a comparison says, as a table."""

import statistics
from collections.abc import Iterator, Sequence

from rich.table import Table

from bench.compare import Comparison, Round
from bench.growth import Growth
from bench.ratio import ratio
from bench.soak import Soak

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


def ratio_table(comparison: Comparison) -> Table:
    """CPU of the first program over each other's, with the interval that holds the true ratio with 95 %."""
    made = Table(title=f"CPU for each event, {comparison.plan.turns} turns: ratio and its 95 % confidence interval")
    for name in ("topics", "programs", "ratio", "from", "to"):
        made.add_column(name, justify="left" if name == "programs" else "right", no_wrap=True)
    for measured in comparison.rounds:
        first_us, _ = _cpu_us(measured, 0)
        for column, idle in list(enumerate(measured.idle))[1:]:
            found = ratio(first_us, _cpu_us(measured, column)[0])
            pair = f"{measured.idle[0].peer} / {idle.peer}"
            made.add_row(str(measured.destinations), pair, *(f"{value:.3f}" for value in found))
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


def soak_table(soak: Soak) -> Table:
    """What became of each process that lived through it: median of the first third, and of the last."""
    title = f"{soak.written:,} events in {soak.minutes:g} min, {soak.arrived - soak.written} twice, {soak.kills} kills"
    made = Table(title=title, caption="Medians of the first and the last third after a quarter for warming up.")
    for name in ("process", "minutes", "memory MB", "open files", "threads", "grows"):
        made.add_column(name, justify="left" if name in ("process", "grows") else "right", no_wrap=True)
    for name, found in soak.trends.items():
        memory = _change(found.rss, 1e6)
        grows = ", ".join(found.broken()) or "nothing"
        made.add_row(name, f"{found.seconds / 60:.1f}", memory, _change(found.files), _change(found.threads), grows)
    return made


def _change(growth: Growth, unit: float = 1.0) -> str:
    digits = 1 if unit > 1 else 0
    return f"{growth.before / unit:.{digits}f} to {growth.after / unit:.{digits}f}"
