"""What the demo looks like: a live table on a terminal, plain lines anywhere else."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from fanout.demo.program import Worker

BAR_MAX = 48
ROWS_MIN = 3
HEADER_AND_DEAD_LETTERS = 2  # lines of the table besides the namespaces
NOTES_SHOWN = 8
HIGH = 32  # lines; on a lower terminal half of the notes have to do
REFRESH_S = 0.12
LINE_S = 1.0


class Note(NamedTuple):
    """Something that happened, for the person who watches."""

    at_s: float  # since the demo began
    text: str
    style: str = ""


@dataclass
class Progress:
    """All that is shown. The demo changes it, a view shows it."""

    source: str
    dead_letter_topic: str
    planned: Counter[str]  # events to be written, by namespace
    poison: int  # records to be written that are no events
    elapsed_s: float = 0.0
    phase: str = "starting"
    written: Counter[str] = field(default_factory=Counter)  # events taken by the source, by namespace
    arrived: Counter[str] = field(default_factory=Counter)  # events seen in their own topic, by namespace
    dead_letters: int = 0
    per_second: int = 0  # events that arrived in the last second
    workers: Mapping[int, Worker] = field(default_factory=dict)
    stopped: bool = False  # the program has ended
    checked: dict[str, bool] = field(default_factory=dict)  # topic -> whether the count of it is right
    notes: list[Note] = field(default_factory=list)


class View(Protocol):
    """Where the demo is shown."""

    def show(self, progress: Progress) -> None:
        """Show how things stand, as often as is pleasant. Does not block."""

    def tell(self, note: Note) -> None:
        """Show something that has just been added to the notes."""

    def close(self, progress: Progress) -> None:
        """Show how it ended."""


def make_view(console: Console, *, plain: bool) -> View:
    """The live table if this is a terminal that can draw it, plain lines otherwise."""
    able = console.is_terminal and not console.is_dumb_terminal and console.encoding.startswith("utf")
    return LiveView(console) if able and not plain else PlainView(console)


class PlainView:
    """A line about each second, and one for whatever happens."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._next_s = 0.0

    def _line(self, at_s: float, text: str) -> None:
        self._console.print(f"{at_s:5.1f} s  {text}", markup=False, highlight=False, soft_wrap=True)

    def show(self, progress: Progress) -> None:
        if progress.elapsed_s < self._next_s:
            return
        self._next_s = progress.elapsed_s + LINE_S
        alive = sum(worker.alive for worker in progress.workers.values())
        self._line(
            progress.elapsed_s,
            f"{progress.phase}: {progress.written.total():,} of {progress.planned.total():,} events written, "
            f"{progress.arrived.total():,} arrived in {len(progress.arrived)} topics "
            f"({progress.per_second:,} per second), {progress.dead_letters} dead letters, {alive} workers",
        )

    def tell(self, note: Note) -> None:
        self._line(note.at_s, note.text)

    def close(self, progress: Progress) -> None:
        for topic, right in progress.checked.items():
            expected = progress.planned[topic] or progress.poison
            self._line(
                progress.elapsed_s, f"  {topic:<24} {expected:>8,} expected  {'all there' if right else 'WRONG'}"
            )


