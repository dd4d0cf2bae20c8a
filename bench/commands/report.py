"""`python -m bench report`."""

from pathlib import Path

import click
import msgspec

from bench.peers.peer import ROOT
from bench.result import OUT

EPILOG = """\b
Examples:
  # the newest result of each kind, as bench/out/report/index.html and index.md
  python -m bench report
  python -m bench report --from bench/out/compare-20261125-153712.json --out /tmp/compared
"""


@click.command(name="report", epilog=EPILOG)
@click.option(
    "--from",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A result; several may be given. By default the newest of each kind in bench/out.",
)
@click.option(
    "--out",
    "folder",
    default=OUT / "report",
    show_default="bench/out/report",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the pages and the plots go.",
)
def report_command(*, files: tuple[Path, ...], folder: Path) -> None:
    """All results on one page: what was asked, what came out, plots, tables, how it was measured, what is missing.

    One page of HTML that needs no other file and no network, and one of Markdown with its plots beside it.
    """
    from bench.report.html import html_of
    from bench.report.kinds import UnknownKindError
    from bench.report.markdown import markdown_of, plot_name
    from bench.report.page import page_of, page_of_newest

    try:
        page = page_of(files) if files else page_of_newest(OUT)
    except (UnknownKindError, msgspec.DecodeError) as error:
        raise click.ClickException(str(error)) from error
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text(html_of(page))
    (folder / "index.md").write_text(markdown_of(page))
    for section in page.sections:
        if section.plot is not None:
            (folder / plot_name(section)).write_text(section.plot)
    told = f"{len(page.sections)} results, {len(page.missing)} kinds with none"
    shown = folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else folder
    click.echo(f"written to {shown / 'index.html'} and index.md: {told}")
