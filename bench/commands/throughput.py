"""`python -m bench throughput`."""

import click
import msgspec

from bench.broker import Target
from bench.cases import BROKEN_OFF, Case, Plan
from bench.cases.case import COMPRESSIONS
from bench.commands import options
from bench.loads import Load
from bench.tables.throughput import throughput_table
from bench.throughput import cases_of, throughput

EXAMPLES = """\b
Examples:
  python -m bench throughput
  python -m bench throughput --destinations 100 --turns 9
  python -m bench throughput --size 4400 --headers 0.1 --compression lz4
  python -m bench throughput --destinations 1000 --set PRODUCER_TOPICS=256
  python -m bench throughput --load churn
  # on a cluster of yours: the topics made there are removed at the end
  python -m bench throughput --bootstrap kafka:9092
  # next to nothing, to see that it works
  python -m bench throughput --destinations 5 --events 5000 --turns 1
"""


@click.command(name="throughput", epilog=f"{EXAMPLES}\n{options.LOADS_TOLD}")
@options.load
@options.bootstrap
@click.option(
    "--destinations",
    default="20,100,1000",
    show_default=True,
    callback=options.numbers,
    help="Numbers of destinations, separated by commas.",
)
@click.option(
    "--events", default=400_000, show_default=True, type=click.IntRange(min=1), help="Events in the backlog of each."
)
@click.option("--turns", default=5, show_default=True, type=click.IntRange(min=1), help="Drains of each.")
@click.option(
    "--size", default=1_100, show_default=True, type=click.IntRange(min=0), help="Least size of a value, in bytes."
)
@click.option(
    "--skew", default=0.0, show_default=True, type=click.FloatRange(min=0), help="Zipf exponent; 0 is all equal."
)
@click.option(
    "--headers", default=0.0, show_default=True, type=click.FloatRange(0, 1), help="Share of events with headers."
)
@click.option(
    "--compression", default="none", show_default=True, type=click.Choice(COMPRESSIONS), help="Of the source's records."
)
@click.option(
    "--partitions",
    default=2,
    show_default=True,
    type=click.IntRange(min=1),
    help="Of the source; each has a worker.",
)
@click.option(
    "--set", "settings", multiple=True, callback=options.settings, help="NAME=VALUE: a setting of events-fanout."
)
def throughput_command(
    *,
    load: Load,
    target: Target,
    destinations: list[int],
    events: int,
    turns: int,
    size: int,
    skew: float,
    headers: float,
    compression: str,
    partitions: int,
    settings: dict[str, str],
) -> None:
    """What an event of a backlog costs, and how many are delivered in a second, by number of destinations.

    One replica drains a source that was written before, turn by turn, on this machine and together with a local broker.
    Exits with 1 if the program fails or an event does not arrive exactly once.
    """
    if min(destinations) < 1:
        raise click.BadParameter("expected numbers above 0", param_hint="--destinations")
    base = Case(
        name="",
        shape=msgspec.structs.replace(load.shape, namespaces=0, skew=skew, size_bytes=size, headers=headers),
        partitions=partitions,
        settings=settings,
        compression=compression,
    )
    plan = Plan(cases=cases_of(base, destinations), events=events, turns=turns)
    measuring = options.measuring("throughput", target)
    console = options.console()
    with options.progress(console, plan.drains(), BROKEN_OFF) as tell:
        found = throughput(plan, tell, target)
    console.print(throughput_table(found))
    options.keep(measuring.result(found), console)
