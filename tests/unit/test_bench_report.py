"""The report: its sentences, and that both pages have all that was measured and name what was not."""

import base64
import math
import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from rich.table import Table
from rich.text import Text

from bench.chaos.plan import plan_of
from bench.commands import report as command
from bench.peers.catalogue import PEERS
from bench.report import costs, gaps, times
from bench.report.grid import EM, grid
from bench.report.html import html_of, tag, void
from bench.report.kinds import KINDS, UnknownKindError, read
from bench.report.markdown import markdown_of, plot_name
from bench.report.page import Page, page_of, page_of_newest
from bench.report.words import around, listed, whose
from bench.report.words import times as times_of
from bench.result import Result
from bench.throughput import Throughput
from tests.unit import results

VOID = {"meta", "img", "source"}
EVIL = "<script>alert('x')</script> | *bold* [link](http://example.com) `code`"


class Page5(HTMLParser):
    """Reads a page strictly: every element is ended where it was begun, every attribute is there once."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), tag
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.append((self.open[-1], data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def text(self, *tags: str) -> list[str]:
        return [text for tag, text in self.texts if not tags or tag in tags]


def kept(folder: Path, name: str, data: object, at: str = "20261125-120000") -> Path:
    path = folder / f"{name}-{at}.json"
    path.write_bytes(msgspec.json.encode(results.result(name, data)))
    return path


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a result of each kind but fault runs."""
    folder = tmp_path_factory.mktemp("out")
    kept(folder, "compare", results.compared())
    kept(folder, "ab", results.compared((100,), {"events-fanout": 8.0, "at-0123456": 9.0}, 5))
    kept(folder, "throughput", results.throughput())
    kept(folder, "sweep", results.sweep())
    kept(folder, "latency", results.latency(late="10 %"))
    kept(folder, "sustain", results.sustain(limited=True))
    kept(folder, "scale", results.scale())
    kept(folder, "recover", results.recover())
    kept(folder, "check", results.check())
    kept(folder, "soak", results.soak())
    return folder


@pytest.fixture(scope="module")
def page(everything: Path) -> Page:
    return page_of_newest(everything)


def test_html_is_well_formed_and_has_every_plot_and_every_table_with_its_caption(page: Page) -> None:
    found = Page5(html_of(page))
    plotted = [section for section in page.sections if section.plot]
    assert len(found.all("img")) == len(plotted) == 8
    assert all(attributes["alt"] for attributes in found.all("img"))
    grids = [each for section in page.sections for each in section.grids]
    assert len(found.all("table")) == len(grids) == 17
    assert found.text("caption") == [each.title for each in grids]
    assert len(found.all("th")) == sum(len(each.columns) for each in grids)
    cells = [cell for each in grids for row in each.rows for cell in row]
    assert len(found.all("td")) == len(cells)
    assert [text for text in found.text("td") if text.strip()] == [cell for cell in cells if cell]
    ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    assert {attributes["href"] for attributes in found.all("a")} <= {f"#{each}" for each in ids}


def test_html_needs_nothing_from_outside(page: Page) -> None:
    text = html_of(page)
    found = Page5(text)
    assert not found.all("script") + found.all("link") + found.all("iframe")
    for _, attributes in found.tags:
        for name in ("src", "href", "srcset", "data", "action", "style"):
            assert re.match(r"#|data:|$", attributes.get(name) or ""), attributes
    assert "url(" not in text
    assert "@import" not in text
    pictures = [attributes["src"] for attributes in found.all("img")]
    assert [base64.b64decode((picture or "").partition(",")[2])[:5] for picture in pictures] == [b"<?xml"] * 8


def test_html_has_a_dark_and_a_light_picture_of_each_plot(page: Page) -> None:
    found = Page5(html_of(page))
    dark = [each["srcset"] for each in found.all("source") if each["media"] == "(prefers-color-scheme: dark)"]
    assert len(dark) == len(found.all("img"))
    assert all(one != other["src"] for one, other in zip(dark, found.all("img"), strict=True))
    assert "prefers-color-scheme: dark" in "".join(found.text("style"))
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in found.all("meta")


def test_both_pages_tell_how_each_was_measured_and_what_is_left_out(page: Page) -> None:
    text = " ".join(Page5(html_of(page)).text())
    marked = markdown_of(page).replace("\\", "")
    for section in page.sections:
        told = [section.asked, *section.said, *section.left_out, *(value for _, value in section.how)]
        for sentence in told:
            assert sentence in text
            assert sentence in marked
        assert dict(section.how)["machine"] == "Made-up Processor, 2 cores, 25 GB, Linux 6.1"
        assert dict(section.how)["raw samples"] == f"{section.key}.json"
        assert re.match(r"\d|one run", dict(section.how)["turns"])


