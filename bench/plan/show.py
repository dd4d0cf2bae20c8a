"""The plan on a terminal: the sentences first, then the figures."""

from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bench.plan.figures import GIVEN, Figure, Plan
from bench.plan.units import number, span, written

WIDE = 130  # columns of a terminal
CAPTION = (
    "From, to: with the costs of the best turns that were measured, and of the worst. Requests: in a backlog, and one "
    "for each event. Disk: with a segment more of each partition."
)

LABELS = {
    "size": {
        "partitions": "partitions of the source",
        "replicas": "replicas",
        "workers": "workers of a replica",
        "cpu_request": "CPU request of a replica",
        "cpu_limit": "CPU limit",
        "memory": "memory of a replica",
    },
    "keda": {
        "lag_threshold": "KEDA lagThreshold",
        "replicas_min": "KEDA minReplicaCount",
        "replicas_max": "KEDA maxReplicaCount",
    },
    "times": {
        "ceiling": "ceiling",
        "utilisation": "used at the peak",
        "utilisation_lost": "used, with replicas lost",
        "catch_up": "time to catch up",
        "retention_margin": "margin to the retention",
        "resync": "time to digest a resync",
    },
    "broker": {
        "requests": "produce requests",
        "in_bytes": "into brokers",
        "out_bytes": "out of brokers",
        "catch_up_bytes": "into brokers, catching up",
        "cores": "CPU of brokers",
        "topics": "topics",
        "partitions": "partitions",
        "replicas_per_broker": "replicas on a broker",
        "connections": "connections",
        "source_disk": "disk for the source",
        "destination_disk": "disk for destinations",
    },
}


def show(plan: Plan, console: Console, title: str) -> None:
    """Print all of it."""
    console.print(Text(title, style="bold"))
    for number_of, sentence in enumerate(plan.words):
        bad = not plan.possible and number_of < len(plan.problems)
        console.print(_point(Text(sentence, style="bold red" if bad else "bold" if number_of == 0 else "")))
    console.print()
    sources: dict[str, int] = {}
    # Where there is no room for a column of sentences, they are listed.
    wide = console.width >= WIDE
    console.print(_figures(plan, sources, wide=wide))
    if not wide:
        console.print(_list("Because", [Text(f"{label}: {figure.because}") for label, figure, _ in _rows(plan)]))
    console.print()
    console.print(_limits(plan))
    console.print(_list("Besides", [Text(advice) for advice in plan.advice]))
    measured = [Text(f"[{place}] {source}") for source, place in sources.items()]
    console.print(_list("It rests on", [*measured, *(Text(note) for note in plan.notes)]))
    if plan.machine:
        console.print(Text(f"Measured on {plan.machine}: on another machine, measure there."))


def _point(text: Text) -> RenderableType:
    made = Table.grid(padding=(0, 1))
    made.add_row("-", text)
    return made


def _list(title: str, texts: list[Text]) -> RenderableType:
    return Padding(Group(Text(title, style="bold"), *(_point(text) for text in texts)), (1, 0, 0, 0))


def _figures(plan: Plan, sources: dict[str, int], *, wide: bool) -> Table:
    """`sources` is filled with what the numbers in its last column stand for."""
    made = Table(title="The figures", title_justify="left", caption=CAPTION, caption_justify="left")
    made.add_column("figure", no_wrap=True)
    made.add_column("plan", justify="right", no_wrap=True)
    made.add_column("from, to", justify="right")
    if wide:
        made.add_column("because", ratio=1)
    made.add_column("rests on", no_wrap=wide)
    for label, figure, last in _rows(plan):
        made.add_row(
            Text(label),
            Text(written(figure.value, figure.unit), style="bold"),
            Text(span(figure.low, figure.high, figure.unit) if figure.low != figure.high else ""),
            *([Text(figure.because)] if wide else []),
            Text(_numbered(figure.measured, sources)),
            end_section=last,
        )
    return made


def _rows(plan: Plan) -> Iterator[tuple[str, Figure, bool]]:
    """Label, figure, and whether it is the last of its group."""
    for group, labels in LABELS.items():
        figures = [(label, getattr(getattr(plan, group), name)) for name, label in labels.items()]
        there = [(label, figure) for label, figure in figures if figure is not None]
        for label, figure in there:
            yield label, figure, figure is there[-1][1]


def _numbered(measured: list[str], sources: dict[str, int]) -> str:
    places = [sources.setdefault(source, len(sources) + 1) for source in measured]
    return " ".join(f"[{place}]" for place in sorted(places)) or GIVEN


def _limits(plan: Plan) -> Table:
    made = Table(title="What gives way, in this order", title_justify="left")
    made.add_column("at", justify="right", no_wrap=True)
    made.add_column("times today's", justify="right")
    made.add_column("what", ratio=1)
    made.add_column("what to do then", ratio=1)
    for limit in plan.limits:
        style = "bold" if limit is plan.first else ""
        cells = (written(limit.at.value, limit.at.unit), number(limit.times), limit.what, limit.then)
        made.add_row(*(Text(cell, style=style) for cell in cells))
    return made
