"""The report as a page of Markdown, with its plots as files beside it."""

import re
from collections.abc import Iterable, Iterator

from bench.report.grid import Grid
from bench.report.html import TITLE
from bench.report.page import Missing, Page, Program, Section


def markdown_of(page: Page) -> str:
    """The page; each plot is taken to be in the file `plot_name` says, beside it."""
    lines = [f"# {_text(TITLE)}", "", f"Put together on {_text(page.made)}.", ""]
    for section in page.sections:
        lines += _section(section)
    if page.missing:
        lines += ["## Not measured here", "", *(_missing(each) for each in page.missing), ""]
    return "\n".join(lines)


def plot_name(section: Section) -> str:
    """The file of its plot."""
    return f"{section.key}.svg"


def _section(section: Section) -> Iterator[str]:
    yield from (f"## {_text(section.title)}", "", f"*{_text(section.asked)}*", "")
    yield from (*_list(section.said), "")
    if section.plot is not None:
        yield from (f"![{_text(section.title)}]({plot_name(section)})", "")
    for grid in section.grids:
        yield from (f"**{_text(grid.title)}**", "", *_table(grid), "")
        yield from (_text(grid.caption), "") if grid.caption else ()
    if section.programs:
        yield from ("### The programs", "", *(line for each in section.programs for line in _program(each)), "")
    yield from ("### How it was measured", "")
    yield from (f"- {name}: {_code(value) if name == 'command' else _text(value)}" for name, value in section.how)
    yield ""
    if section.left_out:
        yield from ("### Left out", "", *_list(section.left_out), "")


def _table(grid: Grid) -> Iterator[str]:
    yield _row(column.name for column in grid.columns)
    yield _row("---:" if column.right else "---" for column in grid.columns)
    for row in grid.rows:
        yield _row(row)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell if set(cell) <= {'-', ':'} else _text(cell) for cell in cells)} |"


def _program(program: Program) -> Iterator[str]:
    yield f"- **{_text(program.name)}**: {_text(program.about)}"
    told = [("promise", program.promise)] if program.promise else []
    told += [(f"set: {name}", why) for name, why in program.tuned]
    told += [(f"loses: {name}", why) for name, why in program.loses]
    yield from (f"  - {_text(name)}: {_text(what)}" for name, what in told)


def _missing(missing: Missing) -> str:
    why = f" ({_text(missing.why)})" if missing.why else ""
    return f"- {_text(missing.title)}: {_code(missing.command)}{why}"


def _list(sentences: Iterable[str]) -> Iterator[str]:
    return (f"- {_text(each)}" for each in sentences)


def _text(text: str) -> str:
    """With nothing in it that Markdown would take for more than text, nor HTML in Markdown."""
    escaped = re.sub(r"([\\`*_{}\[\]<>#|~$&!])", r"\\\1", text)
    return " ".join(escaped.split("\n"))


def _code(text: str) -> str:
    """As it is, between as many backticks as it takes."""
    fence = "`" * (max((len(found) for found in re.findall("`+", text)), default=0) + 1)
    space = " " if "`" in text else ""
    return f"{fence}{space}{text}{space}{fence}"