def test_a_kind_without_a_result_is_named_with_the_command_that_makes_one(page: Page, tmp_path: Path) -> None:
    assert [each.command for each in page.missing] == ["python -m bench chaos"]
    for text in (html_of(page), markdown_of(page)):
        assert "python -m bench chaos" in text
    nothing = page_of_newest(tmp_path)
    assert [each.command for each in nothing.missing] == [kind.command for kind in KINDS.values()]
    assert not Page5(html_of(nothing)).all("table")


def test_the_newest_of_each_kind_is_shown_and_one_of_another_version_is_named(tmp_path: Path) -> None:
    kept(tmp_path, "recover", results.recover(), "20261125-110000")
    kept(tmp_path, "recover", msgspec.structs.replace(results.recover(), killed=[]), "20261125-120000")
    old = kept(tmp_path, "soak", {"minutes": "fifteen"})
    found = page_of_newest(tmp_path)
    assert [section.key for section in found.sections] == ["recover-20261125-120000"]
    assert "No worker was killed." in found.sections[0].left_out
    [why] = [each.why for each in found.missing if each.command == "python -m bench soak"]
    assert old.name in why
    assert old.name in html_of(found)
    assert old.name in markdown_of(found).replace("\\", "")
    with pytest.raises(msgspec.ValidationError):
        page_of([old])


def test_what_is_no_result_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("[]")
    with pytest.raises(UnknownKindError, match=r"other\.json is no result"):
        read(tmp_path / "other.json")
    with pytest.raises(UnknownKindError):
        read(kept(tmp_path, "unheard-of", 1))


def test_fault_runs_are_told_apart_in_their_file(tmp_path: Path) -> None:
    plan = msgspec.to_builtins(plan_of(7, 30.0, ""))
    kind, found = read(kept(tmp_path, "chaos", [{"plan": plan, "problem": "no broker"}]))
    assert kind.said(found) == ["1 run with 0 faults and 0 events: 1 run failed.", "Failed: seed 7."]


def test_markdown_refers_to_the_plots_that_are_written_beside_it(
    everything: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "OUT", everything)
    done = CliRunner().invoke(command.report_command, ["--out", str(tmp_path / "deep" / "report")])
    assert done.exit_code == 0, done.output
    folder = tmp_path / "deep" / "report"
    named = re.findall(r"!\[[^]]*\]\(([^)]+)\)", (folder / "index.md").read_text())
    assert len(named) == 8
    assert {path.name for path in folder.iterdir()} == {*named, "index.md", "index.html"}
    assert all((folder / name).read_text().lstrip().startswith("<?xml") for name in named)
    assert "10 results, 1 kinds with none" in done.output


def test_several_results_of_one_kind_are_shown_one_after_the_other(tmp_path: Path) -> None:
    paths = [kept(tmp_path, "soak", results.soak(), at) for at in ("20261125-130000", "20261125-120000")]
    done = CliRunner().invoke(
        command.report_command, ["--from", str(paths[0]), "--from", str(paths[1]), "--out", str(tmp_path / "out")]
    )
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out" / "index.md").read_text().count("## A long run") == 2


