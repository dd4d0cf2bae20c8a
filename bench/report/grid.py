"""A table of rich as cells, so that what commands print and what the report shows is written once."""

from typing import NamedTuple

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

EM = "\N{EM SPACE}"  # what a browser does not swallow at the beginning of a cell


class Column(NamedTuple):
    """Its heading, and whether its cells are figures, which stand to the right."""

    name: str
    right: bool


class Grid(NamedTuple):
    """Plain text in all places; `ends` are the rows after which something else begins."""

    title: str
    caption: str
    columns: list[Column]
    rows: list[list[str]]
    ends: set[int]


def grid(table: Table) -> Grid:
    """The cells of a table, with what the console makes of their markup. Raises TypeError for what is no text."""
    columns = [Column(_plain(column.header), column.justify == "right") for column in table.columns]
    cells = [[_plain(cell) for cell in column.cells] for column in table.columns]
    return Grid(
        title=_plain(table.title or ""),
        caption=_plain(table.caption or ""),
        columns=columns,
        rows=[list(row) for row in zip(*cells, strict=True)],
        ends={number for number, row in enumerate(table.rows) if row.end_section},
    )


def _plain(cell: RenderableType) -> str:
    if isinstance(cell, Text):
        text = cell.plain
    elif isinstance(cell, str):
        text = Text.from_markup(cell, emoji=False).plain
    else:
        raise TypeError(f"no text in a cell: {cell!r}")
    indent = len(text) - len(text.lstrip(" "))
    return EM * (indent // 2) + text.strip()
