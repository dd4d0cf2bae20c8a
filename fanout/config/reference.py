"""The table of settings in docs/settings.md, made from `Settings`: `python -m fanout.config.reference`."""

import msgspec

from fanout.config import convert
from fanout.config.sources import FIELDS, variable

_HEAD = """# Settings

Each is an environment variable, or the flag of the same name (`TOPIC_CREATE` is `--topic-create`); flags win.
The value of any variable `X` can be read from a file that `X_FILE` names.
`events-fanout config` shows every setting, its value and where it came from.
This page is made from the code: `make docs`.

| variable | default | meaning |
| --- | --- | --- |
"""


def page() -> str:
    """The whole page, as Markdown."""
    rows = [f"| `{variable(name)}` | {_default(name)} | {convert.description(name)} |" for name in FIELDS]
    return _HEAD + "\n".join(rows) + "\n"


def _default(name: str) -> str:
    usual = convert.default(name)
    if usual is msgspec.NODEFAULT:
        return "required"
    text = convert.text(usual)
    return f"`{text}`" if text else ""


if __name__ == "__main__":
    print(page(), end="")
