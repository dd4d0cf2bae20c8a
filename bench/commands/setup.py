"""`python -m bench fetch` and `python -m bench peers`: what the others need, made beforehand."""

import sys

import click

from bench.broker.jars import kafka_jars
from bench.commands import options
from bench.peers import jvm
from bench.peers.catalogue import PEERS
from bench.peers.peer import BuildFailedError


@click.command
def fetch() -> None:
    """Fetch the jars of Kafka and of the peers in Java, so that later starts need no Maven and no network."""
    click.echo(kafka_jars())
    click.echo(jvm.jars())


@click.command
def peers() -> None:
    """Build all programs of the comparison, and say of each that cannot be built here what is missing."""
    console = options.console()
    failed = False
    for name, peer in PEERS.items():
        try:
            peer.build()
        except (BuildFailedError, FileNotFoundError) as error:
            failed = True
            console.print(f"left out {name}: {error}", highlight=False, markup=False, soft_wrap=True)
        else:
            console.print(f"ready    {name}: {peer.about}", highlight=False, markup=False, soft_wrap=True)
    sys.exit(1 if failed else 0)
