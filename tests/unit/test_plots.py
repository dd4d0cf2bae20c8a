"""The plots: that they have the data that they were given, say in which unit, and where it comes from."""

import functools
import math
import re
import statistics
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation, Text
from rich.console import Console

from bench.commands import options
from bench.plots import bars, latency, style, sustain, sweep
from bench.plots.catalogue import PLOTS
from bench.plots.style import FAILED, MUTED, OTHERS, OURS
from bench.result import Result
from bench.sweep import Series
from tests.unit import results

MADE: dict[str, Callable[[], Any]] = {
    "compare": results.compared,
    "ab": lambda: results.compared((100,), {"events-fanout": 8.0, "at-0123456": 9.0}, 5),
    "throughput": results.throughput,
    "sweep": results.sweep,
    "latency": results.latency,
    "sustain": results.sustain,
    "scale": results.scale,
    "recover": results.recover,
}
# What the axes are labelled with, from the first panel to the last; where panels share one, it stands at one of them.
LABELS = {
    "compare": {"CPU for each event, microseconds"},
    "ab": {"CPU for each event, microseconds"},
    "throughput": {"CPU for each event, microseconds", "events a second"},
    "sweep": {
        "CPU for each event,\nmicroseconds", "destinations (log scale)", "linger (ms, not to scale)",
        "event size (bytes, log scale)", "compression out", "skew",
    },
    "latency": {"milliseconds, log scale", "percentile of the events"},
    "sustain": {"seconds since the load began", "lag, in seconds of the load", "events a second"},
    "scale": {"events a second", "CPU for each event,\nmicroseconds", "workers, one for each partition of the source"},
    "recover": {"backlog, in minutes of the load", "seconds from the start", "seconds"},
}  # fmt: skip


CAPS = ("|", "_")  # the ends of whiskers are lines, too


# Longer than a line of the footer.
COMMAND = "python -m bench {} " + " ".join(f"--set SETTING_{number}=value" for number in range(10))


def drawn(name: str, data: object) -> Figure:
    return PLOTS[name](results.result(name, data, COMMAND.format(name)))


@functools.cache
def usual(name: str) -> Figure:
    """As MADE has it, drawn once for all tests that only look at it."""
    return drawn(name, MADE[name]())


def texts(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.texts)


def widths(axes: Axes) -> list[float]:
    return [patch.get_width() for patch in axes.patches if isinstance(patch, Rectangle)]


def colours(axes: Axes) -> list[str]:
    return [to_hex(patch.get_facecolor()) for patch in axes.patches]


