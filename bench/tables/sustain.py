"""What `python -m bench sustain` says."""

from rich.table import Table

from bench.sustain import Sustain
from bench.tables.spread import spread

CAPTION = (
    "Holds: the highest rate at which neither what is undelivered nor what is not committed grows; fails: the lowest "
    "at which it does, twice. CPU: microseconds for each event at the rate that holds, the broker's if it is local. "
    "Late: ms later than intended that the writer wrote there, at p99."
)


def sustain_table(found: Sustain) -> Table:
    """One row for each search, and their median."""
    plan = found.plan
    shape = plan.setup.shape
    what = f"{shape.namespaces} namespaces, {plan.setup.partitions} partitions, {shape.size_bytes} bytes"
    made = Table(title=f"Highest sustained rate, {what}", caption=CAPTION, caption_justify="left")
    for name in ("search", "holds", "fails", "probes", "our CPU us", "broker us", "writer us", "late", "the limit is"):
        made.add_column(name, justify="right", no_wrap=True)
    for number, turn in enumerate(found.turns, 1):
        held = turn.held()
        costs = [probe.each() for probe in held]
        made.add_row(
            str(number),
            f"{turn.bracket.holds:,.0f}",
            f"{turn.bracket.fails:,.0f}",
            str(len(turn.probes)),
            spread(cost.program_us for cost in costs),
            spread(cost.broker_us for cost in costs),
            spread(cost.writer_us for cost in costs),
            spread(probe.wrote.late_us.percentile(99) / 1000 for probe in held),
            "the writer's" if turn.limited() else "ours",
        )
    made.add_section()
    costs = [probe.each() for probe in found.held()]
    made.add_row(
        "all",
        spread((turn.bracket.holds for turn in found.turns), 0),
        spread((turn.bracket.fails for turn in found.turns), 0),
        str(sum(len(turn.probes) for turn in found.turns)),
        spread(cost.program_us for cost in costs),
        spread(cost.broker_us for cost in costs),
        spread(cost.writer_us for cost in costs),
    )
    return made
