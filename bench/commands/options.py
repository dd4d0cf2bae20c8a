"""What several commands take, and how they show what came of it."""

import contextlib
import os
import textwrap
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import click
from confluent_kafka import KafkaException
from rich.console import Console
from rich.progress import Progress

from bench.broker import LOCAL, Target
from bench.broker.target import target_of
from bench.loads import LOADS, PLAIN, Load
from bench.peers.catalogue import PEERS
from bench.peers.peer import ROOT, Peer
from bench.result import Measuring, Result, save
from fanout.config.properties import is_secret
from fanout.errors import SettingsError


def numbers(_: click.Context, __: click.Parameter, value: str) -> list[int]:
    """Numbers separated by commas."""
    try:
        return [int(number) for number in value.split(",")]
    except ValueError as error:
        raise click.BadParameter("expected numbers separated by commas") from error


def peers(_: click.Context, __: click.Parameter, value: str) -> list[Peer]:
    """Names of peers separated by commas."""
    names = [name for name in value.split(",") if name]
    unknown = [name for name in names if name not in PEERS]
    if unknown:
        raise click.BadParameter(f"no such peer: {', '.join(unknown)}; there are {', '.join(PEERS)}")
    return [PEERS[name] for name in names]


def settings(_: click.Context, __: click.Parameter, value: tuple[str, ...]) -> dict[str, str]:
    """NAME=VALUE, any number of times."""
    if not all("=" in pair for pair in value):
        raise click.BadParameter("expected NAME=VALUE")
    told = dict(pair.split("=", 1) for pair in value)
    for name in told:
        if is_secret(name.lower().replace("_", ".")) and not name.endswith("_FILE"):
            raise click.BadParameter(f"{name} is a secret, and would stand in the result: give it in the environment")
    return told


def _load(ctx: click.Context, _: click.Parameter, name: str | None) -> Load:
    """The load of this name; what the command's other options of its shape are where they are not given."""
    if name is None:
        return PLAIN
    shape = LOADS[name].shape
    ctx.default_map = {
        "namespaces": shape.namespaces,
        "destinations": str(shape.namespaces),
        "skew": shape.skew,
        "size": shape.size_bytes,
        "headers": shape.headers,
    }
    return LOADS[name]


# A decorator: the command gets a Load, of whose shape it replaces what it has options for.
load = click.option(
    "--load",
    type=click.Choice(list(LOADS)),
    is_eager=True,  # the others look up their defaults after it
    callback=_load,
    help="Events as of a kind of cluster, see below: namespaces and the like, where they are not given.",
)
LOADS_TOLD = "\b\nLoads:\n" + "\n".join(
    textwrap.fill(f"{name}: {known.about}", 78, initial_indent="  ", subsequent_indent="    ")
    for name, known in LOADS.items()
)


def _target(_: click.Context, __: click.Parameter, value: str | None) -> Target:
    """The cluster at this address; a local one without."""
    if not value:
        return LOCAL
    try:
        return target_of(value, os.environ, partial(click.echo, err=True))
    except SettingsError as error:
        raise click.BadParameter(str(error)) from error


# A decorator: the command gets a Target.
bootstrap = click.option(
    "--bootstrap",
    "target",
    metavar="HOST:PORT[,...]",
    envvar="EVENTS_FANOUT_BENCH_BOOTSTRAP",
    show_envvar=True,
    callback=_target,
    help="Measure on this cluster, and not on a broker that is started here. What is made there has a prefix of its "
    "own, and is removed at the end. KAFKA_SECURITY_PROTOCOL and the like say how to get in, as to events-fanout.",
)


def measuring(name: str, target: Target) -> Measuring:
    """The frame around a measurement there. Asks the user's cluster what it is, before anything is begun."""
    try:
        return Measuring(name, target.told())
    except KafkaException as error:
        raise click.ClickException(f"no answer from {target.bootstrap}: {error.args[0].str()}") from error


def console() -> Console:
    """Where tables are printed."""
    made = Console()
    # A file has no width: rich would squeeze the table into 80 columns.
    return made if made.is_terminal else Console(width=160)


@contextlib.contextmanager
def progress(
    shown: Console, total: float, broken_off: tuple[type[Exception], ...]
) -> Iterator[Callable[[str, float], None]]:
    """A progress bar: what is done now, and how much of the total was done since it was told last.

    One of `broken_off` ends the command, and is told in place of a traceback.
    """
    with Progress(console=shown, transient=True) as bar:
        task = bar.add_task("starting", total=total)

        def tell(what: str, more: float) -> None:
            bar.update(task, description=what, advance=more)

        try:
            yield tell
        except broken_off as error:
            raise click.ClickException(f"broken off: {error}") from error


def keep(result: Result[Any], shown: Console) -> None:
    """Write it to its file, and its plot beside it if its kind has one; say where."""
    path = save(result)
    shown.print(f"written to {path}", highlight=False, soft_wrap=True)
    # Late: what draws takes a second to import, and what was measured is safe by now.
    from bench.plots.catalogue import plot_beside

    if plot := plot_beside(result, ROOT / path):
        shown.print(f"plot in {path.with_name(plot.name)}", highlight=False, soft_wrap=True)
