"""A table on stdout: drawn by rich on a terminal, plain columns anywhere else, so that tools can cut them."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from fanout.words import printable

if TYPE_CHECKING:
    from rich.table import Table


def show(columns: Sequence[str], rows: Sequence[Sequence[str]], styles: Mapping[str, str] | None = None) -> None:
    """Print the table. `styles` colours a cell by its text, on a terminal only. Imports rich there only."""
    if sys.stdout.isatty():
        from rich.console import Console

        Console().print(drawn(columns, rows, styles))
    else:
        sys.stdout.write(plain(columns, rows))


def plain(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The table as text: columns padded to their widest cell, two spaces between."""
    lines = [tuple(columns), *(tuple(_one_line(cell) for cell in row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n" for line in lines
    )


def drawn(columns: Sequence[str], rows: Sequence[Sequence[str]], styles: Mapping[str, str] | None = None) -> "Table":
    """The table as rich draws it. What is in a cell is text, never markup."""
    from rich.table import Table
    from rich.text import Text

    table = Table(header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_one_line(cell), style=(styles or {}).get(cell, "")) for cell in row))
    return table


def _one_line(cell: str) -> str:
    """The first line of a cell, with nothing in it that a terminal obeys; a certificate in PEM has many."""
    first, newline, _ = cell.partition("\n")
    return printable(f"{first} ..." if newline else first)