def test_files_of_one_name_in_two_folders_are_told_apart(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    found = page_of([kept(folder, "soak", results.soak()) for folder in folders])
    assert [section.key for section in found.sections] == ["soak-20261125-120000", "soak-20261125-120000-2"]


def test_a_file_that_cannot_be_read_is_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("{}")
    done = CliRunner().invoke(command.report_command, ["--from", str(tmp_path / "other.json")])
    assert done.exit_code == 1
    assert done.output == "Error: other.json is no result of python -m bench\n"


def test_markup_in_names_is_text_on_both_pages(tmp_path: Path) -> None:
    found = page_of([kept(tmp_path, "compare", results.compared((20,), {"events-fanout": 8.0, EVIL: 9.0}))])
    parsed = Page5(html_of(found))
    assert EVIL in parsed.text("td")
    assert EVIL in parsed.text("h4")
    assert not parsed.all("script")
    [row] = [line for line in markdown_of(found).splitlines() if line.startswith("| 20 | ") and "script" in line]
    assert r"\<script\>" in row
    assert r"\| \*bold\* \[link\](http://example.com) \`code\`" in row
    assert len(re.findall(r"(?<!\\)\|", row)) == 10, "nine cells"


def test_text_is_escaped_wherever_it_becomes_html() -> None:
    assert tag("a", "<b>", tag("a", "&"), href='"') == '<a href="&quot;">&lt;b&gt;<a>&amp;</a></a>'
    assert void("img", alt="'").startswith('<img alt="&#x27;">')


def test_programs_are_shown_with_what_is_known_of_them_and_those_left_out_are_named(page: Page) -> None:
    section = page.sections[0]
    known = {program.name: program for program in section.programs}
    assert known["events-fanout"].about == "this checkout"
    assert known["go-original"].promise == PEERS["go-original"].promise
    assert known["franz-go"].tuned == list(PEERS["franz-go"].tuned.items())
    text = " ".join(Page5(html_of(page)).text())
    assert PEERS["franz-go"].tuned["FetchMaxPartitionBytes"] in text
    [left_out] = [each for each in section.left_out if each.startswith("Not measured")]
    assert [name for name in PEERS if name in left_out.split(".")[0].replace(",", " ").split()] == [
        name for name in PEERS if name not in results.PROGRAMS
    ]
    assert "confluent-naive drained 5,000 events a turn and not 400,000: it is too slow for more." in section.left_out


def test_cells_are_what_the_console_shows() -> None:
    table = Table(title="[b]title[/b]", caption="note")
    table.add_column("name")
    table.add_column("figure", justify="right")
    table.add_row("  a part", Text("[1]"), end_section=True)
    table.add_row("whole", "")
    found = grid(table)
    assert (found.title, found.caption) == ("title", "note")
    assert [(column.name, column.right) for column in found.columns] == [("name", False), ("figure", True)]
    assert found.rows == [[f"{EM}a part", "[1]"], ["whole", ""]]
    assert found.ends == {0}
    table.add_row(Table(), "")
    with pytest.raises(TypeError):
        grid(table)


def test_the_words_of_a_comparison_are_those_of_its_figures() -> None:
    few, many = costs.compared(results.compared())
    assert many == (
        "At 1,000 destinations events-fanout takes 16.0 us (15.2-16.8 in 3 turns) of CPU for each event: 2.0 times "
        "franz-go's, 25 % of go-original's and 1/112 of confluent-naive's."
    )
    assert few.startswith("At 20 destinations events-fanout takes 8.16 us")
    [alone] = costs.compared(results.compared((1,), {"events-fanout": 8.0}, turns=1))
    assert alone == "At 1 destination events-fanout takes 8.01 us of CPU for each event."


def test_a_difference_that_the_turns_cannot_tell_is_told_as_none() -> None:
    found = results.compared((20,), {"events-fanout": 8.0, "franz-go": 8.0}, turns=5)
    turns = [
        [ours, msgspec.structs.replace(theirs, cpu_s=theirs.cpu_s * factor)]
        for (ours, theirs), factor in zip(found.rounds[0].turns, (0.9, 0.95, 1, 1.05, 1.1), strict=True)
    ]
    blurred = msgspec.structs.replace(found, rounds=[msgspec.structs.replace(found.rounds[0], turns=turns)])
    [said] = costs.compared(blurred)
    assert "no more and no less than franz-go that 5 turns could tell (1.00, 0.91-1.11)" in said


def test_the_words_of_a_sweep_name_what_costs_least_and_most() -> None:
    said = costs.swept(results.sweep())
    assert said[0] == "destinations: from 5.75 us of CPU for each event at 1 to 29.8 us at 5,000, 5.2 times as much."
    assert said[1] == "linger: from 6.75 us of CPU for each event at 20 ms to 10.7 us at 0 ms, 1.59 times as much."
    flat = results.sweep().series[0]
    flat = msgspec.structs.replace(flat, measured=[flat.measured[0]] * len(flat.values))
    [same] = costs.swept(msgspec.structs.replace(results.sweep(), series=[flat]))
    assert same == "destinations: makes less than 5 % of difference between 1 and 5,000."


def test_the_words_of_throughput_and_scale() -> None:
    assert costs.throughput(results.throughput())[0] == (
        "20 destinations: 58,800 events a second (64.7 MB/s), 6.75 us (6.35-7.15 in 3 turns) of CPU for each, and "
        "6.00 us of the broker's."
    )
    first, law = costs.scaled(results.scale(), 8)
    assert first.startswith("1 worker: 19,600 events a second at 8.05 us of CPU for each; 8 workers: 96,196 events")
    assert re.match(r"By the Universal Scalability Law 14 workers do most \(between \d+ and \d+\)", law)
    few = results.result("scale", results.scale(2, fitted=False))
    assert len(costs.scaled(few.data, 2)) == 1
    assert "No law is fitted: 2 cores" in gaps.scale(few)[1]


def test_on_a_cluster_that_is_not_local_the_broker_is_left_out() -> None:
    data = results.throughput()
    turns = [msgspec.structs.replace(turn, broker_cpu_s=math.nan) for turn in data.measured[0].turns]
    far = msgspec.structs.replace(data, measured=[msgspec.structs.replace(data.measured[0], turns=turns)])
    written = msgspec.json.encode(results.result("throughput", far))
    found = msgspec.json.decode(written, type=Result[Throughput]).data
    assert costs.throughput(found)[0].endswith("6.75 us (6.35-7.15 in 3 turns) of CPU for each.")
    result = results.result("throughput", found)
    assert gaps.ONE_MACHINE in gaps.throughput(result)
    assert gaps.BROKER_ALONE in gaps.throughput(msgspec.structs.replace(result, cluster="kafka-1:9092, 3 brokers"))


def test_the_words_of_latency_tell_what_enough_events_tell() -> None:
    idle, half, most, late = times.latency(results.latency(late="10 %"))
    assert re.fullmatch(r"At idle \(19 events a second\) half of the events are read within \d\.\d\d ms\.", idle)
    assert re.search(r"99 of 100 within [\d.]+ ms and 999 of 1,000 within [\d.]+ ms\.$", half)
    assert most.endswith("; the program falls behind.")
    assert late == "Nothing is known at 10 %: the machine had no time for the writer."
    untold = gaps.latency(results.result("latency", results.latency()))
    assert "p99, p99.9 and p99.99 at idle: fewer than 10 events of a turn lie beyond." in untold


def test_the_words_of_sustain_recover_and_soak() -> None:
    said = times.sustain(results.sustain(limited=True))
    assert said[0].startswith(
        "It keeps up with 19,620 events a second (19,620-19,620 in 3 searches), at 12.0 us of CPU"
    )
    assert said[1] == "Of search 3 the limit was the writer's: the program may do more."
    lost = msgspec.structs.replace(results.sustain(), missing=3)
    assert times.sustain(lost)[-1] == "Not every event arrived exactly once: 3 events have not arrived."
    backlog, *_, kill = times.recover(results.recover())
    assert backlog == (
        "A backlog of 1 min at 1,000 events a second is gone after 3.10 s (3.00-3.20 in 3 turns): 19.4 times as fast "
        "as it came."
    )
    assert re.match(r"When a worker is killed, its partition moves again after 0\.7\d s \(0\.5\d-0\.8\d in 12 k", kill)
    assert times.soak(results.soak())[0].endswith("with 7 kills, these grew: rss of worker 1.")


def test_the_words_of_a_check_tell_how_far_off_the_model_is() -> None:
    assert costs.checked(results.check()) == [
        "The model does not hold here.",
        "CPU us per event: 10 us predicted, 12 us measured, +20 % where 15 % are allowed.",
        "events/s: 50,000 events/s predicted, 49,000 events/s measured, -2 % where 30 % are allowed.",
        "time to catch up: 20 s predicted, 20 s measured, +2 % where 30 % are allowed.",
        "The costs are from throughput-1.json and compare-1.json.",
    ]


def test_pieces_of_sentences() -> None:
    assert [times_of(ratio) for ratio in (23.0, 2.34, 1.04, 1.0, 0.24, 0.01)] == [
        "23.0 times", "2.3 times", "1.04 times", "1.00 times", "24 % of", "1/100 of",
    ]  # fmt: skip
    assert around([8.0], "us") == "8.00 us"
    assert around([1.0, 3.0, 2.0], "s") == "2.00 s (1.00-3.00 in 3 turns)"
    assert [listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])] == ["a", "a and b", "a, b and c"]
    assert [whose("bento"), whose("kafka-clients")] == ["bento's", "kafka-clients'"]


def test_every_kind_that_measures_is_in_the_report(everything: Path) -> None:
    names = {path.name.partition("-")[0] for path in everything.glob("*.json")}
    assert names | {"chaos"} == set(KINDS)
    assert (
        plot_name(page_of([everything / "recover-20261125-120000.json"]).sections[0]) == "recover-20261125-120000.svg"
    )
    assert isinstance(read(everything / "soak-20261125-120000.json")[1], Result)
