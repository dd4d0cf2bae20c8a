"""`python -m bench`: measurements on a real local Kafka."""

import sys
import time

import click
import msgspec
from rich.console import Console
from rich.progress import Progress

from bench.broker.jars import kafka_jars
from bench.chaos import report as chaos_report
from bench.chaos.plan import THEMES, plan_of
from bench.chaos.series import Broken, Outcome, Step, run_all
from bench.compare import Plan, compare
from bench.load import Shape
from bench.peers import PEERS, ROOT, Peer, ours
from bench.report import ratio_table, soak_table, table
from bench.revision import RevisionError, revision
from bench.soak import soak

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
    console = _console()
    OUT.mkdir(exist_ok=True)
    shape = Shape(namespaces=0, skew=skew, size_bytes=size, headers=headers)
    plan = Plan(destinations=destinations, events=events, turns=turns, shape=shape)
    result = compare(plan, programs, OUT, lambda text: console.print(text, highlight=False))
    console.print(table(result))
    console.print(f"written to {_save('compare', result)}", highlight=False, soft_wrap=True)


@main.command(name="ab")
@click.option("--before", required=True, help="Revision to compare with, as git names it.")
@click.option("--destinations", default="100", callback=_numbers, help="Numbers of destinations.")
@click.option("--events", default=400_000, type=click.IntRange(min=1), help="Events in the backlog.")
@click.option("--turns", default=15, type=click.IntRange(min=1), help="Turns at each number of destinations.")
def ab_command(*, before: str, destinations: list[int], events: int, turns: int) -> None:
    """CPU per event of this checkout over an earlier revision's, turn by turn, with its confidence interval."""
    try:
        programs = [ours({}), revision(before)]
    except RevisionError as error:
        raise click.BadParameter(str(error), param_hint="--before") from error
    console = _console()
    OUT.mkdir(exist_ok=True)
    plan = Plan(destinations=destinations, events=events, turns=turns, shape=Shape(namespaces=0))
    result = compare(plan, programs, OUT, lambda text: console.print(text, highlight=False))
    console.print(table(result))
    console.print(ratio_table(result))
    console.print(f"written to {_save('ab', result)}", highlight=False, soft_wrap=True)


@main.command(name="chaos")
@click.option("--seed", type=int, help="One run, with this seed: what it did is replayed.")
@click.option("--runs", default=20, type=click.IntRange(min=1), help="Runs, with seeds from --first-seed on.")
@click.option("--first-seed", default=1, help="Seed of the first run.")
@click.option("--minutes", default=0.5, type=click.FloatRange(min=0.2), help="How long the load of a run goes on.")
@click.option("--theme", default="", type=click.Choice(["", *THEMES]), help="Faults of this theme only.")
@click.option("--jobs", default=1, type=click.IntRange(min=1), help="Runs side by side, each with its own cluster.")
def chaos_command(*, seed: int | None, runs: int, first_seed: int, minutes: float, theme: str, jobs: int) -> None:
    """Fault runs: real brokers and processes, seeded faults, and a count of what was lost, astray or altered."""
    seeds = [seed] if seed is not None else range(first_seed, first_seed + runs)
    plans = [plan_of(number, minutes * 60, theme) for number in seeds]
    console = _console()
    outcomes: list[Outcome] = []
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("fault runs", total=len(plans))

        def tell(outcome: Outcome) -> None:
            progress.console.print(chaos_report.line(outcome), highlight=False, markup=False, soft_wrap=True)
            progress.advance(task)

        def tell_step(step: Step) -> None:
            progress.update(task, description=f"fault runs: seed {step.seed} {step.doing}")

        outcomes = run_all(plans, jobs, tell, tell_step)
    console.print(chaos_report.totals(outcomes))
    console.print(chaos_report.recoveries(outcomes))
    console.print(f"written to {_save('chaos', outcomes)}", highlight=False, soft_wrap=True)
    if any(isinstance(outcome, Broken) or outcome.failed for outcome in outcomes):
        sys.exit(1)


@main.command(name="soak")
@click.option("--minutes", default=30.0, type=click.FloatRange(min=1), help="How long it goes on.")
@click.option("--rate", default=1_000.0, type=click.FloatRange(min=1), help="Events a second.")
def soak_command(*, minutes: float, rate: float) -> None:
    """A long run: memory, open files and threads must not grow, whatever comes and goes."""
    console = _console()
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("soak", total=None)
        result = soak(minutes, rate, lambda text: progress.update(task, description=text))
    console.print(soak_table(result))
    console.print(f"written to {_save('soak', result)}", highlight=False, soft_wrap=True)
    for problem in result.failed:
        console.print(f"FAILED {problem}", highlight=False, soft_wrap=True)
    if result.failed:
        sys.exit(1)


def _console() -> Console:
    console = Console()
    # A file has no width: rich would squeeze the table into 80 columns.
    return console if console.is_terminal else Console(width=160)


def _save(name: str, result: object) -> str:
    path = OUT / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}.json"
    OUT.mkdir(exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    return str(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
