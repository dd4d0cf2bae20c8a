"""`python -m bench sustain`."""

import sys

import click
import msgspec
from rich.progress import Progress

from bench.bracket import NoLimitError
from bench.broker import Target
from bench.commands import options
from bench.loads import Load
from bench.rig import BROKEN_OFF, Setup
from bench.sustain import WIDTH, Plan, sustain
from bench.tables.sustain import sustain_table

EXAMPLES = """\b
Examples:
  python -m bench sustain
  python -m bench sustain --namespaces 1000 --turns 5
  python -m bench sustain --first 2000 --seconds 40 --set INFLIGHT_RECORDS=5000
  python -m bench sustain --load resync
  # on a cluster of yours: the topics made there are removed at the end
  python -m bench sustain --bootstrap kafka:9092
"""


@click.command(name="sustain", epilog=f"{EXAMPLES}\n{options.LOADS_TOLD}")
@options.load
@options.bootstrap
@click.option("--namespaces", default=100, show_default=True, type=click.IntRange(min=1), help="Namespaces.")
@click.option("--partitions", default=2, show_default=True, type=click.IntRange(min=1), help="Of the source.")
@click.option(
    "--seconds", default=20.0, show_default=True, type=click.FloatRange(min=2), help="How long a rate is tried."
)
@click.option("--turns", default=3, show_default=True, type=click.IntRange(min=1), help="Searches.")
@click.option(
    "--first", default=10_000.0, show_default=True, type=click.FloatRange(min=1), help="Rate that is tried first."
)
@click.option(
    "--width",
    default=WIDTH,
    show_default=True,
    type=click.FloatRange(min=1.01),
    help="The search ends when the rate that fails is at most so many times the one that holds.",
)
@click.option(
    "--set", "settings", multiple=True, callback=options.settings, help="NAME=VALUE: a setting of events-fanout."
)
def sustain_command(
    *,
    load: Load,
    target: Target,
    namespaces: int,
    partitions: int,
    seconds: float,
    turns: int,
    first: float,
    width: float,
    settings: dict[str, str],
) -> None:
    """The highest rate at which the lag does not grow, between two rates 5 % apart, and what an event costs there.

    A local broker, program and writer share this machine, so it is the limit of all of them together. A search takes
    ten tries or so, the later ones five. Exits with 1 if an event did not arrive exactly once, or if the writer was the
    limit.
    """
    shape = msgspec.structs.replace(load.shape, namespaces=namespaces)
    setup = Setup(shape=shape, partitions=partitions, settings=settings)
    plan = Plan(setup=setup, seconds=seconds, turns=turns, first=first, width=width)
    measuring = options.measuring("sustain", target)
    console = options.console()
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("starting", total=seconds)

        def tell(what: str, since_s: float) -> None:
            progress.update(task, description=what, completed=min(since_s, seconds))

        try:
            found = sustain(plan, tell, target)
        except (NoLimitError, *BROKEN_OFF) as error:
            raise click.ClickException(f"broken off: {error}") from error
    console.print(sustain_table(found))
    console.print(f"sustained: {found.sustained:,.0f} events/s, the median of {turns}", highlight=False)
    options.keep(measuring.result(found), console)
    limited = [number for number, turn in enumerate(found.turns, 1) if turn.limited()]
    if limited:
        console.print(f"INVALID searches {limited}: the writer could do no more, not the program", highlight=False)
    if found.wrong():
        console.print(f"FAILED {found.wrong()}", highlight=False, soft_wrap=True)
    if limited or found.wrong():
        sys.exit(1)
