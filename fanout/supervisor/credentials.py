"""Credentials: where they come from, what is in their files now, and what one of them was exchanged for."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from fanout import log
from fanout.settings import Settings

_PASSWORD = {"sasl.username", "sasl.password"}
_WITH_PASSWORD = ("PLAIN", "SCRAM-")

_repeats = log.Repeats(log.get("rotation"))

Digests = Mapping[str, str]


class Credentials(Protocol):
    """What `fanout.config.Reload` gives."""

    paths: frozenset[str]  # all files that hold credentials
    located: frozenset[str]  # those of them that the client reads itself, when it is made

    def load(self) -> Settings:
        """The settings with the credentials as they are now. Blocks; raises SettingsError."""


class _Fixed:
    """Credentials that cannot change: nothing is known of where they come from."""

    paths: frozenset[str] = frozenset()
    located: frozenset[str] = frozenset()

    def load(self) -> Settings:
        raise NotImplementedError  # there is nothing to look at


FIXED: Credentials = _Fixed()


class Watch:
    """Tells what is in the files, once two looks in a row agree on it."""

    def __init__(self, paths: frozenset[str]) -> None:
        self._paths = sorted(paths)
        self._last: Digests | None = None

    def look(self) -> Digests | None:
        """A digest of each file; None if one cannot be read now, or is not as at the last look. Blocks for reading."""
        try:
            now: Digests | None = {path: _digest(Path(path)) for path in self._paths}
        except OSError as error:
            now = None
            _repeats.warning(
                "credentials cannot be read, going on with those at hand", error.filename, path=error.filename,
                error=error.strerror, advice="put the file back, with the right to read it",
            )  # fmt: skip
        agreed = now if now == self._last else None
        self._last = now
        return agreed


def _digest(path: Path) -> str:
    """Of a file, or of the files of a folder: mounts of Kubernetes change without a new time of change."""
    files = sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else [path]
    whole = hashlib.sha256()
    for file in files:
        whole.update(hashlib.sha256(file.name.encode() + b"\0" + file.read_bytes()).digest())
    return whole.hexdigest()


class Held(NamedTuple):
    """Credentials that something was made with."""

    settings: Settings
    located: Digests

    def of_member(self) -> dict[str, str]:
        """The properties of the group's member."""
        return {**self.settings.kafka, **self.settings.kafka_consumer}

    def same_for_member(self, other: "Held") -> bool:
        """Whether the member would be made with the same credentials."""
        return self.of_member() == other.of_member() and self.located == other.located


def password_alone(before: Held, after: Held) -> tuple[str, str] | None:
    """User and password, if these are all that has changed for the member and it can take them while it lives."""
    old, new = before.of_member(), after.of_member()
    changed = {prop for prop in old.keys() | new.keys() if old.get(prop) != new.get(prop)}
    takes = new.get("sasl.mechanism", "").upper().startswith(_WITH_PASSWORD)
    if not changed or changed - _PASSWORD or before.located != after.located or not takes:
        return None
    return new.get("sasl.username", ""), new.get("sasl.password", "")
