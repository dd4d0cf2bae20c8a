"""The flags of the commands that take settings: one for each field of `Settings`, made from it."""

from collections.abc import Mapping

import click
import msgspec
from msgspec import inspect

from fanout.config import convert
from fanout.config.sources import FIELDS, SIDES, flag, variable

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
