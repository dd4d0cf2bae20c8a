"""What `python -m bench latency` says."""

import statistics
from collections.abc import Callable, Iterator

from rich.table import Table

from bench.histogram import BEYOND, Histogram
from bench.latency import Latency, Measured, Turn
from bench.tables.spread import spread

PERCENTS = (50.0, 90.0, 99.0, 99.9, 99.99)
TIMES_CAPTION = (
    "Median of the turns (least-most). From intended: from when the event was meant to be written until a reader of "
    "its destination had it. Source to destination: from when one reader had it in the source until the same reader "
    "had it in its destination. Append to append: by the broker's stamps, which are whole milliseconds, of all events; "
    "what the clocks of several brokers differ by is in it. "
    f"-: fewer than {BEYOND} events of a turn lie beyond."
)
MACHINE_CAPTION = (
    "Late: ms later than intended that the writer wrote, at p99. Append to append: the mean in ms, by the broker's "
    "stamps; untapped: in a turn in which nothing read while the load was on. Program to taps: cores in use. "
    "Broker: of a local one. Watched: destinations that were read while the load was on. Behind: from the writer's end "
    "until all was committed, so a commit interval when it keeps up. Overlaps: events due before the one before had "
    "arrived."
)


def times_table(found: Latency) -> Table:
    """Three rows for each rate, one for each way of looking at it; no figures where the writer was late."""
    made = Table(title=f"Milliseconds under way, {_what(found)}", caption=TIMES_CAPTION, caption_justify="left")
    for name in ("load", "from and to", "events", *(f"p{percent:g}" for percent in PERCENTS), "most"):
        made.add_column(name, justify="left" if name in {"load", "from and to"} else "right", no_wrap=True)
    for measured in found.steps:
        if found.valid(measured):
            for row in _times(measured):
                made.add_row(*row)
        else:
            limit_ms = found.plan.late_ms
            refused = f"invalid: the writer was {measured.late_ms():.1f} ms late at p99, more than {limit_ms:g} ms"
            made.add_row(measured.step.name, refused)
        made.add_section()
    return made


def machine_table(found: Latency) -> Table:
    """One row for each rate: whether the machine had the time."""
    made = Table(title=f"The machine meanwhile, {_what(found)}", caption=MACHINE_CAPTION, caption_justify="left")
    parts: dict[str, Callable[[Turn], float]] = {
        "program": lambda turn: turn.cpu.program_s,
        "broker": lambda turn: turn.cpu.broker_s,
        "writer": lambda turn: turn.wrote.cpu_s,
        "taps": lambda turn: turn.taps_cpu_s,
    }
    names = ("load", "events/s", "late", "append to append", "untapped", *parts, "watched", "behind s", "overlaps")
    for name in names:
        made.add_column(name, justify="left" if name == "load" else "right", no_wrap=True)
    for measured in found.steps:
        turns = measured.turns
        made.add_row(
            measured.step.name,
            f"{measured.step.rate:,.0f}",
            spread(turn.late_ms() for turn in turns),
            spread(turn.times.append_to_append_ms.mean for turn in turns),
            f"{measured.untapped.times.append_to_append_ms.mean:.2f}",
            *(spread([statistics.median(part(turn) / turn.wall_s for turn in turns)], 2) for part in parts.values()),
            str(turns[0].watched),
            f"{statistics.median(turn.settle_s for turn in turns):.2f}",
            str(max(turn.overlaps for turn in turns)),
        )
    return made


def _times(measured: Measured) -> Iterator[list[str]]:
    ways: dict[str, tuple[Callable[[Turn], Histogram], float]] = {
        "from intended": (lambda turn: turn.times.intended_to_read_us, 1000.0),
        "source to destination": (lambda turn: turn.times.source_to_destination_us, 1000.0),
        "append to append": (lambda turn: turn.times.append_to_append_ms, 1.0),
    }
    headings = iter([measured.step.name, "falls behind" if measured.behind() else "", ""])
    for name, (way, unit) in ways.items():
        seen = [way(turn) for turn in measured.turns]
        digits = None if unit > 1 else 0  # stamps are whole ones
        yield [
            next(headings),
            name,
            f"{sum(each.count for each in seen):,}",
            *(_percentile(seen, percent, unit, digits) for percent in PERCENTS),
            spread((each.highest / unit for each in seen), digits),
        ]


def _percentile(seen: list[Histogram], percent: float, unit: float, digits: int | None) -> str:
    if not all(each.tells(percent) for each in seen):
        return "-"
    return spread((each.percentile(percent) / unit for each in seen), digits)


def _what(found: Latency) -> str:
    plan = found.plan
    return f"{plan.setup.shape.namespaces} namespaces, {plan.turns} turns of {plan.seconds:g} s"
