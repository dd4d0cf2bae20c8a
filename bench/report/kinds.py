"""Which kinds of result there are, what was asked by each, and what is shown of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from rich.table import Table

from bench.chaos.report import recoveries, totals
from bench.chaos.run import Result as Run
from bench.chaos.series import Broken, Outcome
from bench.compare import Comparison
from bench.latency import Latency
from bench.plan.check import Check
from bench.recover import Recover
from bench.report import costs, gaps, times
from bench.report.words import counted
from bench.result import Result, load
from bench.scale import Scale
from bench.soak import Soak
from bench.sustain import Sustain
from bench.sweep import Sweep
from bench.tables.compare import ratio_table, table
from bench.tables.latency import machine_table, times_table
from bench.tables.recover import drained_table, killed_table
from bench.tables.scale import law_table, scale_table
from bench.tables.soak import soak_table
from bench.tables.sustain import sustain_table
from bench.tables.sweep import sweep_tables
from bench.tables.throughput import throughput_table
from bench.throughput import Throughput


class UnknownKindError(ValueError):
    """A file that is no result, or that of an unknown measurement."""


class Kind(NamedTuple):
    """A kind of result. `command` is what makes one; `asked` the question in a sentence; `turns` how often it was done.

    `said` are sentences that say what came out, `left_out` those that say what did not; `programs` are the names of
    those that were measured. `convert` makes the data of what was read as `data`.
    """

    name: str
    title: str
    command: str
    asked: str
    data: Any
    said: Callable[[Result[Any]], list[str]]
    tables: Callable[[Any], list[Table]]
    turns: Callable[[Any], str]
    left_out: Callable[[Result[Any]], list[str]] = lambda _: []
    programs: Callable[[Any], list[str]] = lambda _: []
    convert: Callable[[Any], Any] = lambda data: data


def read(path: Path) -> tuple[Kind, Result[Any]]:
    """A result and its kind. Raises UnknownKindError, or msgspec.DecodeError for what cannot be read any more."""
    try:
        kind = KINDS[msgspec.json.decode(path.read_bytes(), type=_Head).name]
    except (KeyError, msgspec.DecodeError) as error:
        raise UnknownKindError(f"{path.name} is no result of python -m bench") from error
    result = load(path, kind.data)
    return kind, msgspec.structs.replace(result, data=kind.convert(result.data))


class _Head(msgspec.Struct):
    name: str


def _programs(found: Comparison) -> list[str]:
    return [idle.peer for idle in found.rounds[0].idle]


def _turns(found: Throughput | Scale) -> str:
    return counted(max(len(each.turns) for each in found.measured), "turn")


def _runs(found: list[dict[str, Any]]) -> list[Outcome]:
    """Told apart by what only a broken one has: in the file they carry no name of their kind."""
    return [msgspec.convert(each, Broken) if "problem" in each else msgspec.convert(each, Run) for each in found]


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "compare", "CPU against other programs", "python -m bench compare",
            "How much CPU does each event take, and how much does it take other programs that do the same?",
            Comparison, lambda result: costs.compared(result.data), lambda found: [table(found)],
            lambda found: counted(found.plan.turns, "turn"), gaps.compare, _programs,
        ),
        Kind(
            "ab", "CPU against an earlier revision", "python -m bench ab --before REVISION",
            "How much CPU does each event take, and how much did it take an earlier revision of the same program?",
            Comparison, lambda result: costs.compared(result.data), lambda found: [table(found), ratio_table(found)],
            lambda found: counted(found.plan.turns, "turn"), programs=_programs,
        ),
        Kind(
            "throughput", "Throughput", "python -m bench throughput",
            "How many events a second does one replica deliver from a backlog, and what does each cost?",
            Throughput, lambda result: costs.throughput(result.data), lambda found: [throughput_table(found)],
            _turns, gaps.throughput,
        ),
        Kind(
            "sweep", "What the cost depends on", "python -m bench sweep",
            "How does the cost of an event change with one figure of the load or one setting at a time?",
            Sweep, lambda result: costs.swept(result.data), sweep_tables,
            lambda found: counted(max(len(each.turns) for one in found.series for each in one.measured), "turn"),
            gaps.sweep,
        ),
        Kind(
            "latency", "Latency", "python -m bench latency",
            "How long is an event under way at a given rate, counted from when it was meant to be written?",
            Latency, lambda result: times.latency(result.data),
            lambda found: [times_table(found), machine_table(found)],
            lambda found: f"{counted(found.plan.turns, 'turn')} of {found.plan.seconds:g} s", gaps.latency,
        ),
        Kind(
            "sustain", "Highest sustained rate", "python -m bench sustain",
            "What is the highest rate at which the lag does not grow?",
            Sustain, lambda result: times.sustain(result.data), lambda found: [sustain_table(found)],
            lambda found: f"{len(found.turns)} searches, each rate for {found.plan.seconds:g} s", gaps.sustain,
        ),
        Kind(
            "scale", "More workers", "python -m bench scale",
            "What do more workers bring, and what does an event cost then?",
            Scale, lambda result: costs.scaled(result.data, result.machine.cores),
            lambda found: [scale_table(found), *([law_table(found.fit)] if found.fit else [])], _turns, gaps.scale,
        ),
        Kind(
            "recover", "Recovery", "python -m bench recover",
            "How long does it take to work off a backlog, and how long until a killed worker's partition moves again?",
            Recover, lambda result: times.recover(result.data),
            lambda found: [
                *([drained_table(found)] if found.drained else []), *([killed_table(found)] if found.killed else []),
            ],
            lambda found: f"{counted(sum(len(each.wall_s) for each in found.drained), 'drain')}, "
            f"{counted(len(found.killed), 'kill')}",
            gaps.recover,
        ),
        Kind(
            "check", "Whether the plan's model holds", "python -m bench plan --check",
            "Does a drain that the plan was not made from come to what the plan says?",
            Check, lambda result: costs.checked(result.data), lambda _: [],
            lambda found: counted(len(found.raw.turns), "turn"),
        ),
        Kind(
            "soak", "A long run", "python -m bench soak",
            "Does memory, or the number of open files or threads, grow while workers are killed and namespaces go?",
            Soak, lambda result: times.soak(result.data), lambda found: [soak_table(found)], lambda _: "one run",
        ),
        Kind(
            "chaos", "Fault runs", "python -m bench chaos",
            "Is anything lost, altered or out of order when brokers, network and processes fail?",
            list[dict[str, Any]], lambda result: times.chaos(result.data),
            lambda found: [totals(found), recoveries(found)], lambda found: counted(len(found), "run"), convert=_runs,
        ),
    )
}  # fmt: skip
