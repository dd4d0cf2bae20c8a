"""The look that all plots have in common, and how one becomes a file.

Ours is always the same strong blue and whatever it is compared with is grey, so that nobody needs a legend. The colours
are of Okabe and Ito's palette, which people who see colours otherwise tell apart, and differ in lightness besides. No
state of pyplot is touched: the settings hold while `look` does, and whoever draws or saves does it within.
"""

import contextlib
import io
import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench import compare
from bench.result import Result

OURS, FAILED, OTHERS = "#0072b2", "#d55e00", "#a3a9af"
INK, MUTED, GRID, PAPER = "#1f2328", "#5f6770", "#dfe3e7", "#ffffff"
# Of one program at more and more of something, from little to much.
SHADES = ("#4b9ccd", "#2484bd", "#0a6aa6", "#0b4a78", "#0c2f4f")
ON_DARK = {
    OURS: "#56b4e9", FAILED: "#ff9a52", OTHERS: "#767d85", INK: "#e8eaed", MUTED: "#a4acb5", GRID: "#363c43",
    PAPER: "#16191d", SHADES[0]: "#4a8fbf", SHADES[1]: "#5aaae0", SHADES[2]: "#7cc4f0", SHADES[3]: "#abdcf8",
    SHADES[4]: "#dff1fc",
}  # fmt: skip

WIDTH_IN = 7.0  # on a phone it is shown at half its size, so what is written has to be large for it
TITLE_PT, TEXT_PT, SMALL_PT, FOOTER_PT = 13.0, 10.0, 9.0, 6.8
FOOTER_COLUMNS, NOTE_COLUMNS = 128, 92
LINE = 1.35  # from one line of text to the next, in sizes of it
EDGE_IN = 0.12
# From the end of a line to the left of what is written beside it.
LEADER: dict[str, Any] = {"arrowstyle": "-", "linewidth": 0.6, "alpha": 0.7, "relpos": (0.0, 0.5), "shrinkA": 1.0}
# Behind what is written over lines.
BACKED: dict[str, Any] = {"facecolor": PAPER, "edgecolor": "none", "alpha": 0.75, "pad": 0.8}
SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # matplotlib brings it along: the same picture on every machine
    "font.size": TEXT_PT,
    "text.color": INK,
    "text.parse_math": False,  # a name with two dollar signs is no formula
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.labelsize": SMALL_PT,
    "axes.titlesize": TEXT_PT,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.facecolor": PAPER,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": SMALL_PT,
    "ytick.labelsize": SMALL_PT,
    "lines.linewidth": 2.0,
    "lines.solid_capstyle": "round",
    "svg.fonttype": "path",  # as above: letters are shapes, whatever fonts the reader has
    "svg.hashsalt": "bench",  # the same file for the same data
}


@contextlib.contextmanager
def look() -> Iterator[None]:
    """Within it matplotlib draws as all plots do; for `with`, or as a decorator of what draws."""
    with mpl.rc_context(SETTINGS):
        yield


def framed(result: Result[Any], title: str, note: str, height_in: float) -> Figure:
    """An empty figure with its title, a line or two on how to read it, and the footer.

    `height_in` is what the panels get, in inches: the frame comes on top.
    """
    notes, footer = textwrap.wrap(note, NOTE_COLUMNS), provenance(result)
    above_in = EDGE_IN + (TITLE_PT * LINE + len(notes) * SMALL_PT * LINE) / 72 + 0.08
    below_in = EDGE_IN + len(footer) * FOOTER_PT * LINE / 72 + 0.06
    whole_in = height_in + above_in + below_in
    made = Figure(figsize=(WIDTH_IN, whole_in), layout="constrained")
    engine = made.get_layout_engine()
    assert engine is not None
    engine.set(rect=(0, below_in / whole_in, 1, height_in / whole_in), w_pad=0.1, h_pad=0.06)  # type: ignore[call-arg]
    left, top = EDGE_IN / WIDTH_IN, 1 - EDGE_IN / whole_in
    made.text(left, top, title, size=TITLE_PT, weight="bold", va="top")
    under = top - TITLE_PT * LINE / 72 / whole_in
    made.text(left, under, "\n".join(notes), size=SMALL_PT, color=MUTED, va="top", linespacing=LINE)
    bottom = EDGE_IN / 2 / whole_in
    made.text(left, bottom, "\n".join(footer), size=FOOTER_PT, color=MUTED, va="bottom", linespacing=LINE)
    return made


