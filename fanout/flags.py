"""What commands share: a flag for each field of `Settings`, made from it, their loading, the output, how one ends."""

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

import click
import msgspec
from msgspec import inspect

from fanout import config
from fanout.config import convert
from fanout.config.sources import FIELDS, SIDES, flag, variable
from fanout.errors import ExitCode, SettingsError
from fanout.settings import Settings
from fanout.words import seconds_of

PROGRAM = "events-fanout"
Command = TypeVar("Command", bound=Callable[..., Any])
SETTINGS_HELP = """\b
Settings come from the environment (named in brackets below) or from flags, which win.
The value of any variable X can be read from a file that X_FILE names.
"""

output = click.option(
    "--output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="A table for people or JSON for programs.",
)


def duration(name: str, usual: str | None, text: str) -> Callable[[Command], Command]:
    """An option that is a duration, as in 90s, 30min or 2h; the command gets seconds, or None."""

    def convert(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
        try:
            return None if value is None else seconds_of(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error

    return click.option(name, callback=convert, metavar="DURATION", default=usual, show_default=True, help=text)


_SIDE_HELP = {
    "kafka": "A property of the Kafka client; once for each. In the environment: KAFKA_<PROPERTY>.",
    "kafka_consumer": "The same, for consumers only. In the environment: KAFKA_CONSUMER_<PROPERTY>.",
    "kafka_producer": "The same, for producers only. In the environment: KAFKA_PRODUCER_<PROPERTY>.",
}
_ORIGINAL_LOG_LEVEL = "original_log_level"


def options() -> list[click.Parameter]:
    """A flag for every setting. What is given comes as text: `given` gathers it for `config.load`."""
    sides = [
        click.Option([flag(side), side], multiple=True, metavar="KEY=VALUE", help=_SIDE_HELP[side]) for side in SIDES
    ]
    # as in the manifest of the program that this one replaces
    original = click.Option(["-logLevel", "--logLevel", _ORIGINAL_LOG_LEVEL], hidden=True)
    return [*(_option(name) for name in FIELDS), *sides, original]


def own_first(command: click.Command) -> click.Command:
    """The command, whose help tells its own options before the settings."""
    command.params.sort(key=lambda param: param.name in {*FIELDS, *SIDES, _ORIGINAL_LOG_LEVEL})
    return command


def given(params: Mapping[str, object]) -> dict[str, str]:
    """The flags that were given, named as `config.load` takes them. Raises click.BadParameter."""
    flags = {name: str(params[name]) for name in FIELDS if params[name] is not None}
    if params[_ORIGINAL_LOG_LEVEL] is not None:
        flags.setdefault("log_level", str(params[_ORIGINAL_LOG_LEVEL]))
    for side in SIDES:
        pairs = params[side]
        assert isinstance(pairs, tuple)  # noqa: S101  # what click gives for `multiple`
        for pair in pairs:
            prop, equals, value = pair.partition("=")
            if not equals or not prop.strip():
                raise click.BadParameter(f"give key=value, as in {flag(side)} client.id=fanout", param_hint=flag(side))
            flags[f"{side}.{prop.strip()}"] = value
    return flags


def _option(name: str) -> click.Option:
    kind = convert.type_of(name)
    usual = convert.default(name)
    shown = "required" if usual is msgspec.NODEFAULT else f"default {convert.text(usual) or 'empty'}"
    text = f"{convert.description(name).removesuffix(' Required.')} [{variable(name)}; {shown}]"
    if isinstance(kind, inspect.BoolType):
        return click.Option([flag(name), name], is_flag=False, flag_value="true", metavar="[true|false]", help=text)
    return click.Option([flag(name), name], metavar=_metavar(kind), help=text)


def _metavar(kind: inspect.Type) -> str:
    if isinstance(kind, inspect.LiteralType):
        return "[" + "|".join(str(choice) for choice in kind.values) + "]"
    if isinstance(kind, inspect.VarTupleType):
        return "A,B,..."
    if isinstance(kind, inspect.DictType):
        return "KEY=VALUE,..."
    return "NUMBER" if isinstance(kind, inspect.IntType | inspect.FloatType) else "TEXT"


def load(params: dict[str, object]) -> config.Loaded:
    """The settings from the environment and these flags; exits with what is wrong of them."""
    try:
        return config.load(os.environ, given(params))
    except SettingsError as error:
        stop_at(error.problems)
        raise


def stop_at(problems: list[str] | tuple[str, ...]) -> None:
    """Print the problems, each on a line of stderr, and exit, if there are any."""
    for problem in problems:
        click.echo(f"{PROGRAM}: {problem}", err=True)
    if problems:
        sys.exit(ExitCode.BAD_SETTINGS)


def ask(settings: Settings, command: Callable[[], int]) -> NoReturn:
    """Run what asks the cluster, and exit with its code, or tell on stderr why there is no answer."""
    from fanout.check import connection
    from fanout.cluster.answers import AskError, UnreachableError
    from fanout.destinations.live import LiveListError

    try:
        sys.exit(command())
    except UnreachableError as error:
        row = connection.unreachable(settings, error)
        click.echo(f"{PROGRAM}: {row.found}: {row.todo}", err=True)
    except AskError as error:
        click.echo(f"{PROGRAM}: the cluster does not tell: {error}", err=True)
    except LiveListError as error:
        click.echo(f"{PROGRAM}: {error}", err=True)
        sys.exit(ExitCode.BAD_SETTINGS)
    sys.exit(ExitCode.NO_ANSWER)
