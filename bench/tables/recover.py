"""What `python -m bench recover` says."""

import math
import statistics
from collections.abc import Sequence

from rich.table import Table

from bench.recover import Recover
from bench.tables.spread import spread

DRAINED_CAPTION = (
    "Median of the turns (least-most). Seconds: from the program's start until all is committed, so the start and a "
    "commit interval are in it. Times the rate: events drained a second over those that came."
)
KILLED_CAPTION = (
    "Moves again: from the SIGKILL until the first event is delivered that was written to the partition after it. "
    "Another's longest pause: between two deliveries of another partition meanwhile. By the broker's stamps; several "
    "brokers are taken to have the same clock. "
    "-: fewer than 100 kills, of which none lies beyond."
)


def drained_table(found: Recover) -> Table:
    """One row for each backlog."""
    title = f"A backlog drained, {found.shape.namespaces} namespaces"
    made = Table(title=title, caption=DRAINED_CAPTION, caption_justify="left")
    for name in ("backlog", "events", "turns", "seconds", "times the rate"):
        made.add_column(name, justify="left" if name == "backlog" else "right", no_wrap=True)
    for drained in found.drained:
        made.add_row(
            f"{drained.minutes:g} min at {found.rate:,.0f}/s",
            f"{drained.events:,}",
            str(len(drained.wall_s)),
            spread(drained.wall_s),
            spread(drained.events / wall_s / found.rate for wall_s in drained.wall_s),
        )
    return made


def killed_table(found: Recover) -> Table:
    """One row for the partition that was struck, and one for the others."""
    killed = found.killed
    twice = sum(kill.twice for kill in killed)
    title = f"A worker killed {len(killed)} times at {found.rate:,.0f} events/s: ms; {twice:,} events came twice"
    made = Table(title=title, caption=KILLED_CAPTION, caption_justify="left")
    for name in ("what", "kills", "median", "p99", "least", "most"):
        made.add_column(name, justify="left" if name == "what" else "right", no_wrap=True)
    for what, times_s in (
        ("its partition moves again", [kill.moved_s for kill in killed]),
        ("another's longest pause", [kill.other_gap_s for kill in killed]),
    ):
        figures = (statistics.median(times_s), percentile(times_s, 99), min(times_s), max(times_s))
        made.add_row(what, str(len(times_s)), *("-" if of is None else f"{of * 1000:,.0f}" for of in figures))
    return made


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The least of the values that so many percent are not above; None if it would be the most of too few."""
    place = math.ceil(len(values) * percent / 100)
    return sorted(values)[place - 1] if place < len(values) else None
