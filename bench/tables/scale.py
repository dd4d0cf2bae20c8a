"""What `python -m bench scale` says."""

import math
import statistics

from rich.table import Table

from bench.scale import Scale
from bench.tables.spread import spread
from bench.usl import Bounded, Fit

CAPTION = (
    "Median of the turns (least-most). Events/s: of all workers; each: the median, over their number. CPU: of all "
    "processes of the program, for each event, less a start and stop with two events; supervisor, workers: while they "
    "run. Cores: that the program kept busy, start and stop included. Broker: the CPU of a local one meanwhile, on the "
    "same cores."
)
LAW_CAPTION = (
    "Bounds hold the true value with 95 %. Contention: the share of the work that only one can do at a time. "
    "Coherence: what each pair of workers costs. Peak: the number of workers beyond which more do less. A local broker "
    "had the same cores: its part is in it."
)


def scale_table(found: Scale) -> Table:
    """One row for each number of workers; one at least."""
    first = found.measured[0]
    shape = first.case.shape
    title = f"{found.events:,} events for each worker, {shape.namespaces} destinations, {shape.size_bytes:,} bytes"
    made = Table(title=f"{title}, {len(first.turns)} turns", caption=CAPTION, caption_justify="left")
    names = ("events/s", "each", "net CPU us", "supervisor us", "workers us", "cores", "broker us")
    for name in ("workers", *names):
        made.add_column(name, justify="right", overflow="fold")
    for workers, measured in zip(found.workers, found.measured, strict=True):
        made.add_row(
            str(workers),
            spread(measured.events_per_s(), 0),
            f"{statistics.median(measured.events_per_s()) / workers:,.0f}",
            spread(measured.net_cpu_us()),
            spread(measured.supervisor_us()),
            spread(measured.worker_us()),
            spread(turn.cpu_s / turn.wall_s for turn in measured.turns),
            spread(measured.broker_us()),
        )
    return made


def law_table(fit: Fit) -> Table:
    """The law's parameters with their bounds."""
    caption = f"The measurements are {fit.error:.1%} off it. {LAW_CAPTION}"
    made = Table(title="The Universal Scalability Law", caption=caption, caption_justify="left")
    for name in ("", "value", "from", "to"):
        made.add_column(name, justify="left" if not name else "right", no_wrap=True)
    rows: dict[str, tuple[Bounded, str]] = {
        "one worker, events/s": (fit.gamma, ",.0f"),
        "sigma, contention": (fit.sigma, ".4f"),
        "kappa, coherence": (fit.kappa, ".6f"),
        "peak, workers": (fit.peak, ",.1f"),
    }
    for name, (figure, form) in rows.items():
        values = (figure.value, figure.low, figure.high)
        made.add_row(name, *("none" if math.isinf(value) else format(value, form) for value in values))
    return made
