"""What the person who watches sees."""

from collections import Counter
from io import StringIO

import pytest
from rich.console import Console

from fanout.demo.program import Worker
from fanout.demo.show import LiveView, Note, PlainView, Progress, make_view, picture


def progress(namespaces: int = 3) -> Progress:
    planned = Counter({f"ns-{number}": 100 * (namespaces - number) for number in range(namespaces)})
    made = Progress("cluster-events", "cluster-events-dlq", planned, poison=2)
    made.written = Counter({name: count // 2 for name, count in planned.items()})
    made.arrived = Counter({name: count // 4 for name, count in planned.items()})
    made.workers = {0: Worker(4711, 0.0), 1: Worker(4712, 0.0, alive=False), 2: Worker(4713, 0.0, replaced=1)}
    made.notes = [Note(number, f"note {number}") for number in range(20)]
    return made


def console(width: int = 100, height: int = 40, *, terminal: bool = True) -> Console:
    return Console(file=StringIO(), width=width, height=height, force_terminal=terminal, color_system=None)


def drawn(made: Progress, where: Console) -> list[str]:
    with where.capture() as capture:
        where.print(picture(made, where))
    return capture.get().splitlines()


def test_every_namespace_has_a_line_with_what_was_written_and_what_arrived() -> None:
    lines = drawn(progress(), console())
    assert any(line.split()[:3] == ["ns-0", "150", "75"] for line in lines)
    assert any(line.split()[:3] == ["ns-2", "50", "25"] for line in lines)


def test_the_bar_tells_what_is_here_and_what_is_still_to_come_without_colour() -> None:
    made = progress()
    bar = next(line for line in drawn(made, console()) if line.startswith("ns-0")).split()[3]
    assert 0.4 < bar.count("━") / len(bar) < 0.6
    made.arrived["ns-0"] = made.written["ns-0"] = made.planned["ns-0"]
    bar = next(line for line in drawn(made, console()) if line.startswith("ns-0")).split()[3]
    assert set(bar) == {"━"}


def test_the_dead_worker_and_the_one_that_replaced_another_stand_out() -> None:
    line = next(line for line in drawn(progress(), console()) if line.startswith("workers"))
    assert "1 ✗ 4712 killed" in line
    assert "2 ● 4713 new" in line


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 40), (200, 60)])
@pytest.mark.parametrize("namespaces", [1, 12, 500])
def test_the_picture_fits_the_terminal_and_shows_the_newest_note(width: int, height: int, namespaces: int) -> None:
    lines = drawn(progress(namespaces), console(width, height))
    assert len(lines) < height
    assert max(map(len, lines)) <= width
    assert any("note 19" in line for line in lines)
    assert any("cluster-events-dlq" in line for line in lines)


def test_namespaces_that_do_not_fit_are_summed_up() -> None:
    made = progress(500)
    lines = drawn(made, console(80, 24))
    rest = next(line for line in lines if "more" in line).split()
    shown = [line.split() for line in lines if line.startswith("ns-")]
    assert int(rest[1]) + len(shown) == 500
    written = int(rest[3].replace(",", "")) + sum(int(line[1].replace(",", "")) for line in shown)
    assert written == made.written.total()


def test_the_end_shows_what_was_counted_right_and_what_was_not() -> None:
    made = progress()
    made.checked = {"ns-0": True, "ns-1": False, "ns-2": True, "cluster-events-dlq": True}
    lines = drawn(made, console())
    assert [("✓" in line, "✗ wrong" in line) for line in lines if line.startswith("ns-")] == [
        (True, False), (False, True), (True, False),
    ]  # fmt: skip


def test_without_a_terminal_or_when_asked_for_it_is_plain() -> None:
    assert isinstance(make_view(console(terminal=False), plain=False), PlainView)
    assert isinstance(make_view(console(), plain=True), PlainView)


def test_plain_lines_come_about_each_second_and_notes_at_once_in_plain_ascii() -> None:
    where = console(terminal=False)
    view, made = PlainView(where), progress()
    for elapsed_ms in range(0, 3_000, 20):
        made.elapsed_s = elapsed_ms / 1_000
        view.show(made)
    view.tell(Note(3.0, "something happened"))
    made.checked = {"ns-0": True, "ns-1": False}
    view.close(made)
    assert isinstance(where.file, StringIO)
    text = where.file.getvalue()
    assert text.isascii()
    assert text.count("events written") == 3
    assert "3.0 s  something happened" in text
    assert "ns-0" in text
    assert "WRONG" in text


def test_the_live_table_stays_when_it_ends() -> None:
    where = console()
    view, made = LiveView(where), progress()
    view.show(made)
    made.arrived["ns-0"] = 299
    view.close(made)
    assert isinstance(where.file, StringIO)
    assert "299" in where.file.getvalue()
    assert where.file.getvalue().rstrip().endswith("\x1b[?25h")
