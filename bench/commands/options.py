"""What several commands take, and how they show what came of it."""

from typing import Any

import click
from rich.console import Console

from bench.peers.catalogue import PEERS
from bench.peers.peer import Peer
from bench.result import Result, save


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
    return dict(pair.split("=", 1) for pair in value)


def console() -> Console:
    """Where tables are printed."""
    made = Console()
    # A file has no width: rich would squeeze the table into 80 columns.
    return made if made.is_terminal else Console(width=160)


def keep(result: Result[Any], shown: Console) -> None:
    """Write it to its file, and say where."""
    shown.print(f"written to {save(result)}", highlight=False, soft_wrap=True)