def written(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def whiskers(axes: Axes) -> list[tuple[float, ...]]:
    """From where to where each goes, along the axis that it is on."""
    found: list[tuple[float, ...]] = []
    for container in axes.containers:
        for collection in getattr(container, "lines", (None, None, ()))[2]:
            for (x0, y0), (x1, y1) in collection.get_segments():
                found.append((x0, x1) if y0 == y1 else (y0, y1))
    return found


def points(line: Line2D) -> list[tuple[float, float]]:
    return [(x, y) for x, y in np.asarray(line.get_xydata(), dtype=float).tolist()]


def plain(figure: Figure, axes: int, colour: str) -> list[list[tuple[float, float]]]:
    """The points of each line of that colour."""
    return [
        points(line)
        for line in figure.axes[axes].get_lines()
        if to_hex(line.get_color()) == colour and line.get_marker() not in CAPS
    ]


@pytest.mark.parametrize("name", MADE)
def test_every_plot_says_its_units_and_on_what_with_what_and_how_it_was_measured(name: str) -> None:
    figure = usual(name)
    labels = {label for axes in figure.axes for label in (axes.get_xlabel(), axes.get_ylabel()) if label}
    assert labels == LABELS[name]
    footer = texts(figure)
    where = ("Made-up Processor, 2 cores, 25 GB", "local broker", "kafka 4.3.1", "librdkafka 2.16.0", "python 3.11.7")
    for told in (*where, "2026-11-25", COMMAND.format(name)):
        assert told in footer.replace("\n", " ")


@pytest.mark.parametrize("name", MADE)
def test_nothing_is_cut_off_at_the_edges(name: str) -> None:
    figure = usual(name)
    figure.draw_without_rendering()
    page = figure.bbox
    artists = [*figure.texts, *(text for axes in figure.axes for text in (*axes.texts, vars(axes)["_left_title"]))]
    artists += [label for axes in figure.axes for label in (axes.xaxis.label, axes.yaxis.label)]
    for artist in artists:
        box = Text.get_window_extent(artist)
        if artist.get_text():
            assert page.x0 <= box.x0 < box.x1 <= page.x1, artist.get_text()
            assert page.y0 <= box.y0 < box.y1 <= page.y1, artist.get_text()


def test_a_comparison_has_a_bar_for_each_program_with_its_ratio_and_ours_stands_out() -> None:
    figure = usual("compare")
    few, many = figure.axes
    assert [axes.get_title("left") for axes in (few, many)] == ["20 destinations", "1,000 destinations"]
    names = [label.get_text() for label in few.get_yticklabels()]
    assert names == ["franz-go", "events-fanout", "go-original", "confluent-naive"], "least first"
    assert widths(many)[:3] == pytest.approx([8, 16, 64])
    assert colours(many) == [OTHERS, OURS, OTHERS, OTHERS]
    assert written(many)[:3] == ["8.00 us, ratio 2.00", "16.0 us", "64.0 us, ratio 0.25"]
    assert whiskers(many)[1] == pytest.approx((15.2, 16.8))
    assert few.get_xlim()[0] == 0


def test_a_bar_that_would_leave_nothing_of_the_others_is_cut_and_says_so() -> None:
    many = usual("compare").axes[1]
    assert widths(many)[3] < 200
    assert "1,800 us, ratio 0.0089, cut off" in written(many)
    assert "//" in written(many)
    assert bars.limit([10.0, 20.0, 170.0]) == 170.0
    assert bars.limit([10.0, 20.0, 190.0]) == 120.0


def test_an_ab_sets_ours_off_against_the_earlier_revision() -> None:
    [axes] = usual("ab").axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["events-fanout", "at-0123456"]
    assert colours(axes) == [OURS, OTHERS]
    assert written(axes)[1] == "9.90 us, ratio 0.89"


def test_a_single_turn_has_no_spread() -> None:
    figure = drawn("compare", results.compared(turns=1))
    assert [whiskers(axes) for axes in figure.axes] == [[], []]
    assert "One turn: no spread is known." in texts(figure).replace("\n", " ")


def test_throughput_shows_what_each_case_costs_and_how_fast_it_is() -> None:
    data = results.throughput()
    cost, speed = drawn("throughput", data).axes
    costs = [statistics.median(each) for case in data.measured for each in (case.net_cpu_us(), case.broker_us())]
    assert widths(cost) == pytest.approx(costs)
    assert colours(cost) == [OURS, OTHERS] * 3
    assert [label.get_text() for label in cost.get_yticklabels()][::2] == [case.case.name for case in data.measured]
    assert widths(speed) == pytest.approx([statistics.median(case.events_per_s()) for case in data.measured])
    assert written(speed)[0] == "58,800\n64.7 MB/s"


def test_a_backlog_that_was_too_small_to_tell_can_still_be_drawn() -> None:
    nothing = results.case("20 destinations", 0.0)
    assert drawn("throughput", msgspec.structs.replace(results.throughput(), measured=[nothing])).axes
    series = Series(figure="skew", unit="", values=["0"], measured=[nothing])
    assert drawn("sweep", msgspec.structs.replace(results.sweep(), series=[series])).axes[0].get_ylim() == (0, 1)


def test_where_the_broker_is_not_local_nothing_is_shown_of_its_cpu() -> None:
    data = results.throughput()
    turns = [msgspec.structs.replace(turn, broker_cpu_s=math.nan) for turn in data.measured[0].turns]
    far = msgspec.structs.replace(data, measured=[msgspec.structs.replace(data.measured[0], turns=turns)])
    result = msgspec.structs.replace(results.result("throughput", far), cluster="kafka-1:9092, 3 brokers")
    figure = PLOTS["throughput"](result)
    assert colours(figure.axes[0]) == [OURS]
    assert "kafka-1:9092, 3 brokers" in texts(figure)
    assert "shares the machine" not in texts(figure).replace("\n", " ")


def test_a_sweep_has_a_panel_for_each_figure_on_one_scale_from_zero() -> None:
    data = results.sweep()
    figure = drawn("sweep", data)
    assert [axes.get_title("left") for axes in figure.axes] == [series.figure.capitalize() for series in data.series]
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    assert figure.axes[0].get_ylim()[0] == 0
    line = plain(figure, 0, OURS)[0]
    costs = [statistics.median(each.net_cpu_us()) for each in data.series[0].measured]
    assert line == [pytest.approx(pair) for pair in zip([1, 20, 100, 1_000, 5_000], costs, strict=True)]
    assert figure.axes[0].get_xscale() == "log"
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["1", "20", "100", "1,000", "5,000"]
    assert whiskers(figure.axes[0])[0] == pytest.approx((5.4, 6.1))
    assert plain(figure, 0, OURS)[-1] == [pytest.approx((100, 7.75))], "the default"


@pytest.mark.parametrize(
    ("figure", "values", "kind", "places", "joined"),
    [
        ("destinations", ["20", "60"], "log", [20, 60], True),
        ("event size", ["1100", "8800"], "log", [1100, 8800], True),
        ("skew", ["0", "0.5", "1.5"], "linear", [0, 0.5, 1.5], True),
        ("linger", ["0", "1", "100"], "linear", [0, 1, 2], True),
        ("compression out", ["none", "zstd"], "linear", [0, 1], False),
    ],
)
def test_values_lie_as_far_apart_as_can_be_read(
    figure: str, values: list[str], kind: str, places: list[float], joined: bool
) -> None:
    found = sweep.scale(Series(figure=figure, unit="", values=values, measured=[]))
    assert (found.kind, found.places, found.joined) == (kind, places, joined)


def test_latency_has_a_line_for_each_rate_through_the_medians_of_the_turns() -> None:
    data = results.latency()
    figure = drawn("latency", data)
    intended, program = (axes.get_lines() for axes in figure.axes)
    assert len(intended) == len(program) == 4
    for line, measured in zip(intended, data.steps, strict=True):
        seen = [turn.times.intended_to_read_us for turn in measured.turns]
        for x, y in points(line):
            percent = 100 * (1 - 10**-x)
            assert y == pytest.approx(statistics.median(each.percentile(percent) for each in seen) / 1000, rel=1e-6)
    assert [line.get_linestyle() for line in intended] == ["-", "-", "-", "--"], "the last falls behind"
    assert written(figure.axes[0]) == ["idle: 19/s", "10 %: 200/s", "50 %: 1,000/s", "90 %: 1,800/s, falls behind"]
    assert [axes.get_yscale() for axes in figure.axes] == ["log", "log"]
    assert len(figure.axes[0].collections) == 4, "the bands from least to most"


def test_a_line_ends_where_too_few_events_lie_beyond() -> None:
    ends = [points(line)[-1][0] for line in usual("latency").axes[0].get_lines()]
    assert ends == pytest.approx([latency.place(percent) for percent in (95, 99.5, 99.95, 99.95)])
    ticks = [latency.place(percent) for percent in latency.TICKS]
    assert ticks[1:] == pytest.approx([1, 2, 3, 4]), "each nine as far again"


def test_a_rate_at_which_the_writer_was_late_is_named_and_not_drawn() -> None:
    figure = drawn("latency", results.latency(late="50 %"))
    assert len(figure.axes[0].get_lines()) == 3
    assert "Not drawn, because the machine had no time for the writer: 50 %." in texts(figure).replace("\n", " ")


def test_a_latency_that_nothing_is_known_of_can_still_be_drawn() -> None:
    data = results.latency(late="idle")
    figure = drawn("latency", msgspec.structs.replace(data, steps=data.steps[:1]))
    assert written(figure.axes[0]) == ["nothing valid"]


def test_sustain_shows_the_lag_of_each_probe_and_which_rates_held() -> None:
    data = results.sustain()
    figure = drawn("sustain", data)
    probes = [probe for turn in data.turns for probe in turn.probes]
    held = [probe for probe in probes if probe.verdict.holds]
    assert len(plain(figure, 0, OURS)) == len(held)
    assert len(plain(figure, 0, FAILED)) == len(probes) - len(held)
    worst = max(probes, key=lambda probe: probe.rate)
    last = worst.samples[-1]
    assert sustain.lag_s(worst)[-1] == pytest.approx((last.written - last.arrived) / worst.rate)
    assert max(y for line in plain(figure, 0, FAILED) for _, y in line) == sustain.lag_s(worst)[-1]
    assert written(figure.axes[0]) == ["19,620/s", "20,580/s", "21,610/s"]
    rates = {x for line in plain(figure, 1, OURS)[:-1] for x, _ in line}
    assert rates >= {probe.rate for probe in held}
    assert "Keeps up with 19,620 events a second: more is better" in texts(figure)


def test_where_the_writer_was_the_limit_the_title_claims_no_limit_of_ours() -> None:
    figure = drawn("sustain", results.sustain(limited=True))
    assert "Keeps up with 19,620 events a second or more" in texts(figure)
    assert len([x for line in plain(figure, 1, MUTED) for x, _ in line]) == 6


def test_scale_has_the_measurements_the_law_and_what_would_be_linear() -> None:
    data = results.scale()
    figure = drawn("scale", data)
    dots, law = plain(figure, 0, OURS)
    rates = [statistics.median(each.events_per_s()) for each in data.measured]
    assert dots == [pytest.approx(pair) for pair in zip(data.workers, rates, strict=True)]
    assert data.fit is not None
    assert law[-1] == pytest.approx((8, data.fit.law.at(8)))
    assert plain(figure, 0, OTHERS) == [[(0, 0), pytest.approx((8, 8 * rates[0]))]]
    assert plain(figure, 1, OURS)[0][0] == pytest.approx((1, statistics.median(data.measured[0].net_cpu_us())))
    assert all(axes.get_ylim()[0] == 0 for axes in figure.axes)


def test_without_a_law_scale_says_why() -> None:
    figure = drawn("scale", results.scale(2, fitted=False))
    assert len(plain(figure, 0, OURS)) == 1
    assert "No law is fitted: 2 cores" in texts(figure)


def test_recover_has_a_dot_for_each_turn_and_each_kill() -> None:
    data = results.recover()
    figure = drawn("recover", data)
    middles, *turns = plain(figure, 0, OURS)
    assert middles == [(each.minutes, statistics.median(each.wall_s)) for each in data.drained]
    assert [y for line in turns for _, y in line] == [wall_s for each in data.drained for wall_s in each.wall_s]
    assert [x for x, _ in plain(figure, 1, OURS)[0]] == [kill.moved_s for kill in data.killed]
    assert [x for x, _ in plain(figure, 1, OTHERS)[0]] == [kill.other_gap_s for kill in data.killed]


@pytest.mark.parametrize("field", ["drained", "killed"])
def test_what_was_not_measured_of_recover_is_said_to_be_so(field: str) -> None:
    figure = drawn("recover", msgspec.structs.replace(results.recover(), **{field: []}))
    assert ["not measured" in written(axes) for axes in figure.axes] == [field == "drained", field == "killed"]


def test_labels_at_the_ends_of_lines_do_not_lie_on_each_other() -> None:
    with style.look():
        figure = style.framed(results.result("made", None), "title", "note", 2.0)
        axes = figure.subplots()
        axes.plot([0, 1], [0, 100])
        style.label_ends(axes, [style.Label(1, y, f"line {y}", OURS) for y in (50.0, 51.0, 49.0, 90.0)])
        figure.draw_without_rendering()
    boxes = sorted((Text.get_window_extent(text) for text in axes.texts), key=lambda box: box.y0)
    assert all(lower.y1 <= upper.y0 + 1 for lower, upper in pairwise(boxes))


def test_what_is_moved_apart_stays_in_order_and_below_the_top() -> None:
    assert style.apart([1.0, 1.5, 9.0], 2.0, 20.0) == [1.0, 3.0, 9.0]
    assert style.apart([8.0, 9.0, 9.5], 2.0, 10.0) == [6.0, 8.0, 10.0]
    assert style.apart([], 2.0, 10.0) == []


@pytest.mark.parametrize("name", ["latency", "sustain"])
def test_what_is_written_beside_lines_is_as_high_as_they_end(name: str) -> None:
    figure = usual(name)
    figure.draw_without_rendering()
    for axes in figure.axes:
        for note in axes.texts:
            assert isinstance(note, Annotation)
            box, end = Text.get_window_extent(note), axes.transData.transform(note.xy)
            assert box.x0 >= axes.bbox.x1, "beside the panel"
            assert (box.y0 + box.y1) / 2 == pytest.approx(end[1], abs=12)


def test_names_are_text_whatever_is_in_them() -> None:
    names = {"events-fanout": 8.0, "$x_1$ <b>&": 9.0}
    picture = style.svg(drawn("compare", results.compared((20,), names)))
    assert "$x_1$ &lt;b&gt;&amp;" in picture, "matplotlib has the text in a comment"
    assert "<b>" not in picture


def test_the_same_data_make_the_same_picture_in_light_colours_and_in_dark_ones() -> None:
    one, other = (style.svg(drawn("compare", results.compared())) for _ in range(2))
    assert one == other
    used = set(re.findall(r"#[0-9a-f]{6}\b", one))
    assert used <= style.ON_DARK.keys(), "a colour that would not be seen on dark"
    assert set(re.findall(r"#[0-9a-f]{6}\b", style.on_dark(one))) <= set(style.ON_DARK.values())


@pytest.mark.parametrize("name", MADE)
def test_every_plot_uses_colours_that_have_a_dark_counterpart(name: str) -> None:
    assert set(re.findall(r"#[0-9a-f]{6}\b", style.svg(usual(name)))) <= style.ON_DARK.keys()


@pytest.mark.parametrize(
    ("name", "data", "plotted"), [("recover", results.recover(), True), ("soak", results.soak(), False)]
)
def test_a_result_is_kept_with_its_plot_beside_it_if_its_kind_has_one(
    name: str, data: object, plotted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(result: Result[Any]) -> Path:
        return tmp_path / f"{result.name}-1.json"

    monkeypatch.setattr(options, "save", save)
    console = Console(width=300)
    with console.capture() as capture:
        options.keep(results.result(name, data), console)
    plot = tmp_path / f"{name}-1.svg"
    assert plot.exists() == plotted
    assert (f"plot in {plot}" in capture.get()) == plotted
    assert f"written to {tmp_path / name}-1.json" in capture.get()
