"""Which kind of result has which plot."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from bench.plots import compare, latency, recover, scale, style, sustain, sweep, throughput
from bench.result import Result

PLOTS: dict[str, Callable[[Result[Any]], Figure]] = {
    "compare": compare.draw,
    "ab": compare.draw,
    "throughput": throughput.draw,
    "sweep": sweep.draw,
    "latency": latency.draw,
    "sustain": sustain.draw,
    "scale": scale.draw,
    "recover": recover.draw,
}


def plot_beside(result: Result[Any], path: Path) -> Path | None:
    """Draw a result beside its file: the same name, .svg. None for a kind that has no plot. Takes a second or two."""
    draw = PLOTS.get(result.name)
    if draw is None:
        return None
    picture = path.with_suffix(".svg")
    picture.write_text(style.svg(draw(result)))
    return picture
