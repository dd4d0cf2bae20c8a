"""The report as one page of HTML: no network, no script, nothing beside it; for any size of screen, light or dark."""

import base64
import html
from collections.abc import Iterable

from bench.plots.style import GRID, INK, MUTED, ON_DARK, OURS, PAPER, on_dark
from bench.report.grid import Grid
from bench.report.page import Missing, Page, Program, Section

TITLE = "events-fanout, measured"
COLOURS = {"ink": INK, "muted": MUTED, "line": GRID, "paper": PAPER, "accent": OURS}
STYLE = """
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif; color: var(--ink);
  background: var(--paper); overflow-wrap: break-word; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.3rem; margin-top: 3rem; }
h3 { font-size: 1.05rem; margin: 1.8rem 0 .3rem; } h4 { font-size: .95rem; margin: 1rem 0 .2rem; }
a { color: var(--accent); }
code { font-family: ui-monospace, monospace; font-size: .9em; }
.asked, .note, dt { color: var(--muted); }
.note { font-size: .85rem; margin: .4rem 0 1.6rem; }
section { border-top: 1px solid var(--line); }
ul { padding-left: 1.2rem; } li { margin: .2rem 0; }
.scroll { overflow-x: auto; }
figure { margin: 1rem 0; }
img { display: block; width: 100%; min-width: 30rem; max-width: 48rem; height: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; margin-top: 1rem; }
caption { text-align: left; font-weight: 600; padding-bottom: .3rem; }
th, td { padding: .25rem .6rem; text-align: left; white-space: nowrap; border-bottom: 1px solid var(--line); }
th { vertical-align: bottom; }
.right { text-align: right; }
.end > * { border-bottom: 2px solid var(--muted); }
dl { margin: .3rem 0; font-size: .9rem; } dd { margin: 0 0 .3rem 1rem; }
@media (min-width: 40rem) {
  dl { display: grid; grid-template-columns: minmax(6rem, max-content) 1fr; gap: .1rem 1rem; }
  dt { max-width: 18rem; } dd { margin: 0; min-width: 0; }
}
"""
INLINE = {"a", "code"}  # a line break after them would be a space
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


class Html(str):
    """Text that is HTML already. All other text is escaped where it becomes a part of some."""

    __slots__ = ()


def tag(name: str, /, *inside: str, **attributes: str) -> Html:
    """An element. An attribute's name may end in _ and have _ for -, as in `class_` and `http_equiv`."""
    told = "".join(f' {key.rstrip("_").replace("_", "-")}="{_escaped(value)}"' for key, value in attributes.items())
    end = "" if name in INLINE else "\n"
    return Html(f"<{name}{told}>{''.join(map(_escaped, inside))}</{name}>{end}")


def void(name: str, /, **attributes: str) -> Html:
    """An element with no end."""
    return Html(tag(name, **attributes).replace(f"</{name}>", ""))


def _escaped(text: str) -> Html:
    return text if isinstance(text, Html) else Html(html.escape(text))


def html_of(page: Page) -> str:
    """The whole page."""
    head = tag(
        "head",
        void("meta", charset="utf-8"),
        void("meta", name="viewport", content="width=device-width, initial-scale=1"),
        void("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("title", TITLE),
        tag("style", Html(_style())),
    )
    links = [tag("li", tag("a", each.title, href=f"#{each.key}"), Html(": "), each.said[0]) for each in page.sections]
    header = tag(
        "header",
        tag("h1", TITLE),
        tag("p", f"Put together on {page.made}.", class_="note"),
        tag("nav", tag("ul", *links)) if links else Html(),
    )
    main = tag("main", *map(_section, page.sections), _missing(page.missing) if page.missing else Html())
    return "<!doctype html>\n" + tag("html", head, tag("body", header, main), lang="en")


def _style() -> str:
    light = " ".join(f"--{name}: {colour};" for name, colour in COLOURS.items())
    dark = " ".join(f"--{name}: {ON_DARK[colour]};" for name, colour in COLOURS.items())
    return f"""
:root {{ color-scheme: light dark; {light} }}
@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}{STYLE}"""


def _section(section: Section) -> Html:
    return tag(
        "section",
        tag("h2", section.title),
        tag("p", section.asked, class_="asked"),
        _list(section.said),
        _figure(section, section.plot) if section.plot is not None else Html(),
        *(_table(each) for each in section.grids),
        tag("h3", "The programs") if section.programs else Html(),
        *(_program(each) for each in section.programs),
        tag("h3", "How it was measured"),
        _pairs((name, tag("code", value) if name == "command" else value) for name, value in section.how),
        *([tag("h3", "Left out"), _list(section.left_out)] if section.left_out else []),
        id=section.key,
    )


def _figure(section: Section, plot: str) -> Html:
    """Two pictures, of which a browser shows the one that is made for its colours."""
    dark = void("source", media="(prefers-color-scheme: dark)", srcset=_inline(on_dark(plot)))
    light = void("img", src=_inline(plot), alt=f"{section.title}: {' '.join(section.said)}")
    return tag("figure", tag("picture", dark, light), class_="scroll")


def _inline(svg: str) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def _table(grid: Grid) -> Html:
    sides = [{"class_": "right"} if column.right else {} for column in grid.columns]
    names = [column.name for column in grid.columns]
    head = tag("tr", *(tag("th", name, scope="col", **side) for name, side in zip(names, sides, strict=True)))
    rows = (
        tag(
            "tr",
            *(tag("td", cell, **side) for cell, side in zip(row, sides, strict=True)),
            **({"class_": "end"} if number in grid.ends else {}),
        )
        for number, row in enumerate(grid.rows)
    )
    table = tag("table", tag("caption", grid.title), tag("thead", head), tag("tbody", *rows))
    note = tag("p", grid.caption, class_="note") if grid.caption else Html()
    return Html(tag("div", table, class_="scroll") + note)


def _program(program: Program) -> Html:
    told = [("what it is", program.about), ("promise", program.promise)]
    told += [(f"set: {name}", why) for name, why in program.tuned]
    told += [(f"loses: {name}", why) for name, why in program.loses]
    return Html(tag("h4", program.name) + _pairs(pair for pair in told if pair[1]))


def _pairs(pairs: Iterable[tuple[str, str]]) -> Html:
    return tag("dl", *(Html(tag("dt", name) + tag("dd", value)) for name, value in pairs))


def _missing(missing: Iterable[Missing]) -> Html:
    items = (
        tag("li", f"{each.title}: ", tag("code", each.command), f" ({each.why})" if each.why else "")
        for each in missing
    )
    return tag("section", tag("h2", "Not measured here"), tag("ul", *items), id="missing")


def _list(sentences: Iterable[str]) -> Html:
    return tag("ul", *(tag("li", each) for each in sentences))
