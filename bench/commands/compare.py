"""`python -m bench compare` and `python -m bench ab`."""

import click

from bench.commands import options
from bench.compare import Plan, compare
from bench.load import Shape
from bench.peers.ours import ours
from bench.peers.peer import Peer
from bench.report import ratio_table, table
from bench.result import OUT, Measuring
from bench.revision import RevisionError, revision


@click.command(name="compare")
@click.option("--destinations", default="20,100,1000", callback=options.numbers, help="Numbers of destinations.")
@click.option("--events", default=400_000, type=click.IntRange(min=1), help="Events in the backlog.")
@click.option("--turns", default=5, type=click.IntRange(min=1), help="Turns at each number of destinations.")
@click.option("--peers", default="franz-go", callback=options.peers, help="Programs to compare with.")
@click.option("--ours/--without-ours", "with_ours", default=True, help="Measure events-fanout itself.")
@click.option(
    "--set", "settings", multiple=True, callback=options.settings, help="NAME=VALUE: a setting of events-fanout."
)
@click.option("--skew", default=0.0, help="Zipf exponent over namespaces; 0 is all equal.")
@click.option("--headers", default=0.0, type=click.FloatRange(0, 1), help="Share of events with headers.")
@click.option("--size", default=1_100, help="Least size of a value, in bytes.")
def compare_command(
    *,
    destinations: list[int],
    events: int,
    turns: int,
    peers: list[Peer],
    with_ours: bool,
    settings: dict[str, str],
    skew: float,
    headers: float,
    size: int,
) -> None:
    """CPU per event of events-fanout and of other programs, turn by turn on the same broker."""
    programs = ([ours(settings)] if with_ours else []) + peers
    if not programs:
        raise click.UsageError("nothing to measure")
    measuring = Measuring("compare")
    console = options.console()
    OUT.mkdir(exist_ok=True)
    shape = Shape(namespaces=0, skew=skew, size_bytes=size, headers=headers)
    plan = Plan(destinations=destinations, events=events, turns=turns, shape=shape)
    result = compare(plan, programs, OUT, lambda text: console.print(text, highlight=False))
    console.print(table(result))
    options.keep(measuring.result(result), console)


@click.command(name="ab")
@click.option("--before", required=True, help="Revision to compare with, as git names it.")
@click.option("--destinations", default="100", callback=options.numbers, help="Numbers of destinations.")
@click.option("--events", default=400_000, type=click.IntRange(min=1), help="Events in the backlog.")
@click.option("--turns", default=15, type=click.IntRange(min=1), help="Turns at each number of destinations.")
def ab_command(*, before: str, destinations: list[int], events: int, turns: int) -> None:
    """CPU per event of this checkout over an earlier revision's, turn by turn, with its confidence interval."""
    try:
        programs = [ours({}), revision(before)]
    except RevisionError as error:
        raise click.BadParameter(str(error), param_hint="--before") from error
    measuring = Measuring("ab")
    console = options.console()
    OUT.mkdir(exist_ok=True)
    plan = Plan(destinations=destinations, events=events, turns=turns, shape=Shape(namespaces=0))
    result = compare(plan, programs, OUT, lambda text: console.print(text, highlight=False))
    console.print(table(result))
    console.print(ratio_table(result))
    options.keep(measuring.result(result), console)
