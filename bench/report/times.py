"""What came out of the measurements of time, and of the long and the broken runs, in sentences. Pure."""

import statistics

from bench.chaos.run import Result as Run
from bench.chaos.series import Broken, Outcome
from bench.latency import Latency, Measured
from bench.recover import Recover
from bench.report.words import around, counted, listed, shown
from bench.soak import Soak
from bench.sustain import Sustain

TOLD = {50.0: "half of the events are read", 99.0: "99 of 100", 99.9: "999 of 1,000"}


def latency(found: Latency) -> list[str]:
    """From intended to read, at each rate that is valid."""
    said = [_latency(measured) for measured in found.steps if found.valid(measured)]
    late = [measured.step.name for measured in found.steps if not found.valid(measured)]
    if late:
        said.append(f"Nothing is known at {listed(late)}: the machine had no time for the writer.")
    wrong = [f"{measured.step.name}: {measured.wrong()}" for measured in found.steps if measured.wrong()]
    return said + [f"Not every event arrived exactly once: {each}." for each in wrong]


def _latency(measured: Measured) -> str:
    seen = [turn.times.intended_to_read_us for turn in measured.turns]
    figures = [
        f"{part} within {shown(each.percentile(percent) / 1000 for each in seen)} ms"
        for percent, part in TOLD.items()
        if all(each.tells(percent) for each in seen)
    ]
    rate = f"{measured.step.rate:,.0f} events a second"
    step = rate if measured.step.name == f"{measured.step.rate:g}" else f"{measured.step.name} ({rate})"
    if not figures:
        return f"At {step}: too few events to tell."
    told = f"At {step} {listed(figures)}"
    return f"{told}; the program falls behind." if measured.behind() else f"{told}."


def sustain(found: Sustain) -> list[str]:
    """The highest rate, and what an event costs there."""
    rates = [turn.bracket.holds for turn in found.turns]
    limited = [number for number, turn in enumerate(found.turns, 1) if turn.limited()]
    costs = [probe.each() for probe in found.held()]
    said = [
        f"It keeps up with {around(rates, 'events a second', 0, 'searches')}"
        + (f", at {shown(cost.program_us for cost in costs)} us of CPU for each." if costs else ".")
    ]
    if limited:
        which = listed([str(number) for number in limited])
        said.append(f"Of search {which} the limit was the writer's: the program may do more.")
    return said + ([f"Not every event arrived exactly once: {found.wrong()}."] if found.wrong() else [])


def recover(found: Recover) -> list[str]:
    """Each backlog, and the kills."""
    said = []
    for drained in found.drained:
        factor = statistics.median(drained.events / wall_s / found.rate for wall_s in drained.wall_s)
        said.append(
            f"A backlog of {drained.minutes:g} min at {found.rate:,.0f} events a second is gone after "
            f"{around(drained.wall_s, 's')}: {factor:.1f} times as fast as it came."
        )
    if found.killed:
        moved = [kill.moved_s for kill in found.killed]
        said.append(
            f"When a worker is killed, its partition moves again after {around(moved, 's', 2, 'kills')}; another "
            f"partition paused for {max(kill.other_gap_s for kill in found.killed):.2f} s at most."
        )
    return said + [f"Not as it should be: {problem}." for problem in found.wrong()]


def soak(found: Soak) -> list[str]:
    """Whether anything grew."""
    grown = {name: trend.broken() for name, trend in found.trends.items()}
    growing = [f"{listed(what)} of {name}" for name, what in grown.items() if what]
    begun = f"In {found.minutes:g} min at {found.rate:,.0f} events a second, with {counted(found.kills, 'kill')},"
    said = [f"{begun} {f'these grew: {listed(growing)}' if growing else f'nothing grew in {len(grown)} processes'}."]
    return said + [f"Not as it should be: {problem}." for problem in found.failed]


def chaos(found: list[Outcome]) -> list[str]:
    """How many runs, and how many of them failed."""
    runs = [outcome for outcome in found if isinstance(outcome, Run)]
    failed = [outcome for outcome in found if isinstance(outcome, Broken) or outcome.failed]
    faults = sum(len(run.faults) for run in runs)
    events = sum(run.findings.events for run in runs)
    verdict = f"{counted(len(failed), 'run')} failed" if failed else "no run failed"
    told = f"{counted(len(found), 'run')} with {counted(faults, 'fault')} and {counted(events, 'event')}: {verdict}."
    seeds = listed([str(outcome.plan.seed) for outcome in failed])
    return [told, *([f"Failed: seed {seeds}."] if failed else [])]