class LiveView:
    """A table that is drawn again and again in its place, and stays when the demo has ended."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False)
        self._live.start()
        self._next_s = 0.0

    def show(self, progress: Progress) -> None:
        if progress.elapsed_s >= self._next_s:
            self._next_s = progress.elapsed_s + REFRESH_S
            self._draw(progress)

    def tell(self, note: Note) -> None:
        self._next_s = note.at_s

    def close(self, progress: Progress) -> None:
        self._draw(progress)
        self._live.stop()

    def _draw(self, progress: Progress) -> None:
        self._live.update(picture(progress, self._console), refresh=True)


def picture(progress: Progress, console: Console) -> RenderableType:
    """The whole picture, as high as the terminal at most: the quietest namespaces are summed up if need be."""
    above = Group(
        Text("events-fanout demo", style="bold")
        + Text(f"   {progress.elapsed_s:4.1f} s   {progress.phase}", style="cyan"),
        Text(
            "All Kubernetes events are in one topic. Each namespace gets a topic of its own.",
            style="dim",
        ),
        Text(),
        _flow(progress),
        Text(),
    )
    notes = NOTES_SHOWN if console.height >= HIGH else NOTES_SHOWN // 2
    below = Group(Text(), _workers(progress), Text(), _notes(progress.notes[-notes:]))
    taken = len(console.render_lines(above, pad=False)) + len(console.render_lines(below, pad=False))
    rows = max(ROWS_MIN, console.height - taken - HEADER_AND_DEAD_LETTERS - 1)
    return Group(above, _topics(progress, console.width, rows), below)


def _flow(progress: Progress) -> Table:
    table = Table.grid(padding=(0, 2))
    arrow = Text("──▶", style="dim")
    alive = 0 if progress.stopped else sum(worker.alive for worker in progress.workers.values())
    table.add_row(
        Text(progress.source, style="bold yellow"),
        arrow,
        Text("events-fanout", style="bold"),
        arrow,
        Text(f"{len(progress.planned)} topics, one for each namespace", style="bold cyan"),
    )
    table.add_row(
        f"{progress.written.total():,} written",
        "",
        f"{alive} worker{'s' if alive != 1 else ''}",
        "",
        f"{progress.arrived.total():,} arrived, {progress.per_second:,} per second",
    )
    return table


def _topics(progress: Progress, width: int, rows: int) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="dim", pad_edge=False)
    table.add_column("topic", no_wrap=True, max_width=28)
    table.add_column("written", justify="right", min_width=7)
    table.add_column("arrived", justify="right", min_width=7)
    bar_width = max(10, min(BAR_MAX, width - 53))
    table.add_column("", no_wrap=True, width=bar_width)
    table.add_column("counted" if progress.checked else "", no_wrap=True)
    planned = progress.planned.most_common()
    shown = planned if len(planned) <= rows else planned[: rows - 1]
    largest = planned[0][1] if planned else 1
    for name, count in shown:
        written, arrived = progress.written[name], progress.arrived[name]
        bar = _bar(count, written, arrived, max(1, round(bar_width * count / largest)))
        table.add_row(name, f"{written:,}", f"{arrived:,}", bar, _mark(progress.checked.get(name)))
    if rest := planned[len(shown) :]:
        names = [name for name, _ in rest]
        written, arrived = (sum(counts[name] for name in names) for counts in (progress.written, progress.arrived))
        right = all(progress.checked.get(name, False) for name in names) if progress.checked else None
        table.add_row(
            Text(f"and {len(rest)} more", style="dim"), f"{written:,}", f"{arrived:,}", "", _mark(right), style="dim"
        )
    table.add_row(
        Text(progress.dead_letter_topic, style="magenta"),
        "",
        f"{progress.dead_letters:,}",
        Text("records that are no events", style="magenta"),
        _mark(progress.checked.get(progress.dead_letter_topic)),
    )
    return table


def _bar(planned: int, written: int, arrived: int, cells: int) -> Text:
    """A bar of that many cells for what is planned: arrived, on its way, still to come."""
    here = cells if arrived >= planned else int(cells * arrived / planned)
    coming = max(here, cells if written >= planned else round(cells * written / planned))
    bar = Text("━" * here, style="green" if arrived >= planned else "cyan")
    bar.append("━" * (coming - here), style="yellow")
    bar.append("─" * (cells - coming), style="grey37")
    return bar


def _mark(right: bool | None) -> Text:  # three-valued: not yet counted, right, wrong
    if right is None:
        return Text()
    return Text("✓ all there", style="green") if right else Text("✗ wrong", style="bold red")


def _workers(progress: Progress) -> Text:
    if progress.stopped:
        return Text("workers by partition   stopped with the program", style="dim")
    line = Text("workers by partition", style="dim")
    for partition, worker in sorted(progress.workers.items()):
        line.append(f"   {partition} ", style="dim")
        if not worker.alive:
            line.append(f"✗ {worker.pid} killed", style="bold red")
        elif worker.replaced:
            line.append(f"● {worker.pid} new", style="bold green")
        else:
            line.append(f"● {worker.pid}", style="green")
    return line


def _notes(notes: Sequence[Note]) -> Table:
    table = Table.grid(padding=(0, 2))
    for note in notes:
        table.add_row(Text(f"{note.at_s:5.1f} s", style="dim"), Text(note.text, style=note.style))
    return table
