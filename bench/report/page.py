"""The report as data: a section for each result, and what there is no result of."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bench.compare import EARLIER, OURS
from bench.peers.catalogue import PEERS
from bench.peers.ours import ours
from bench.plots import style
from bench.plots.catalogue import PLOTS
from bench.report.grid import Grid, grid
from bench.report.kinds import KINDS, Kind, UnknownKindError, read
from bench.report.words import counted
from bench.result import Result, newest


class Program(NamedTuple):
    """What is to be known of a program beside its figures; `tuned` and `loses` are pairs of what and why."""

    name: str
    about: str
    promise: str
    tuned: list[tuple[str, str]]
    loses: list[tuple[str, str]]


class Section(NamedTuple):
    """One result. `key` is its file's name without the end, told apart; `plot` an SVG, None of a kind with none."""

    key: str
    title: str
    asked: str
    said: list[str]
    plot: str | None
    grids: list[Grid]
    programs: list[Program]
    how: list[tuple[str, str]]
    left_out: list[str]


class Missing(NamedTuple):
    """A kind with no result: the command that makes one, and why there is none if that is not all."""

    title: str
    command: str
    why: str


class Page(NamedTuple):
    """All of it. `made` is the day it was put together."""

    made: str
    sections: list[Section]
    missing: list[Missing]


class Found(NamedTuple):
    """A result that was read."""

    path: Path
    kind: Kind
    result: Result[Any]


def page_of(paths: Sequence[Path]) -> Page:
    """Of these files; plots take a second each. Raises UnknownKindError, msgspec.DecodeError."""
    return _page([Found(path, *read(path)) for path in paths], {})


def page_of_newest(folder: Path) -> Page:
    """Of the newest result of each kind in the folder. One that cannot be read, as of another version, is missing."""
    found, unreadable = [], {}
    for name in KINDS:
        path = newest(name, folder)
        if path is None:
            continue
        try:
            found.append(Found(path, *read(path)))
        except (UnknownKindError, msgspec.DecodeError) as error:
            unreadable[name] = f"{path.name} cannot be read: {error}"
    return _page(found, unreadable)


def _page(found: Sequence[Found], unreadable: Mapping[str, str]) -> Page:
    order = list(KINDS)
    ordered = sorted(found, key=lambda each: (order.index(each.kind.name), each.result.begun))
    sections: list[Section] = []
    names: Counter[str] = Counter()
    for each in ordered:
        name = each.path.stem
        names[name] += 1
        sections.append(section(each, name if names[name] == 1 else f"{name}-{names[name]}"))
    there = {each.kind.name for each in found}
    kinds = [kind for kind in KINDS.values() if kind.name not in there]
    missing = [Missing(kind.title, kind.command, unreadable.get(kind.name, "")) for kind in kinds]
    return Page(time.strftime("%Y-%m-%d"), sections, missing)


def section(found: Found, key: str) -> Section:
    """All that is shown of a result."""
    kind, result = found.kind, found.result
    draw = PLOTS.get(kind.name)
    return Section(
        key=key,
        title=kind.title,
        asked=kind.asked,
        said=kind.said(result),
        plot=style.svg(draw(result)) if draw else None,
        grids=[grid(table) for table in kind.tables(result.data)],
        programs=[_program(name) for name in kind.programs(result.data)],
        how=_how(found),
        left_out=kind.left_out(result),
    )


def _how(found: Found) -> list[tuple[str, str]]:
    result, machine = found.result, found.result.machine
    memory = f"{machine.memory_bytes / 1e9:.0f} GB"
    return [
        ("command", result.command),
        ("turns", found.kind.turns(result.data)),
        ("date", f"{result.begun}, {result.took_s / 60:.1f} min"),
        ("machine", f"{machine.cpu}, {counted(machine.cores, 'core')}, {memory}, Linux {machine.kernel}"),
        ("cluster", result.cluster),
        ("versions", ", ".join(f"{name} {version}" for name, version in result.versions.items())),
        ("raw samples", found.path.name),
    ]


def _program(name: str) -> Program:
    """What is known of it today; an earlier revision is not in the catalogue, nor what is not measured any more."""
    peer = PEERS.get(name, ours({}) if name == OURS else None)
    if peer is None:
        about = "an earlier revision of events-fanout, with today's dependencies" if name.startswith(EARLIER) else ""
        return Program(name, about, "", [], [])
    return Program(name, peer.about, peer.promise, list(peer.tuned.items()), list(peer.loses.items()))
