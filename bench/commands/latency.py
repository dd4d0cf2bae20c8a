"""`python -m bench latency`."""

import sys

import click
import msgspec

from bench.broker import Target
from bench.broker.target import LOCAL_TOLD
from bench.commands import options
from bench.latency import IDLE_RATE, LATE_MS, Plan, Step, latency
from bench.loads import Load
from bench.result import load, newest
from bench.rig import BROKEN_OFF, Setup
from bench.sustain import Sustain
from bench.tables.latency import machine_table, times_table

SHARES = (10, 50, 70, 90)  # percent of the highest sustained rate
IDLE = Step("idle", IDLE_RATE)
EXAMPLES = """\b
Examples:
  python -m bench sustain && python -m bench latency
  python -m bench latency --sustained 20000 --turns 5
  python -m bench latency --rates idle,10,1000,5000 --namespaces 1000
  python -m bench latency --rates 1000 --set KAFKA_PRODUCER_LINGER_MS=20
  # at the rate that such clusters have
  python -m bench latency --load churn
  # on a cluster of yours: the topics made there are removed at the end
  python -m bench latency --rates 100 --bootstrap kafka:9092
"""


@click.command(name="latency", epilog=f"{EXAMPLES}\n{options.LOADS_TOLD}")
@options.load
@options.bootstrap
@click.option("--rates", default="", help="Events a second, separated by commas; idle is one event at a time.")
@click.option(
    "--sustained",
    type=click.FloatRange(min=1),
    help="Without --rates: idle, and 10, 50, 70 and 90 % of this rate; by default the rate of the --load alone, or the "
    "last result of bench sustain.",
)
@click.option("--namespaces", default=100, show_default=True, type=click.IntRange(min=1), help="Namespaces.")
@click.option("--partitions", default=2, show_default=True, type=click.IntRange(min=1), help="Of the source.")
@click.option(
    "--seconds", default=20.0, show_default=True, type=click.FloatRange(min=1), help="How long each rate goes on."
)
@click.option("--turns", default=3, show_default=True, type=click.IntRange(min=1), help="Turns of all rates.")
@click.option(
    "--late-ms",
    default=LATE_MS,
    show_default=True,
    type=click.FloatRange(min=0),
    help="A rate at which the writer is later than this, at its 99th percentile, is invalid.",
)
@click.option(
    "--set", "settings", multiple=True, callback=options.settings, help="NAME=VALUE: a setting of events-fanout."
)
def latency_command(
    *,
    load: Load,
    target: Target,
    rates: str,
    sustained: float | None,
    namespaces: int,
    partitions: int,
    seconds: float,
    turns: int,
    late_ms: float,
    settings: dict[str, str],
) -> None:
    """How long an event is under way at given rates, counted from when it was meant to be written.

    Percentiles as far as the number of events tells them: 10 of a turn have to lie beyond, so p99.99 needs 100 000.
    Exits with 1 if an event did not arrive exactly once, or if the machine had no time for the writer.
    """
    usual = f"{load.rate:g}" if load.rate and sustained is None else ""
    measuring = options.measuring("latency", target)
    steps = steps_of(rates or usual, sustained, measuring.cluster)
    shape = msgspec.structs.replace(load.shape, namespaces=namespaces)
    setup = Setup(shape=shape, partitions=partitions, settings=settings)
    plan = Plan(setup=setup, steps=steps, seconds=seconds, turns=turns, late_ms=late_ms)
    console = options.console()
    with options.progress(console, plan.took_s(), BROKEN_OFF) as tell:
        found = latency(plan, tell, target)
    console.print(times_table(found))
    console.print(machine_table(found))
    options.keep(measuring.result(found), console)
    for measured in found.steps:
        if measured.wrong():
            console.print(f"FAILED {measured.step.name}: {measured.wrong()}", highlight=False, soft_wrap=True)
    if any(measured.wrong() or not found.valid(measured) for measured in found.steps):
        sys.exit(1)


def steps_of(rates: str, sustained: float | None, cluster: str = LOCAL_TOLD) -> list[Step]:
    """What to measure: these rates, or else shares of that one, or else of the last that was found, on this cluster."""
    if not rates:
        sustained = sustained or _last_sustained(cluster)
        return [IDLE, *(Step(f"{share} %", round(sustained * share / 100, 1)) for share in SHARES)]
    try:
        return [IDLE if rate == IDLE.name else Step(rate, _rate(rate)) for rate in rates.split(",")]
    except ValueError as error:
        message = "expected rates above 0 separated by commas, or idle"
        raise click.BadParameter(message, param_hint="--rates") from error


def _rate(text: str) -> float:
    rate = float(text)
    if not 0 < rate < float("inf"):
        raise ValueError(text)
    return rate


def _last_sustained(cluster: str) -> float:
    path = newest("sustain")
    if path is None:
        raise click.UsageError("no result of `python -m bench sustain` in bench/out: give --rates or --sustained")
    try:
        found = load(path, Sustain)
    except msgspec.DecodeError as error:
        raise click.UsageError(f"{path.name} cannot be read ({error}): give --rates or --sustained") from error
    if found.cluster != cluster:
        raise click.UsageError(
            f"{path.name} was measured on {found.cluster}, and this is {cluster}: give --rates or --sustained"
        )
    return found.data.sustained
