"""`python -m bench`: measurements on a real local Kafka."""

import time

import click
import msgspec
from rich.console import Console

from bench.broker.jars import kafka_jars
from bench.compare import Comparison, Plan, compare
from bench.load import Shape
from bench.peers import PEERS, ROOT, Peer, ours
from bench.report import table

OUT = ROOT / "bench" / "out"


@click.group(help=__doc__)
def main() -> None: ...


@main.command()
def fetch() -> None:
    """Fetch Kafka's jars into the cache, so that later starts need no Maven and no network."""
    click.echo(kafka_jars())


def _numbers(_: click.Context, __: click.Parameter, value: str) -> list[int]:
    try:
        return [int(number) for number in value.split(",")]
    except ValueError as error:
        raise click.BadParameter("expected numbers separated by commas") from error


def _peers(_: click.Context, __: click.Parameter, value: str) -> list[Peer]:
    names = [name for name in value.split(",") if name]
    unknown = [name for name in names if name not in PEERS]
    if unknown:
        raise click.BadParameter(f"no such peer: {', '.join(unknown)}; there are {', '.join(PEERS)}")
    return [PEERS[name] for name in names]


def _settings(_: click.Context, __: click.Parameter, value: tuple[str, ...]) -> dict[str, str]:
    if not all("=" in pair for pair in value):
        raise click.BadParameter("expected NAME=VALUE")
    return dict(pair.split("=", 1) for pair in value)


@main.command(name="compare")
@click.option("--destinations", default="20,100,1000", callback=_numbers, help="Numbers of destinations.")
@click.option("--events", default=400_000, type=click.IntRange(min=1), help="Events in the backlog.")
@click.option("--turns", default=5, type=click.IntRange(min=1), help="Turns at each number of destinations.")
@click.option("--peers", default="franz-go", callback=_peers, help="Programs to compare with.")
@click.option("--ours/--without-ours", "with_ours", default=True, help="Measure events-fanout itself.")
@click.option("--set", "settings", multiple=True, callback=_settings, help="NAME=VALUE: a setting of events-fanout.")
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
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)  # a file has no width: rich would squeeze the table into 80 columns
    OUT.mkdir(exist_ok=True)
    shape = Shape(namespaces=0, skew=skew, size_bytes=size, headers=headers)
    plan = Plan(destinations=destinations, events=events, turns=turns, shape=shape)
    result = compare(plan, programs, OUT, lambda text: console.print(text, highlight=False))
    console.print(table(result))
    console.print(f"written to {_save(result)}", highlight=False, soft_wrap=True)


def _save(result: Comparison) -> str:
    path = OUT / f"compare-{time.strftime('%Y%m%d-%H%M%S')}.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    return str(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
