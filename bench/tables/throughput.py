"""What `python -m bench throughput` says."""

from collections.abc import Callable

import msgspec
from rich.table import Table

from bench.cases import Case, Measured
from bench.tables.spread import spread
from bench.throughput import Throughput
from fanout.settings import Settings

CAPTION = (
    "Median of the turns (least-most). CPU: user and system time of all processes of the program, for each event; net, "
    "and all that it is made of: less a start and stop with two events. Supervisor, a worker: while they run, so "
    "without their stop. Broker: the CPU of a local one meanwhile. Produce requests were counted in one more drain, "
    "through a proxy in front of a local broker. "
    "Peaks: the most memory that one process had in any turn. Threads, connections: of all processes when all was "
    "delivered. "
)


def records_a_request(measured: Measured) -> str:
    """Records for each produce request."""
    each = measured.requests_per_event
    return "not measured" if not each else f"{1 / each:,.1f}"


ROWS: dict[str, Callable[[Measured], str]] = {
    "events/s": lambda measured: spread(measured.events_per_s(), 0),
    "MB/s": lambda measured: spread(measured.mb_per_s()),
    "CPU us": lambda measured: spread(measured.cpu_us()),
    "net CPU us": lambda measured: spread(measured.net_cpu_us()),
    "  user": lambda measured: spread(measured.user_us()),
    "  system": lambda measured: spread(measured.system_us()),
    "  supervisor": lambda measured: spread(measured.supervisor_us()),
    "  a worker": lambda measured: spread(measured.worker_us()),
    "broker CPU us": lambda measured: spread(measured.broker_us()),
    "records a request": records_a_request,
    "peak MB, a worker": lambda measured: f"{measured.worker_peak_bytes() / 1e6:.0f}",
    "peak MB, supervisor": lambda measured: f"{measured.supervisor_peak_bytes() / 1e6:.0f}",
    "threads": lambda measured: spread(measured.threads(), 0),
    "connections": lambda measured: spread(measured.connections(), 0),
}


def throughput_table(found: Throughput) -> Table:
    """One column for each case; one case at least."""
    first = found.measured[0]
    title = f"{found.events:,} events {described(first.case)}, {len(first.turns)} turns"
    made = Table(title=title, caption=CAPTION + in_flight(first.case), caption_justify="left")
    made.add_column("", no_wrap=True)
    for measured in found.measured:
        made.add_column(measured.case.name, justify="right", overflow="fold")
    for name, row in ROWS.items():
        made.add_row(name, *map(row, found.measured))
    return made


def described(case: Case) -> str:
    """What the load of a case is like, but for the number of destinations."""
    shape = case.shape
    told = [f"of {shape.size_bytes:,} bytes", f"{case.partitions} partition{'s' * (case.partitions > 1)}"]
    told += [f"skew {shape.skew:g}"] if shape.skew else []
    told += [f"{shape.headers:.0%} with headers"] if shape.headers else []
    told += [f"compressed with {case.compression}"] if case.compression != "none" else []
    told += [f"{name}={value}" for name, value in case.settings.items()]
    return ", ".join(told)


def in_flight(case: Case) -> str:
    """Which bounds hold for what is in flight, in a sentence."""
    records, nbytes = (int(_setting(case, name)) for name in ("inflight_records", "inflight_bytes"))
    return (
        f"In flight in each worker: {records:,} records at most (INFLIGHT_RECORDS), and {nbytes / 1e6:,.1f} MB of their"
        " values (INFLIGHT_BYTES); half as much may be fetched ahead besides."
    )


def _setting(case: Case, name: str) -> str:
    usual = {field.name: field.default for field in msgspec.structs.fields(Settings)}
    return case.settings.get(name.upper(), str(usual[name]))
