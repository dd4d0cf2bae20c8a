"""A page of the documentation as its parts: blocks, links, anchors.

What the fence of a block says is what the test does with it:

| fence | what it is |
| --- | --- |
| `sh` | commands, run as they stand; `sh fails` are those that have to fail |
| `text` | what the block of commands before it prints |
| `yaml NAME`, or another kind and a name | a file of that name |
| `console` | shown, and not run: what it needs is not there |
"""

import re
from pathlib import Path
from typing import NamedTuple

_FENCE = re.compile(r"^( *)```(.*)$")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


class Block(NamedTuple):
    """A fenced block. `line` is that of its fence, counted from 1."""

    kind: str
    name: str
    text: str
    line: int


def blocks(page: str) -> list[Block]:
    """All of them, in their order; what is indented in the page is not in `text`. Raises ValueError for an open one."""
    found: list[Block] = []
    fence: tuple[str, str, int] | None = None
    inside: list[str] = []
    for number, line in enumerate(page.splitlines(), start=1):
        match = _FENCE.match(line)
        if fence is None and match:
            fence, inside = (match[1], match[2], number), []
        elif fence is not None and match:
            indent, info, began = fence
            kind, _, name = info.partition(" ")
            text = "".join(f"{each.removeprefix(indent)}\n" for each in inside)
            found.append(Block(kind, name, text, began))
            fence = None
        else:
            inside.append(line)
    if fence is not None:
        raise ValueError(f"the block of line {fence[2]} has no end")
    return found


def prose(page: str) -> str:
    """The page without its blocks."""
    kept: list[str] = []
    inside = False
    for line in page.splitlines():
        if _FENCE.match(line):
            inside = not inside
        elif not inside:
            kept.append(line)
    return "\n".join(kept)


def links(page: str) -> list[str]:
    """Where its links within the repository lead: `path`, `path#anchor`, `#anchor`."""
    return [link for link in _LINK.findall(prose(page)) if "://" not in link]


def anchors(page: str) -> set[str]:
    """What its headings can be linked by, as GitHub makes it of them."""
    headings = (heading.lower().replace("`", "") for heading in _HEADING.findall(prose(page)))
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings}


def target(page: Path, link: str) -> tuple[Path, str]:
    """The file that a link of this page leads to, and the anchor in it, which is empty for the whole file."""
    path, _, anchor = link.partition("#")
    return (page.parent / path).resolve() if path else page, anchor
