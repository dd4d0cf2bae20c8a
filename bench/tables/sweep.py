"""What `python -m bench sweep` says."""

import statistics

from rich.table import Table

from bench.cases import Measured
from bench.sweep import FIGURES, Series, Sweep
from bench.tables.spread import spread
from bench.tables.throughput import records_a_request

CAPTION = (
    "Median of the turns (least-most). Cost: net CPU for each event, as a multiple of the first value's, turn by turn; "
    "-: the backlog was too small to tell. Net: less a start and stop with two events. MB/s: the median. Broker: the "
    "CPU of a local one meanwhile. Per request: records for each produce request, counted in one more drain, through a "
    "proxy in front of a local broker. Worker: the most memory that one had in any turn."
)
ROUND_TRIP = (
    " A proxy is between at every value, also at 0. Round trip: what a request and its answer then took, measured; "
    "it is more than what was asked for, for the proxy's timers count whole milliseconds."
)
COMPRESSION = " How far events compress is the generator's: real ones may compress less."


def sweep_tables(found: Sweep) -> list[Table]:
    """A table for each figure."""
    return [_table(found.events, series) for series in found.series]


def _table(events: int, series: Series) -> Table:
    figure = FIGURES[series.figure]
    turns = len(series.measured[0].turns)
    far = any(measured.round_trip_ms is not None for measured in series.measured)
    caption = CAPTION + ROUND_TRIP * far + COMPRESSION * series.figure.startswith("compression")
    counts = {measured.case.shape.namespaces for measured in series.measured}
    load = f"{events:,} events" + (f" to {counts.pop():,} destinations" if len(counts) == 1 else "")
    title = f"{series.figure.capitalize()}: {figure.about}; {load}, {turns} turns"
    made = Table(title=title, caption=caption, caption_justify="left")
    names = ("cost", "net CPU us", "events/s", "MB/s", "broker us", "per request", "worker MB")
    for name in (series.unit or series.figure, *names, *["round trip ms"] * far):
        made.add_column(name, justify="right", overflow="fold")
    for place, (value, measured) in enumerate(zip(series.values, series.measured, strict=True)):
        made.add_row(
            f"{value} (default)" if value == figure.usual else value,
            spread(relative) if (relative := series.relative(place)) else "-",
            *_absolute(measured),
            *[f"{measured.round_trip_ms:.2f}" if measured.round_trip_ms is not None else "-"] * far,
        )
    return made


def _absolute(measured: Measured) -> list[str]:
    return [
        spread(measured.net_cpu_us()),
        spread(measured.events_per_s(), 0),
        spread([statistics.median(measured.mb_per_s())]),
        spread(measured.broker_us()),
        records_a_request(measured),
        f"{measured.worker_peak_bytes() / 1e6:.0f}",
    ]
