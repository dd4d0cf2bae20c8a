"""What was measured: points from the result files that measurements leave in bench/out.

A measurement that a plan can be made from has a function here, from its file to points; that is all it needs.
"""

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from bench.broker.target import LOCAL_TOLD
from bench.cases import Case, Measured
from bench.compare import OURS, PARTITIONS, Comparison, Round
from bench.load import Shape
from bench.plan.costs import Costs, Point, costs_of
from bench.result import OUT, Machine, load, newest
from bench.throughput import Throughput

MAKE_ONE = "python -m bench throughput"

T = TypeVar("T")


class NoCostsError(RuntimeError):
    """There is no measurement to make a plan from; the message says how to make one."""


class _Head(msgspec.Struct):
    """What every result begins with."""

    name: str
    machine: Machine
    cluster: str = LOCAL_TOLD


def costs_from(paths: Sequence[Path]) -> Costs:
    """The costs that these results show together: two sizes of event, for example, are two of them.

    Raises NoCostsError for a file that holds none, with the reason.
    """
    points: list[Point] = []
    machines = []
    for path in paths:
        head = _head(path)
        points += KINDS[head.name](path)
        machines.append(measured_on(head.machine, head.cluster))
    if not points:
        raise NoCostsError(f"{', '.join(map(str, paths))}: no measurement of {OURS} itself; make one: {MAKE_ONE}")
    try:
        return costs_of(points, "; ".join(dict.fromkeys(machines)))
    except ValueError as error:
        raise NoCostsError(f"{', '.join(map(str, paths))}: {error}") from error


def measured_on(machine: Machine, cluster: str) -> str:
    """The machine, and the cluster if it was not a local broker."""
    told = f"{machine.cores} cores of {machine.cpu}"
    return told if cluster == LOCAL_TOLD else f"{told} with {cluster}"


def newest_result(folder: Path = OUT) -> Path:
    """The last result that a plan can be made from. Raises NoCostsError, and says how to make one, if there is none."""
    found = [path for name in KINDS if (path := newest(name, folder))]
    if not found:
        raise NoCostsError(
            f"{folder} has no result of {' or '.join(KINDS)}: a plan needs to know what an event costs on this machine."
            f" Measure it, it takes some minutes: {MAKE_ONE}"
        )
    # The name of the measurement comes first in that of the file, and the time after it.
    return max(found, key=lambda path: path.stem.split("-", 1)[1])


def _head(path: Path) -> _Head:
    try:
        head = msgspec.json.decode(path.read_bytes(), type=_Head)
    except (OSError, msgspec.DecodeError) as error:
        raise NoCostsError(f"{path} is no result of a measurement: {error}") from error
    if head.name not in KINDS:
        raise NoCostsError(f"{path} is a result of {head.name}: a plan needs one of {' or '.join(KINDS)}; {MAKE_ONE}")
    return head


def of_comparison(comparison: Comparison, source: str) -> list[Point]:
    """A point for each number of destinations; none if events-fanout was not among the programs."""
    shape = comparison.plan.shape
    return [_point(each, source, shape.size_bytes) for found in comparison.rounds for each in _ours(found, shape)]


def of_throughput(throughput: Throughput, source: str) -> list[Point]:
    """A point for each case. They are of one size: what their events differ by is no difference that was asked for."""
    found = [measured for measured in throughput.measured if measured.turns]
    return [_point(measured, source, size_bytes_of(found)) for measured in found]


def is_updated(shape: Shape) -> bool:
    """Whether some events are UPDATED, so that `size_bytes` is not the size of all."""
    return shape.updated > 0 or shape.resync > 0


def size_bytes_of(measured: Sequence[Measured]) -> float:
    """Of an event of cases that differ in destinations alone: whole bytes, on average where some are updated."""
    shape = measured[0].case.shape
    known = [each.value_bytes for each in measured if each.value_bytes is not None]
    return round(statistics.mean(known)) if known and is_updated(shape) else shape.size_bytes


def _ours(measured: Round, shape: Shape) -> Iterable[Measured]:
    shape = msgspec.structs.replace(shape, namespaces=measured.destinations)
    for column, idle in enumerate(measured.idle):
        turns = [turn[column] for turn in measured.turns]
        if idle.peer == OURS and turns:
            yield Measured(case=Case(name=OURS, shape=shape, partitions=PARTITIONS), idle=idle, turns=turns)


def _point(measured: Measured, source: str, size_bytes: float) -> Point:
    case = measured.case
    return Point(
        destinations=case.shape.namespaces,
        size_bytes=size_bytes,
        cpu_us=measured.net_cpu_us(),
        wall_events_per_s=[rate / case.workers for rate in measured.events_per_s()],
        worker_peak_bytes=measured.worker_peak_bytes(),
        supervisor_peak_bytes=measured.supervisor_peak_bytes(),
        broker_us=[us for us in measured.broker_us() if not math.isnan(us)],
        requests_per_event=measured.requests_per_event,
        source=source,
        supervisor_us=measured.supervisor_us(),
        start_up_s=[measured.idle.wall_s],
        workers=case.workers,
    )


def _of_compare(path: Path) -> list[Point]:
    return of_comparison(_read(path, Comparison), path.name)


def _of_throughput(path: Path) -> list[Point]:
    return of_throughput(_read(path, Throughput), path.name)


def _read(path: Path, kind: type[T]) -> T:
    try:
        return load(path, kind).data
    except msgspec.DecodeError as error:
        raise NoCostsError(f"{path} is no result that this version can read: {error}") from error


KINDS: dict[str, Callable[[Path], list[Point]]] = {"compare": _of_compare, "throughput": _of_throughput}
