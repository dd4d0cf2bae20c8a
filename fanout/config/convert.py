"""From the text of one setting to its value, or to a sentence that says what is allowed."""

import math

import msgspec
from msgspec import inspect

from fanout.config.sources import FIELDS, Given, variable

INT_MAX = 2_147_483_647  # the client library's, and 24 days in milliseconds

# The original took logrus' names; and many write warn.
_LEVELS = {"warn": "warning", "trace": "debug", "fatal": "error", "panic": "error"}


def default(name: str) -> object:
    """The default of a setting, or msgspec.NODEFAULT where it is required."""
    info = FIELDS[name]
    if info.default_factory is not msgspec.NODEFAULT:
        return info.default_factory()
    return info.default


def type_of(name: str) -> inspect.Type:
    """The type of a setting, without its description."""
    kind = inspect.type_info(FIELDS[name].type)
    return kind.type if isinstance(kind, inspect.Metadata) else kind


def description(name: str) -> str:
    """What the setting means, in a sentence."""
    kind = inspect.type_info(FIELDS[name].type)
    return str((kind.extra_json_schema or {}).get("description", "")) if isinstance(kind, inspect.Metadata) else ""


def converted(name: str, given: Given) -> object:
    """The value that the text stands for. Raises ValueError with a sentence for the user."""
    kind = type_of(name)
    raw: object = given.text
    if isinstance(kind, inspect.LiteralType):
        raw = _LEVELS.get(given.text.lower(), given.text.lower()) if name == "log_level" else given.text.lower()
    elif isinstance(kind, inspect.VarTupleType):
        raw = [part.strip() for part in given.text.split(",") if part.strip()]
    elif isinstance(kind, inspect.DictType):
        raw = _pairs(name, given)
    try:
        value = msgspec.convert(raw, FIELDS[name].type, strict=False)
    except msgspec.ValidationError:
        raise _not_allowed(name, given) from None
    if isinstance(value, float) and not math.isfinite(value):  # NaN passes every bound
        raise _not_allowed(name, given)
    if isinstance(value, int) and value > INT_MAX:
        raise _not_allowed(name, given)
    return value


def text(shown: object) -> str:
    """A value as it would be given."""
    if isinstance(shown, bool):
        return str(shown).lower()
    if isinstance(shown, tuple):
        return ",".join(shown)
    if isinstance(shown, dict):
        return ",".join(f"{key}={item}" for key, item in shown.items())
    return str(shown)


def allowed(name: str) -> str:
    """What may be given for a setting, in words."""
    kind = type_of(name)
    if isinstance(kind, inspect.LiteralType):
        return "one of " + ", ".join(str(choice) for choice in kind.values)
    if isinstance(kind, inspect.BoolType):
        return "true or false"
    if isinstance(kind, inspect.IntType):
        return f"a whole number from {kind.ge} to {kind.le if kind.le is not None else INT_MAX}"
    if isinstance(kind, inspect.FloatType):
        return f"a number above {kind.gt}, at most {kind.le}"
    if isinstance(kind, inspect.DictType):
        return "key=value,key=value"
    if isinstance(kind, inspect.VarTupleType):
        return "a list, its parts separated by commas"
    return "text"


def _pairs(name: str, given: Given) -> dict[str, str]:
    """Key=value pairs; a part with no = belongs to the value before it, as in cleanup.policy=compact,delete."""
    pairs: dict[str, str] = {}
    last = ""
    for part in given.text.split(","):
        key, equals, item = (piece.strip() for piece in part.partition("="))
        if equals and key and key not in pairs:
            pairs[key] = item
            last = key
        elif last and not equals:
            pairs[last] += "," + key
        else:
            raise _not_allowed(name, given)
    return pairs


def _not_allowed(name: str, given: Given) -> ValueError:
    return ValueError(f"{variable(name)} is {given.text!r} ({given.origin}); give {allowed(name)}")
