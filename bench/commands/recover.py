"""`python -m bench recover`."""

import math
import sys

import click
import msgspec

from bench.broker import BrokerDiedError, Target
from bench.commands import options
from bench.drain import DrainFailedError
from bench.loads import Load
from bench.recover import Plan, TooFewError, recover
from bench.rig import BROKEN_OFF
from bench.tables.recover import drained_table, killed_table

EXAMPLES = """\b
Examples:
  python -m bench recover
  # what an hour leaves at 500 events/s, and no kills
  python -m bench recover --minutes 60 --rate 500 --kills 0
  # kills only, as many as tell a 99th percentile: some ten minutes
  python -m bench recover --minutes '' --kills 100
  python -m bench recover --load churn --rate 5000
  python -m bench recover --set INFLIGHT_RECORDS=1000
  # on a cluster of yours: the topics made there are removed at the end
  python -m bench recover --bootstrap kafka:9092
"""


def _minutes(_: click.Context, __: click.Parameter, value: str) -> list[float]:
    """Numbers above 0 separated by commas; none of an empty text."""
    try:
        found = [float(number) for number in value.split(",") if number]
    except ValueError as error:
        raise click.BadParameter("expected numbers separated by commas") from error
    if not all(0 < number < math.inf for number in found):
        raise click.BadParameter("expected numbers above 0")
    return found


@click.command(name="recover", epilog=f"{EXAMPLES}\n{options.LOADS_TOLD}")
@options.load
@options.bootstrap
@click.option(
    "--minutes",
    default="1,5",
    show_default=True,
    callback=_minutes,
    help="What a backlog is of, at --rate: several separated by commas, or none.",
)
@click.option(
    "--rate",
    default=1_000.0,
    show_default=True,
    type=click.FloatRange(min=50),
    help="Events a second: of a backlog while it came, and of the load under which workers are killed.",
)
@click.option(
    "--turns", default=3, show_default=True, type=click.IntRange(min=1), help="Drains of each backlog, in turns."
)
@click.option("--kills", default=10, show_default=True, type=click.IntRange(min=0), help="Workers killed.")
@click.option("--namespaces", default=100, show_default=True, type=click.IntRange(min=1), help="Namespaces.")
@click.option(
    "--set", "settings", multiple=True, callback=options.settings, help="NAME=VALUE: a setting of events-fanout."
)
def recover_command(
    *,
    load: Load,
    target: Target,
    minutes: list[float],
    rate: float,
    turns: int,
    kills: int,
    namespaces: int,
    settings: dict[str, str],
) -> None:
    """How long it takes to be back: from a backlog, and from a worker that is killed under load.

    A source of two partitions. Exits with 1 if an event is missing afterwards, and, of a
    drain, if one came twice. A load says what the events are like, and not how many: that is --rate.
    """
    if not minutes and not kills:
        raise click.UsageError("nothing to measure: neither --minutes nor --kills")
    shape = msgspec.structs.replace(load.shape, namespaces=namespaces)
    plan = Plan(minutes=minutes, rate=rate, turns=turns, kills=kills, shape=shape, settings=settings)
    measuring = options.measuring("recover", target)
    console = options.console()
    broken_off = (BrokerDiedError, DrainFailedError, TooFewError, *BROKEN_OFF)
    with options.progress(console, plan.steps() + 1, broken_off) as tell:
        found = recover(plan, lambda what: tell(what, 1), target)
    if found.drained:
        console.print(drained_table(found))
    if found.killed:
        console.print(killed_table(found))
    options.keep(measuring.result(found), console)
    for problem in found.wrong():
        console.print(f"FAILED {problem}", highlight=False, soft_wrap=True)
    if found.wrong():
        sys.exit(1)
