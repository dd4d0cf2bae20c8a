"""`python -m bench plan`."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec
from click.core import ParameterSource
from rich.console import Console

from bench import cases
from bench.broker import Target
from bench.commands import options
from bench.plan import units
from bench.plan.check import TURNS, case_from, check_of, measure, plan_of_check, show_check, this_machine
from bench.plan.costs import Costs
from bench.plan.demand import Demand
from bench.plan.plan import plan_of
from bench.plan.show import show
from bench.plan.sources import NoCostsError, costs_from, newest_result
from bench.plan.stories import STORIES

FIELDS = {field.name: field for field in msgspec.structs.fields(Demand)}
EPILOG = """
\b
Stories:
{stories}

\b
Examples:
  # the numbers of a story
  python -m bench plan --story hub
  # the same with other numbers
  python -m bench plan --story hub --peak-per-s 80000 --replicas-lost 2
  # your own: durations as 30min, 2h, 7d, sizes as 512Mi, 2G
  python -m bench plan --events-per-s 200 --peak-per-s 2000 --namespaces 300 --outage 1h --catch-up 15min
  # a source that has one partition and keeps it
  python -m bench plan --story seed --peak-per-s 50000
  # what was measured with two sizes of event
  python -m bench plan --story churn --from bench/out/compare-A.json --from bench/out/compare-B.json
  # whether what it says can be relied on, on this machine
  python -m bench plan --check
  python -m bench plan --check --check-destinations 300 --check-events 1000000 --output json
  python -m bench plan --check --bootstrap kafka:9092
"""


class Quantity(click.ParamType[float]):
    """A number with a unit."""

    def __init__(self, name: str, read: Callable[[str], float]) -> None:
        self.name = name
        self._read = read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401
        """The number in the unit of its field."""
        try:
            return self._read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _is_duration(name: str) -> bool:
    return name.endswith("_s") and not name.endswith("_per_s")


def _option(name: str) -> click.Option:
    """The option of one number of the demand. Nothing given is None: a story's number, or the default."""
    kind = msgspec.inspect.type_info(FIELDS[name].type)
    assert isinstance(kind, msgspec.inspect.Metadata)
    text = str((kind.extra_json_schema or {})["description"])
    flag, shown = name, units.number
    made: click.ParamType[Any] = click.INT if isinstance(kind.type, msgspec.inspect.IntType) else click.FLOAT
    if name == "partitions":
        made = click.INT
    if _is_duration(name):
        flag, made, shown = name.removesuffix("_s"), Quantity("duration", units.seconds), units.duration
    elif name.endswith("_bytes"):
        flag, made = name.removesuffix("_bytes"), Quantity("size", units.nbytes)
        shown = units.memory if "memory" in name else units.size
    usual = FIELDS[name].default
    if isinstance(usual, int | float):
        text += f" [{shown(usual)}]"
    return click.Option([f"--{flag.replace('_', '-')}", name], type=made, help=text)


def _demand(story: str | None, numbers: dict[str, Any]) -> Demand:
    given = {name: value for name, value in numbers.items() if value is not None}
    usual = msgspec.structs.asdict(STORIES[story].demand) if story else {}
    missing = [name for name, field in FIELDS.items() if field.required and name not in usual | given]
    if missing:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in missing)
        raise click.UsageError(f"{flags} missing; or take the numbers of a --story: {', '.join(STORIES)}")
    try:
        return Demand(**usual | given)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


@click.command(
    name="plan",
    params=[_option(name) for name in FIELDS],
    epilog=EPILOG.format(stories="\n".join(f"  {name}: {story.about}" for name, story in STORIES.items())),
)
@click.option("--story", type=click.Choice(list(STORIES)), help="Take the numbers of a story, where no other is given.")
@click.option(
    "--from",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Result of a measurement; several are taken together. Default: the newest in bench/out.",
)
@click.option("--output", type=click.Choice(["text", "json"]), default="text", help="For people, or for programs.")
@click.option(
    "--check", is_flag=True, help="No plan: predict a drain, measure it here, and say whether the model holds."
)
@click.option(
    "--check-destinations",
    type=click.IntRange(min=1),
    help="Destinations of the drain that is checked. Default: between two numbers of them that were measured.",
)
@click.option(
    "--check-events",
    type=click.IntRange(min=1),
    help="Events of its backlog. Default: as many as take twice as long as the start.",
)
@options.bootstrap
@click.option("--check-turns", default=TURNS, show_default=True, type=click.IntRange(min=1), help="Turns of it.")
def plan_command(
    *,
    story: str | None,
    files: tuple[Path, ...],
    output: str,
    check: bool,
    check_destinations: int | None,
    check_events: int | None,
    check_turns: int,
    target: Target,
    **numbers: Any,  # noqa: ANN401
) -> None:
    """From what was measured and your numbers to partitions, replicas, CPU, memory, disk, and what gives way first.

    Exits with 1 if what is asked for cannot be done, and says what would be needed. With --check, which takes some
    minutes and none of your numbers, it exits with 1 if what the costs predict is not what is measured on this machine,
    and says what follows: CPU may be off by 15 %, events/s and the time to catch up by 30 %.
    """
    _refuse_what_has_no_part(check=check)
    demand = None if check else _demand(story, numbers)
    try:
        paths = files or (newest_result(),)
        costs = costs_from(paths)
    except NoCostsError as error:
        raise click.ClickException(str(error)) from error
    if demand is None:
        asked = plan_of_check(costs, case_from(paths), check_destinations, check_events, check_turns)
        good = _check(costs, asked, output, target)
    else:
        good = _plan(demand, costs, output, f"{story}: {STORIES[story].about}" if story else "The plan")
    if not good:
        sys.exit(1)


def _refuse_what_has_no_part(*, check: bool) -> None:
    """An option that would be passed over without a word is a mistake."""
    ctx = click.get_current_context()
    theirs = {"story", *FIELDS} if check else {"check_destinations", "check_events", "check_turns", "target"}
    # The environment's cluster is for all commands.
    no_mistake = {ParameterSource.DEFAULT, ParameterSource.ENVIRONMENT}
    given = [
        parameter.opts[0]
        for parameter in ctx.command.params
        if parameter.name in theirs and ctx.get_parameter_source(parameter.name) not in no_mistake
    ]
    if given:
        raise click.UsageError(f"{', '.join(given)}: {'no part of a' if check else 'only with'} --check")


def _plan(demand: Demand, costs: Costs, output: str, title: str) -> bool:
    """Print the plan; whether it is possible."""
    plan = plan_of(demand, costs)
    if output == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(plan), indent=2))
    else:
        show(plan, options.console(), title)
    return plan.possible


def _check(costs: Costs, plan: cases.Plan, output: str, target: Target) -> bool:
    """Measure, print what came of it, and keep it; whether the model holds."""
    console = Console(stderr=True) if output == "json" else options.console()
    measuring = options.measuring("check", target)
    with options.progress(console, plan.drains(), cases.BROKEN_OFF) as tell:
        raw = measure(plan, tell, target)
    check = check_of(costs, plan, raw, this_machine(measuring.cluster))
    if output == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(check), indent=2))
    else:
        show_check(check, console)
    options.keep(measuring.result(check), console)
    return check.holds
