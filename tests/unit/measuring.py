"""Made-up drains and cases for the tests of throughput, sweep and scale. No figure here was measured."""

import io
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.cases import Case, Measured
from bench.cpu import Running
from bench.drain import Turn
from bench.load import Shape


def process(cpu_s: float, peak_mb: float) -> Running:
    """Three quarters of its CPU are the user's."""
    return Running(
        user_s=cpu_s * 0.75, system_s=cpu_s * 0.25, peak_bytes=round(peak_mb * 1e6), threads=10, connections=3
    )


def drained(events: int, cpu_s: float, wall_s: float, *, workers: int = 2, peak_mb: float = 100.0) -> Turn:
    """A tenth of the CPU is the supervisor's, of 40 MB; the rest its workers', each 1 MB larger than the last."""
    return Turn(
        peer="events-fanout",
        events=events,
        cpu_s=cpu_s,
        user_s=cpu_s * 0.75,
        system_s=cpu_s * 0.25,
        wall_s=wall_s,
        broker_cpu_s=events * 4e-6,
        processes=[
            process(cpu_s * 0.1, 40),
            *(process(cpu_s * 0.9 / workers, peak_mb + number) for number in range(workers)),
        ],
    )


def measured(cpu_us: Sequence[float] = (8.0, 10.0, 9.0), *, events: int = 400_000, **changed: Any) -> Measured:  # noqa: ANN401
    """A turn for each of these times for each event, besides a start and stop of 0.5 s in 2 s; 50 000 events/s."""
    usual: dict[str, Any] = {
        "case": Case(name="100 destinations", shape=Shape(namespaces=100)),
        "idle": drained(2, 0.5, 2.0),
        "turns": [drained(events, 0.5 + each * events / 1e6, 2.0 + events / 50_000) for each in cpu_us],
    }
    return Measured(**usual | changed)


def shown(*tables: Table, width: int = 250) -> str:
    """Tables as text."""
    console = Console(width=width, file=io.StringIO(), record=True)
    for table in tables:
        console.print(table)
    return console.export_text()
