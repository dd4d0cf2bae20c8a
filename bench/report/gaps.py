"""What a result does not say, in sentences. Pure."""

from typing import Any

from bench.broker.target import LOCAL_TOLD
from bench.compare import Comparison
from bench.histogram import BEYOND
from bench.latency import Latency
from bench.peers.catalogue import PEERS
from bench.recover import Recover
from bench.report.words import listed
from bench.result import Result
from bench.scale import Scale, why_no_law
from bench.sustain import Sustain
from bench.sweep import FIGURES, Sweep
from bench.tables.latency import PERCENTS

BROKER_ALONE = "What the brokers of this cluster used meanwhile: only a local one's CPU is known."
OURS_ALONE = "Other programs are not in this measurement: see the comparison of CPU."
ONE_MACHINE = "The broker shares the machine with the program: there is no network between them, and no second broker."


def compare(result: Result[Comparison]) -> list[str]:
    """Which of the known programs are not in it, and which backlogs were smaller."""
    measured = {idle.peer for each in result.data.rounds for idle in each.idle}
    missing = [name for name in PEERS if name not in measured]
    said = [_where(result)]
    if missing:
        said.append(
            f"Not measured: {listed(missing)}. Which programs can be built here is said by python -m bench peers; "
            f"these are measured by python -m bench compare --peers {','.join(missing)}."
        )
    for name, events in smaller(result.data).items():
        said.append(
            f"{name} drained {events:,} events a turn and not {result.data.plan.events:,}: it is too slow for more."
        )
    return said


def smaller(found: Comparison) -> dict[str, int]:
    """Programs whose backlog was smaller than was asked for, and what it was."""
    drained = {turn.peer: turn.events for measured in found.rounds for turns in measured.turns for turn in turns}
    return {name: events for name, events in drained.items() if events < found.plan.events}


def _where(result: Result[Any]) -> str:
    """What a local broker leaves out, or one that is not."""
    return ONE_MACHINE if result.cluster == LOCAL_TOLD else BROKER_ALONE


def throughput(result: Result[Any]) -> list[str]:
    return [OURS_ALONE, _where(result)]


def sweep(result: Result[Sweep]) -> list[str]:
    """Which figures were not swept."""
    swept = {series.figure for series in result.data.series}
    missing = [figure for figure in FIGURES if figure not in swept]
    said = ["What two figures do together: one is changed at a time.", OURS_ALONE]
    return said + ([f"Not swept: {listed(missing)}."] if missing else [])


def latency(result: Result[Latency]) -> list[str]:
    """The percentiles that too few events tell."""
    said = [OURS_ALONE, _where(result)]
    for measured in result.data.steps:
        seen = [turn.times.intended_to_read_us for turn in measured.turns]
        untold = [f"p{percent:g}" for percent in PERCENTS if not all(each.tells(percent) for each in seen)]
        if untold and result.data.valid(measured):
            said.append(f"{listed(untold)} at {measured.step.name}: fewer than {BEYOND} events of a turn lie beyond.")
    return said


def sustain(result: Result[Sustain]) -> list[str]:
    together = "Program, broker and writer" if result.cluster == LOCAL_TOLD else "Program and writer"
    return [OURS_ALONE, f"{together} share the machine: the limit is that of all of them together."]


def scale(result: Result[Scale]) -> list[str]:
    """Whether a law could be fitted."""
    return [_where(result), *([] if result.data.fit else [why_no_law(result.machine.cores)])]


def recover(result: Result[Recover]) -> list[str]:
    """What was not done."""
    said = ["The death of a whole replica, and of brokers: fault runs have those.", _where(result)]
    said += [] if result.data.drained else ["No backlog was drained."]
    return said + ([] if result.data.killed else ["No worker was killed."])
