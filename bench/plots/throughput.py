"""What `python -m bench throughput` has measured: what each case costs, and how fast it goes."""

import math
import statistics
from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bench.broker.target import LOCAL_TOLD
from bench.cases import Measured
from bench.plots.bars import ROW_IN, Bar, draw_bars
from bench.plots.style import OTHERS, OURS, framed, look, varied
from bench.result import Result
from bench.tables.spread import spread
from bench.throughput import Throughput


@look()
def draw(result: Result[Throughput]) -> Figure:
    """For each case CPU of the program and of the broker on the left, events a second on the right."""
    measured = result.data.measured
    turns = max(len(each.turns) for each in measured)
    shared = ", which shares the machine" if result.cluster == LOCAL_TOLD else ""
    note = (
        f"A backlog of {result.data.events:,} events is drained; start and stop are taken off. {varied(turns)} "
        f"Blue: events-fanout; grey: the broker meanwhile{shared}."
    )
    figure = framed(result, "What an event costs, and how many a second", note, len(measured) * ROW_IN * 2 + 0.9)
    cost, speed = figure.subplots(1, 2, width_ratios=(3, 2))
    cpu = [bar for each in measured for bar in _costs(each)]
    draw_bars(cost, cpu, _longest(cpu))
    cost.set_title("CPU: less is better")
    cost.set_xlabel("CPU for each event, microseconds")
    speeds = [_speed(each) for each in measured]
    draw_bars(speed, speeds, _longest(speeds))
    speed.set_title("Speed: more is better")
    speed.set_xlabel("events a second")
    speed.set_yticks([])
    speed.xaxis.set_major_locator(MaxNLocator(3))  # its numbers are long
    return figure


def _costs(measured: Measured) -> list[Bar]:
    """The program's, and the broker's where it is known: of one that is not local it is not."""
    ours, broker = measured.net_cpu_us(), measured.broker_us()
    made = [Bar(measured.case.name, ours, f"{_middle(ours)} us", OURS)]
    if not any(map(math.isnan, broker)):
        made.append(Bar("", broker, f"{_middle(broker)} us broker", OTHERS))
    return made


def _speed(measured: Measured) -> Bar:
    per_s = measured.events_per_s()
    text = f"{statistics.median(per_s):,.0f}\n{_middle(measured.mb_per_s())} MB/s"
    return Bar(measured.case.name, per_s, text, OURS)


def _longest(bars: Sequence[Bar]) -> float:
    return max(0.0, *(statistics.median(bar.values) for bar in bars))


def _middle(values: Sequence[float]) -> str:
    return spread([statistics.median(values)])
