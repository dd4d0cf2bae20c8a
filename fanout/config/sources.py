"""Where settings come from: the environment, files that it names, and flags. Raw text here, meaning elsewhere.

A setting is named as its field (`topic_create`), a property of the client library by its side and name
(`kafka.security.protocol`, `kafka_consumer.fetch.min.bytes`), both in flags and in what is given back.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from fanout.config.properties import ALIASES, FILE_PROPERTIES, is_secret
from fanout.settings import Settings

SIDES = ("kafka", "kafka_consumer", "kafka_producer")
FIELDS: dict[str, msgspec.structs.FieldInfo] = {
    info.name: info for info in msgspec.structs.fields(Settings) if info.name not in SIDES
}
FILE_SUFFIX = "_FILE"

# What Kubernetes puts into each pod of a namespace that has a Service named kafka or kafka-something.
_SERVICE_LINK = re.compile(r"KAFKA(_\w+)?(_SERVICE_(HOST|PORT(_\w+)?)|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")
_SERVICE_LINK_URL = re.compile(r"KAFKA(_\w+)?_PORT")
_URL = re.compile(r"(tcp|udp|sctp)://")


@dataclass(frozen=True)
class Given:
    """The text that was given for a setting, and where."""

    text: str
    origin: str
    path: str = ""  # of the file that it was read from


@dataclass
class Raw:
    """All that was given."""

    settings: dict[str, Given] = field(default_factory=dict)
    properties: dict[str, dict[str, Given]] = field(default_factory=lambda: {side: {} for side in SIDES})
    ignored: list[str] = field(default_factory=list)  # variables of Kubernetes service links
    unreadable: set[str] = field(default_factory=set)  # settings that were given and could not be read
    problems: list[str] = field(default_factory=list)


def variable(name: str) -> str:
    """The environment variable of a setting: `topic_create` is TOPIC_CREATE."""
    return name.upper()


def flag(name: str) -> str:
    """The flag of a setting: `topic_create` is --topic-create."""
    return "--" + name.replace("_", "-")


def collect(environ: Mapping[str, str], flags: Mapping[str, str]) -> Raw:
    """Gather all that was given; flags win over the environment. Reads the files that `..._FILE` names."""
    raw = Raw()
    for name, text in flags.items():
        side, _, prop = name.partition(".")
        if prop:
            _add_property_flag(raw, side, prop, text)
        elif text.strip():
            raw.settings[name] = Given(text.strip(), f"flag {flag(name)}")
    for name in FIELDS:
        if name not in raw.settings:
            _add_setting(raw, environ, name)
    for key in sorted(environ):
        if key.startswith("KAFKA_") and environ[key]:
            _add_property(raw, environ, key)
    return raw


def _add_setting(raw: Raw, environ: Mapping[str, str], name: str) -> None:
    key = variable(name)
    if key == "HTTP_PORT" and _URL.match(environ.get(key, "")):
        raw.ignored.append(key)  # of a Service that is called http
        return
    try:
        given = _from_environment(environ, key)
    except ValueError as problem:
        raw.problems.append(str(problem))
        raw.unreadable.add(name)
        return
    if given is not None and given.text.strip():
        raw.settings[name] = Given(given.text.strip(), given.origin)


def _from_environment(environ: Mapping[str, str], key: str) -> Given | None:
    """The value of a variable, or of the file that its `_FILE` names; None where there is neither.

    Raises ValueError with a sentence for the user.
    """
    text, path = environ.get(key, ""), environ.get(key + FILE_SUFFIX, "")
    if text and path:
        raise ValueError(f"{key} and {key}{FILE_SUFFIX} are both set; unset one of them")
    if not path:
        return Given(text, f"environment {key}") if text else None
    where = f"{key}{FILE_SUFFIX}: the file {path}"
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"{where} cannot be read ({error.strerror}); correct or unset it") from error
    except UnicodeDecodeError:
        raise ValueError(f"{where} is not UTF-8 text; give it as text") from None  # the error would quote a secret
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise ValueError(f"{where} is empty; write the value into it or unset it")
    return Given(text, f"file {path} ({key}{FILE_SUFFIX})", path)


def _add_property(raw: Raw, environ: Mapping[str, str], key: str) -> None:
    if _is_service_link(key, environ[key]):
        raw.ignored.append(key)
        return
    base = key
    if key.endswith(FILE_SUFFIX) and _property(key)[1] not in FILE_PROPERTIES:
        base = key.removesuffix(FILE_SUFFIX)
        if environ.get(base):
            return  # both are set: said when the other one is added
    side, prop = _property(base)
    name = ALIASES.get(prop, prop)
    present = raw.properties[side].get(name)
    if present is not None and present.origin.startswith("flag "):
        return
    try:
        given = _from_environment(environ, base)
    except ValueError as problem:
        raw.problems.append(str(problem))
        return
    if given is not None and present is not None:
        raw.problems.append(f"{present.origin} and {given.origin} both give the client's {name}; remove one of them")
    elif given is not None:
        raw.properties[side][name] = given


def _property(key: str) -> tuple[str, str]:
    """(`kafka_consumer`, `fetch.min.bytes`) of KAFKA_CONSUMER_FETCH_MIN_BYTES."""
    for side in reversed(SIDES):
        prefix = variable(side) + "_"
        if key.startswith(prefix):
            return side, key.removeprefix(prefix).lower().replace("_", ".")
    raise ValueError(key)


def _is_service_link(key: str, value: str) -> bool:
    return bool(_SERVICE_LINK.fullmatch(key) or (_SERVICE_LINK_URL.fullmatch(key) and _URL.match(value)))


def _add_property_flag(raw: Raw, side: str, prop: str, text: str) -> None:
    name = ALIASES.get(prop, prop)
    if is_secret(name):
        key = variable(side) + "_" + name.upper().replace(".", "_")
        raw.problems.append(
            f"{flag(side)} {prop}: a secret on the command line can be read by everyone on the host; "
            f"name a file that holds it in {key}{FILE_SUFFIX}"
        )
        return
    raw.properties[side][name] = Given(text, f"flag {flag(side)}")
