"""Loads the credentials again, while the program runs: whatever else was given stays as it was at the start."""

from collections.abc import Mapping

import msgspec

from fanout.config.load import load
from fanout.config.properties import LOCATIONS, is_credential
from fanout.config.sources import SIDES, collect
from fanout.settings import Settings


class Reload:
    """The credentials behind `settings`, which were loaded from this environment and these flags.

    `paths` are the files that hold them: those that a `KAFKA_..._FILE` names, and, also in `located`, those that the
    client reads itself when it is made.
    """

    def __init__(self, environ: Mapping[str, str], flags: Mapping[str, str], settings: Settings) -> None:
        self._environ = dict(environ)
        self._flags = dict(flags)
        self._settings = settings
        raw = collect(self._environ, self._flags)
        given = [(prop, item) for side in SIDES for prop, item in raw.properties[side].items()]
        named = {item.path for prop, item in given if item.path and is_credential(prop)}
        # "probe" is the client's word for: look where the system keeps its authorities.
        self.located = frozenset({item.text for prop, item in given if prop in LOCATIONS} - {"probe"})
        self.paths = self.located | named

    def load(self) -> Settings:
        """The settings with the credentials as the files have them now. Blocks for reading them.

        Raises SettingsError with all problems, among them what the client library says of them.
        """
        fresh = load(self._environ, self._flags).settings
        return msgspec.structs.replace(self._settings, **{side: self._changed(fresh, side) for side in SIDES})

    def _changed(self, fresh: Settings, side: str) -> dict[str, str]:
        before: dict[str, str] = getattr(self._settings, side)
        now: dict[str, str] = getattr(fresh, side)
        return {prop: now.get(prop, text) if is_credential(prop) else text for prop, text in before.items()}