def provenance(result: Result[Any]) -> list[str]:
    """On what, with what, when and by which command it was measured, in lines for a footer."""
    machine = result.machine
    with_what = [f"{name} {result.versions[name]}" for name in ("kafka", "librdkafka", "python") if name in
                 result.versions]  # fmt: skip
    cores = f"{machine.cores} core{'s' * (machine.cores != 1)}"
    where = f"{machine.cpu}, {cores}, {machine.memory_bytes / 1e9:.0f} GB"
    told = [where, result.cluster, *with_what, result.begun[:10]]
    return [
        line
        for part in ("  |  ".join(told), result.command)
        for line in textwrap.wrap(part, FOOTER_COLUMNS, break_on_hyphens=False)
    ]


def varied(turns: int, shown: str = "thin line") -> str:
    """What is drawn of several turns, for a note on how to read a plot."""
    return f"Median of {turns} turns, the {shown} from least to most." if turns > 1 else "One turn: no spread is known."


def colour_of(program: str) -> str:
    """This checkout's, or the others'."""
    return OURS if program == compare.OURS else OTHERS


def shade(place: int, count: int) -> str:
    """The colour of one of `count` lines, from little to much."""
    return SHADES[round(place * (len(SHADES) - 1) / max(1, count - 1))] if count > 1 else OURS


def only_grid(axes: Axes, axis: str) -> None:
    """Lines across that axis ("x" or "y") alone; the other one counts nothing that they could help with."""
    axes.grid(visible=False)
    axes.grid(visible=True, axis=axis)  # type: ignore[arg-type]


def grouped(value: float, _: float = 0.0) -> str:
    """A number on an axis, as 1,000 or 2.5; the second argument is what matplotlib gives besides."""
    return f"{value:,.0f}" if value == round(value) else f"{value:g}"


class Label(NamedTuple):
    """What is written beside the end of a line, which is at a place of the data."""

    x: float
    y: float
    text: str
    colour: str


def label_ends(axes: Axes, labels: Sequence[Label], size: float = SMALL_PT) -> None:
    """Write them one above another at the right edge, as high as their lines end. Call when all else is drawn."""
    figure = axes.figure
    assert isinstance(figure, Figure)
    figure.draw_without_rendering()  # how high an end is, is known when it is laid out
    ordered = sorted(labels, key=lambda label: label.y)
    ends = [float(axes.transData.transform((label.x, label.y))[1]) for label in ordered]
    heights = apart(ends, size * LINE * figure.dpi / 72, axes.bbox.y1)
    for label, height in zip(ordered, heights, strict=True):
        _, y = axes.transData.inverted().transform((0.0, height))
        axes.annotate(
            label.text,
            (label.x, label.y),
            xytext=(1.015, y),
            textcoords=axes.get_yaxis_transform(),
            size=size,
            color=label.colour,
            va="center",
            arrowprops=LEADER | {"color": label.colour},
            annotation_clip=False,
        )


def apart(wanted: Sequence[float], least: float, top: float) -> list[float]:
    """Rising places, `least` away from each other and near where they are wanted, and at most at `top` if they can."""
    found: list[float] = []
    for place in wanted:
        found.append(max(place, found[-1] + least) if found else place)
    bound = top
    for number in reversed(range(len(found))):
        found[number] = min(found[number], bound)
        bound = found[number] - least
    return found


def svg(figure: Figure) -> str:
    """The figure as a picture of lines, the same for the same data."""
    return _saved(figure, format="svg", metadata={"Date": None}).decode()


def png(figure: Figure, dpi: int = 160) -> bytes:
    """The figure as a picture of points."""
    return _saved(figure, format="png", dpi=dpi)


def on_dark(picture: str) -> str:
    """An SVG of `svg` for a dark page: the same, in other colours."""
    return re.sub("|".join(ON_DARK), lambda found: ON_DARK[found.group()], picture)


def _saved(figure: Figure, **options: Any) -> bytes:  # noqa: ANN401
    written = io.BytesIO()
    with look():
        figure.savefig(written, **options)
    return written.getvalue()
