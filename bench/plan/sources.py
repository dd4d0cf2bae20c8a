"""What was measured: points from the result files that measurements leave in bench/out.

A measurement that a plan can be made from has a function here, from its file to points; that is all it needs.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from bench.compare import PARTITIONS, Comparison, Round
from bench.drain import Turn
from bench.plan.costs import Costs, Point, costs_of
from bench.result import OUT, Machine, load, newest

OURS = "events-fanout"
MAKE_ONE = "python -m bench compare --peers '' --destinations 20,100,1000"


class NoCostsError(RuntimeError):
    """There is no measurement to make a plan from; the message says how to make one."""


class _Head(msgspec.Struct):
    """What every result begins with."""

    name: str
    machine: Machine


def costs_from(paths: Sequence[Path]) -> Costs:
    """The costs that these results show together: two sizes of event, for example, are two of them.

    Raises NoCostsError for a file that holds none, with the reason.
    """
    points: list[Point] = []
    machines = []
    for path in paths:
        head = _head(path)
        points += KINDS[head.name](path)
        machines.append(f"{head.machine.cores} cores of {head.machine.cpu}")
    if not points:
        raise NoCostsError(f"{', '.join(map(str, paths))}: no measurement of {OURS} itself; make one: {MAKE_ONE}")
    try:
        return costs_of(points, "; ".join(dict.fromkeys(machines)))
    except ValueError as error:
        raise NoCostsError(f"{', '.join(map(str, paths))}: {error}") from error


def newest_result(folder: Path = OUT) -> Path:
    """The last result that a plan can be made from. Raises NoCostsError, and says how to make one, if there is none."""
    found = [path for name in KINDS if (path := newest(name, folder))]
    if not found:
        raise NoCostsError(
            f"{folder} has no result of {' or '.join(KINDS)}: a plan needs to know what an event costs on this machine."
            f" Measure it, it takes some ten minutes: {MAKE_ONE}"
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
    size_bytes = comparison.plan.shape.size_bytes
    return [point for measured in comparison.rounds for point in _of_round(measured, size_bytes, source)]


def _of_round(measured: Round, size_bytes: int, source: str) -> Iterable[Point]:
    for column, idle in enumerate(measured.idle):
        turns = [turn[column] for turn in measured.turns]
        if idle.peer == OURS and turns:
            yield Point(
                destinations=measured.destinations,
                size_bytes=size_bytes,
                cpu_us=[(turn.cpu_s - idle.cpu_s) / turn.events * 1e6 for turn in turns],
                # Each partition of the source has a worker.
                wall_events_per_s=[turn.events / _draining_s(turn, idle) / PARTITIONS for turn in turns],
                worker_peak_bytes=max(worker.peak_bytes for turn in turns for worker in turn.processes[1:]),
                supervisor_peak_bytes=max(turn.processes[0].peak_bytes for turn in turns),
                broker_us=[turn.broker_cpu_s / turn.events * 1e6 for turn in turns],
                source=source,
                supervisor_us=[_supervisor_us(turn, idle) for turn in turns],
                start_up_s=[idle.wall_s],
                workers=PARTITIONS,
            )


def _supervisor_us(turn: Turn, idle: Turn) -> float:
    used_s, idle_s = (each.processes[0].user_s + each.processes[0].system_s for each in (turn, idle))
    return max(0.0, used_s - idle_s) / turn.events * 1e6  # below 0 it is noise: the kernel counts in steps of 10 ms


def _draining_s(turn: Turn, idle: Turn) -> float:
    """Seconds of a drain without the start and the wait for the last commit.

    Where the backlog was so small that these are most of it, nothing is taken off: the difference would be noise.
    """
    less = turn.wall_s - idle.wall_s
    return less if less > turn.wall_s / 2 else turn.wall_s


def _of_compare(path: Path) -> list[Point]:
    try:
        return of_comparison(load(path, Comparison).data, path.name)
    except msgspec.DecodeError as error:
        raise NoCostsError(f"{path} is no result that this version can read: {error}") from error


KINDS: dict[str, Callable[[Path], list[Point]]] = {"compare": _of_compare}
