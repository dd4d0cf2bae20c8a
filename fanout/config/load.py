"""Loads the settings: all that was given, converted, tried and checked, with every problem told at once."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from fanout.config.convert import converted, default, description, text
from fanout.config.properties import refusals, shown
from fanout.config.rules import problems as problems_between
from fanout.config.sources import FIELDS, SIDES, Raw, collect, flag, variable
from fanout.errors import SettingsError
from fanout.settings import Settings

DEFAULT = "default"
_MISSING = "missing"
_UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Loaded:
    """The settings, and where each came from: `flag --x`, `environment X`, `file <path> (X_FILE)` or `default`."""

    settings: Settings
    origins: dict[str, str]  # by field; a property of the client is `kafka.security.protocol`
    ignored: tuple[str, ...]  # variables of Kubernetes service links, which look like properties


@dataclass(frozen=True)
class Shown:
    """One row for people: secrets hidden."""

    name: str
    value: str
    origin: str


@dataclass(frozen=True)
class Reading:
    """What could be read, whatever is wrong with it."""

    values: dict[str, object]  # only what is valid
    properties: dict[str, dict[str, str]]
    origins: dict[str, str]
    ignored: tuple[str, ...]
    problems: tuple[str, ...]

    def rows(self) -> list[Shown]:
        """Every setting in the order of `Settings`, then the properties of the client."""
        rows = [self._row(name) for name in FIELDS]
        for side in SIDES:
            for prop, value in sorted(self.properties[side].items()):
                name = f"{side}.{prop}"
                rows.append(Shown(name, shown(prop, value), self.origins[name]))
        return rows

    def _row(self, name: str) -> Shown:
        value = self.values.get(name, msgspec.NODEFAULT)
        shown_as = "" if value is msgspec.NODEFAULT else text(value)
        return Shown(variable(name), shown_as, self.origins[name])


def load(environ: Mapping[str, str], flags: Mapping[str, str]) -> Loaded:
    """The settings of the environment and of the flags, which win.

    Flags are named as fields (`topic_create`) and as `kafka.<property>`, `kafka_consumer.<property>`,
    `kafka_producer.<property>`. Reads the files that `..._FILE` names. Raises SettingsError with all problems.
    """
    reading = read(environ, flags)
    if reading.problems:
        raise SettingsError(list(reading.problems))
    return Loaded(_settings(reading.values, reading.properties), reading.origins, reading.ignored)


def read(environ: Mapping[str, str], flags: Mapping[str, str]) -> Reading:
    """The same, for who wants to see the settings even if some are wrong. Never raises SettingsError."""
    raw = collect(environ, flags)
    problems = list(raw.problems)
    values, origins = _convert(raw, problems)
    properties = {side: {prop: given.text for prop, given in raw.properties[side].items()} for side in SIDES}
    for side in SIDES:
        origins |= {f"{side}.{prop}": given.origin for prop, given in raw.properties[side].items()}
    settings = _settings({"endpoint": "none:1", "topic": "none", **values}, properties)
    property_problems, sound = _property_problems(raw, settings)
    wrong = frozenset(FIELDS.keys() - values.keys())
    problems += problems_between(msgspec.structs.replace(settings, **sound), wrong)
    problems += property_problems
    return Reading(values, properties, origins, tuple(raw.ignored), tuple(problems))


def _convert(raw: Raw, problems: list[str]) -> tuple[dict[str, object], dict[str, str]]:
    """Values and origins of the fields; a field that is wrong has no value and its problem is added."""
    values: dict[str, object] = {}
    origins: dict[str, str] = {}
    for name in FIELDS:
        if name in raw.unreadable:
            origins[name] = _UNREADABLE
            continue
        given = raw.settings.get(name)
        origins[name] = given.origin if given else DEFAULT
        try:
            value = converted(name, given) if given else default(name)
        except ValueError as error:
            problems.append(str(error))
            continue
        if value is msgspec.NODEFAULT:
            origins[name] = _MISSING
            problems.append(
                f"{variable(name)} is not set; set it in the environment or with {flag(name)}: "
                f"{description(name).removesuffix(' Required.')}"
            )
        else:
            values[name] = value
    return values, origins


def _property_problems(raw: Raw, settings: Settings) -> tuple[list[str], dict[str, dict[str, str]]]:
    """The problems of the client's properties, and the properties that have none."""
    problems = []
    sound: dict[str, dict[str, str]] = {}
    for side in SIDES:
        given = raw.properties[side]
        refused = dict(refusals({prop: item.text for prop, item in given.items()}, settings.group_protocol))
        problems += [f"{given[prop].origin}: the client's {prop} {reason}" for prop, reason in refused.items()]
        sound[side] = {prop: item.text for prop, item in given.items() if prop not in refused}
    if not any(sound.values()):
        return problems, sound
    from fanout.config.trial import faults

    for side, prop, fault in list(faults(sound)):
        if prop:
            origin = raw.properties[side][prop].origin
            problems.append(f"{origin}: the client's {prop}: {fault}; correct or remove it")
            del sound[side][prop]
        else:
            problems.append(f"the client's properties, taken together: {fault}")
    return problems, sound


def _settings(values: Mapping[str, object], properties: Mapping[str, dict[str, str]]) -> Settings:
    return msgspec.convert({**values, **properties}, Settings)
