"""The settings as a person may see them: like `events-fanout config`, secrets hidden."""

from fanout.config.convert import text
from fanout.config.properties import shown
from fanout.config.sources import FIELDS, SIDES, variable
from fanout.settings import Settings
from fanout.status.state import Setting


def shown_settings(settings: Settings) -> list[Setting]:
    """Every setting in the order of `Settings`, then the properties of the client."""
    own = [Setting(name=variable(name), value=text(getattr(settings, name))) for name in FIELDS]
    properties = [
        Setting(name=f"{side}.{prop}", value=shown(prop, value))
        for side in SIDES
        for prop, value in sorted(getattr(settings, side).items())
    ]
    return own + properties
