"""`python -m bench scale`."""

import os

import click
import msgspec

from bench.broker import Target
from bench.cases import BROKEN_OFF, Plan
from bench.commands import options
from bench.loads import Load
from bench.scale import cases_of, numbers_of_workers, scale, why_no_law
from bench.tables.scale import law_table, scale_table

EXAMPLES = """\b
Examples:
  python -m bench scale
  python -m bench scale --destinations 1000 --turns 5
  python -m bench scale --workers 1,2,3,4,6,8,12,16
  python -m bench scale --load busy
  python -m bench scale --bootstrap kafka:9092
  # next to nothing, to see that it works
  python -m bench scale --workers 1,2 --events 5000 --turns 1
"""


@click.command(name="scale", epilog=f"{EXAMPLES}\n{options.LOADS_TOLD}")
@options.load
@options.bootstrap
@click.option("--workers", default="", help="Numbers of workers, separated by commas; by default one to all cores.")
@click.option("--destinations", default=100, show_default=True, type=click.IntRange(min=1), help="Destinations.")
@click.option(
    "--events",
    default=300_000,
    show_default=True,
    type=click.IntRange(min=1),
    help="Events in the backlog of each worker; one takes 1.2 kB of disk, in the source and in its destination.",
)
@click.option("--turns", default=3, show_default=True, type=click.IntRange(min=1), help="Drains of each.")
@click.option(
    "--set", "settings", multiple=True, callback=options.settings, help="NAME=VALUE: a setting of events-fanout."
)
def scale_command(
    *,
    load: Load,
    target: Target,
    workers: str,
    destinations: int,
    events: int,
    turns: int,
    settings: dict[str, str],
) -> None:
    """What more workers bring on this machine: one replica with one worker, two, and so on to as many as cores.

    Each worker has a partition of the source, and a backlog as large as every other's. With 8 cores or more the
    Universal Scalability Law is fitted; a local broker has the same cores, and its part is in it. Exits with 1 if the
    program fails or an event does not arrive exactly once.
    """
    cores = len(os.sched_getaffinity(0))
    numbers = workers_of(workers) if workers else numbers_of_workers(cores)
    cases = cases_of(numbers, msgspec.structs.replace(load.shape, namespaces=destinations), settings)
    plan = Plan(cases=cases, events=events, turns=turns, each_partition=True)
    measuring = options.measuring("scale", target)
    console = options.console()
    with options.progress(console, plan.drains(), BROKEN_OFF) as tell:
        found = scale(plan, cores, tell, target)
    console.print(scale_table(found))
    if found.fit is not None:
        console.print(law_table(found.fit))
    else:
        console.print(why_no_law(cores), highlight=False, soft_wrap=True)
    options.keep(measuring.result(found), console)


def workers_of(text: str) -> list[int]:
    """Numbers as typed, each once, the least first."""
    try:
        numbers = sorted({int(number) for number in text.split(",")})
    except ValueError:
        numbers = [0]
    if numbers[0] < 1:
        raise click.BadParameter("expected numbers above 0 separated by commas", param_hint="--workers")
    return numbers
