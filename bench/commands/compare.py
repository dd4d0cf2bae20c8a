"""`python -m bench compare` and `python -m bench ab`."""

import click
import msgspec
from rich.console import Console

from bench.broker import Target
from bench.cases import BROKEN_OFF
from bench.commands import options
from bench.compare import Comparison, Plan, compare
from bench.load import Shape
from bench.loads import Load
from bench.peers.ours import ours
from bench.peers.peer import Peer
from bench.revision import RevisionError, revision
from bench.tables.compare import ratio_table, table

EXAMPLES = """\b
Examples:
  python -m bench compare --peers franz-go,bento
  # ours alone, as `python -m bench plan` needs it
  python -m bench compare --peers '' --destinations 20,100,1000
  python -m bench compare --load resync --turns 3
  # on a cluster of yours: the topics made there are removed at the end
  python -m bench compare --peers franz-go --bootstrap kafka:9092
"""


@click.command(name="compare", epilog=f"{EXAMPLES}\n{options.LOADS_TOLD}")
@options.load
@options.bootstrap
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
    load: Load,
    target: Target,
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
    measuring = options.measuring("compare", target)
    console = options.console()
    shape = msgspec.structs.replace(load.shape, skew=skew, size_bytes=size, headers=headers)
    plan = Plan(destinations=destinations, events=events, turns=turns, shape=shape)
    result = _compare(plan, programs, console, target)
    console.print(table(result))
    options.keep(measuring.result(result), console)


def _compare(plan: Plan, programs: list[Peer], console: Console, target: Target) -> Comparison:
    """Measure, and print what is done meanwhile."""
    try:
        return compare(plan, programs, lambda text: console.print(text, highlight=False), target)
    except BROKEN_OFF as error:
        raise click.ClickException(f"broken off: {error}") from error


AB_EXAMPLES = """\b
Examples:
  # has this checkout become slower?
  python -m bench ab --before HEAD~10
  # what does a setting cost? HTTP is off in all measurements
  python -m bench ab --set HTTP_PORT=18080 --destinations 20
"""


@click.command(name="ab", epilog=AB_EXAMPLES)
@options.bootstrap
@click.option("--before", help="Revision to compare with, as git names it; without one, this checkout as it is.")
@click.option(
    "--set", "settings", multiple=True, callback=options.settings, help="NAME=VALUE: a setting of this checkout alone."
)
@click.option("--destinations", default="100", callback=options.numbers, help="Numbers of destinations.")
@click.option("--events", default=400_000, type=click.IntRange(min=1), help="Events in the backlog.")
@click.option("--turns", default=15, type=click.IntRange(min=1), help="Turns at each number of destinations.")
def ab_command(
    *,
    target: Target,
    before: str | None,
    settings: dict[str, str],
    destinations: list[int],
    events: int,
    turns: int,
) -> None:
    """CPU per event of this checkout over an earlier revision's, or with a setting over without.

    Turn by turn, with the ratio's confidence interval.
    """
    if before is None and not settings:
        raise click.UsageError("nothing to compare with: give --before REVISION, --set NAME=VALUE, or both")
    try:
        other = revision(before) if before else msgspec.structs.replace(ours({}), name="without")
    except RevisionError as error:
        raise click.BadParameter(str(error), param_hint="--before") from error
    measuring = options.measuring("ab", target)
    console = options.console()
    plan = Plan(destinations=destinations, events=events, turns=turns, shape=Shape(namespaces=0))
    result = _compare(plan, [ours(settings), other], console, target)
    console.print(table(result))
    console.print(ratio_table(result))
    options.keep(measuring.result(result), console)
