"""`python -m bench sweep`."""

import click
from rich.progress import Progress

from bench.broker import Target
from bench.cases import BROKEN_OFF
from bench.commands import options
from bench.sweep import BASE, FIGURES, PROXIED, Series, Sweep, Wanted, sweep
from bench.tables.sweep import sweep_tables


def _typed(figure: str) -> str:
    return figure.replace(" ", "-")


NO_PROXY = (
    "a proxy would add the distance, and none can be put in front of a cluster whose brokers tell clients their own "
    "addresses; it is swept on a local broker"
)
NAMES = {_typed(figure): figure for figure in FIGURES}
EPILOG = """\b
Figures, with the values that are tried:
{figures}

\b
Examples:
  python -m bench sweep
  python -m bench sweep linger round-trip
  python -m bench sweep linger --values 0,1,2,5,10,50 --turns 9
  python -m bench sweep destinations --values 100,2000 --turns 9
  python -m bench sweep round-trip --namespaces 1000
  # on a cluster of yours: the topics made there are removed at the end
  python -m bench sweep linger --bootstrap kafka:9092
  # next to nothing, to see that it works
  python -m bench sweep skew --values 0,1 --events 5000 --turns 1
"""
TOLD = "\n".join(
    f"  {name}: {', '.join(FIGURES[figure].values)} {FIGURES[figure].unit}".rstrip() + f"\n    {FIGURES[figure].about}"
    for name, figure in NAMES.items()
)


@click.command(name="sweep", epilog=EPILOG.format(figures=TOLD))
@options.bootstrap
@click.argument("figures", nargs=-1, type=click.Choice(list(NAMES)), metavar="[FIGURES]...")
@click.option("--values", default="", help="For one figure: the values to try, separated by commas.")
@click.option(
    "--namespaces",
    default=BASE.shape.namespaces,
    show_default=True,
    type=click.IntRange(min=1),
    help="Destinations, where these are not what is swept.",
)
@click.option(
    "--events", default=300_000, show_default=True, type=click.IntRange(min=1), help="Events in the backlog of each."
)
@click.option("--turns", default=3, show_default=True, type=click.IntRange(min=1), help="Drains of each.")
def sweep_command(
    *, target: Target, figures: tuple[str, ...], values: str, namespaces: int, events: int, turns: int
) -> None:
    """What one figure at a time does to the cost of an event, the others at their defaults; all figures by default.

    The values of a figure are drained turn by turn, so that their ratios hold although a machine's speed drifts. All
    of them take the better part of an hour. Exits with 1 if the program fails or an event does not arrive exactly
    once; figures that were swept before are kept.
    """
    wanted = [each._replace(namespaces=namespaces) for each in wanted_of(figures, values, local=target.is_local)]
    try:
        drains = sum(each.plan(events, turns).drains() for each in wanted)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--values") from error
    measuring = options.measuring("sweep", target)
    console = options.console()
    if not target.is_local and not figures:
        console.print(f"left out {_typed(PROXIED)}: {NO_PROXY}", highlight=False, soft_wrap=True)
    series: list[Series] = []
    broken = ""
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("starting", total=drains)

        def tell(what: str, more: int) -> None:
            progress.update(task, description=what, advance=more)

        try:
            for each in sweep(wanted, events, turns, tell, target=target):
                series.append(each)  # noqa: PERF402 - what came before a failure stays
        except BROKEN_OFF as error:
            broken = f"broken off: {error}"
        except KeyboardInterrupt:
            broken = "interrupted"
    # What was swept before is not thrown away: it has taken minutes for each figure.
    if series:
        found = Sweep(events=events, series=series)
        for table in sweep_tables(found):
            console.print(table)
        options.keep(measuring.result(found), console)
    if broken:
        raise click.ClickException(broken)


def wanted_of(figures: tuple[str, ...], values: str, *, local: bool = True) -> list[Wanted]:
    """What to sweep: figures as typed, all by default, with their own values, or these for the only one.

    What takes a proxy is not among all where the broker is not local.
    """
    chosen = [NAMES[name] for name in dict.fromkeys(figures or NAMES)]
    if not local and _typed(PROXIED) in figures:
        raise click.UsageError(f"{_typed(PROXIED)}: {NO_PROXY}")
    chosen = [figure for figure in chosen if local or figure != PROXIED]
    if not values:
        return [Wanted(figure, FIGURES[figure].values) for figure in chosen]
    if len(chosen) != 1:
        raise click.UsageError("--values is for one figure: name it")
    return [Wanted(chosen[0], [value.strip() for value in values.split(",")])]
