"""`python -m bench soak`."""

import sys

import click
from rich.progress import Progress

from bench.commands import options
from bench.result import Measuring
from bench.soak import soak
from bench.tables.soak import soak_table


@click.command(name="soak")
@click.option("--minutes", default=30.0, type=click.FloatRange(min=1), help="How long it goes on.")
@click.option("--rate", default=1_000.0, type=click.FloatRange(min=1), help="Events a second.")
def soak_command(*, minutes: float, rate: float) -> None:
    """A long run: memory, open files and threads must not grow, whatever comes and goes."""
    measuring = Measuring("soak")
    console = options.console()
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("soak", total=None)
        result = soak(minutes, rate, lambda text: progress.update(task, description=text))
    console.print(soak_table(result))
    options.keep(measuring.result(result), console)
    for problem in result.failed:
        console.print(f"FAILED {problem}", highlight=False, soft_wrap=True)
    if result.failed:
        sys.exit(1)
