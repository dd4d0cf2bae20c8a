"""How long it takes to be back: from a backlog, and from the death of a worker: `python -m bench recover`.

**A backlog**, what came in some minutes while nobody read: drained again and again, in turns, each from the program's
start until all is committed. After each drain every destination is counted (`bench/stage.py`).

**A death**: under a steady load one worker is killed with SIGKILL, then, with everything settled and emptied, the next
one of another partition. Both ends of the way are read afterwards, for the times are the broker's own: it stamps each
record when it appends it (LogAppendTime, whole milliseconds). Where the kill was on its clock, which may be that of
another machine, is told by the event that was stamped soonest after it was due: some milliseconds late, as that append
took. Several brokers are taken to have the same clock. What the dead worker had sent may still arrive after it, so its
partition has moved again when the first event is there that was written after the kill.
"""

import math
import os
import signal
import time
from collections.abc import Callable, Sequence
from itertools import pairwise

import msgspec

from bench.aside import Aside
from bench.broker import LOCAL, Target, terms
from bench.compare import BROKER_CONFIG, PARTITIONS
from bench.destinations import Destinations
from bench.load import Shape
from bench.pace import Schedule
from bench.peers.ours import ours
from bench.rig import SOURCE, Rig, Setup
from bench.stage import Backlog, Stage, alternately, make_source
from bench.taps import Finish, Tapped, Taps, Watch
from fanout.demo.events import namespace_names

BEFORE_S, AFTER_S = 1.0, 3.0  # of the load, before a kill at least, and after it
# Kills are spread over a second, or all would meet the lease and the commit at the same moment of their intervals.
SPREAD = 0.37
OTHERS_S = 1.0  # for so long after a kill at least the other partitions are looked at
LOOK_S, TICK_S = 0.02, 0.002
READ_S = 300.0

Tell = Callable[[str], None]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to measure: a backlog of each of these `minutes` at `rate` events a second, in `turns`; and so many kills.

    The kills are under a load of the same rate. `settings` are those of events-fanout.
    """

    minutes: list[float]
    rate: float
    turns: int
    kills: int
    shape: Shape
    settings: dict[str, str] = {}

    def events(self, minutes: float) -> int:
        """In the backlog of so many minutes."""
        return max(1, round(minutes * 60 * self.rate))

    def steps(self) -> int:
        """How many are told of: each backlog that is written, a warm-up, each drain; a start, and each kill."""
        drains = len(self.minutes) * (self.turns + 1) + 1 if self.minutes else 0
        return drains + (self.kills + 1 if self.kills else 0)


class Drained(msgspec.Struct, frozen=True, kw_only=True):
    """A backlog, as of `minutes` at the rate. `wall_s` is from the program's start until all was committed, by turn."""

    minutes: float
    events: int
    wall_s: list[float]


class Killed(msgspec.Struct, frozen=True, kw_only=True):
    """One death. Times are of whole milliseconds.

    `moved_s` is from the SIGKILL until the first event that was written to the partition after it was delivered;
    `other_gap_s` the longest time between two deliveries of another partition meanwhile. `missing` events of the load
    have not arrived; `twice` came more than once, as is promised (at least once).
    """

    partition: int
    moved_s: float
    other_gap_s: float
    missing: int = 0
    twice: int = 0


class Recover(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was measured."""

    rate: float
    shape: Shape
    drained: list[Drained]
    killed: list[Killed]

    def wrong(self) -> list[str]:
        """The kills after which events were missing, in words; empty if there were none."""
        return [
            f"kill {number}, of the worker of partition {kill.partition}: {kill.missing} events have not arrived"
            for number, kill in enumerate(self.killed, 1)
            if kill.missing
        ]


class TooFewError(RuntimeError):
    """The load was too thin for a figure: no event after a kill, or hardly any of another partition."""


def recover(plan: Plan, tell: Tell, target: Target = LOCAL) -> Recover:
    """Measure. Blocks for some seconds for each drain and each kill; `tell` gets what is begun, `plan.steps` times.

    Raises DrainFailedError if a drain fails or does not deliver every event exactly once; AsideError, NotSettledError,
    TooFewError; OwnKafkaError on the user's cluster.
    """
    drained = _drain_all(plan, tell, target) if plan.minutes else []
    killed = _kill_all(plan, tell, target) if plan.kills else []
    return Recover(rate=plan.rate, shape=plan.shape, drained=drained, killed=killed)


def _drain_all(plan: Plan, tell: Tell, target: Target) -> list[Drained]:
    program, sources = ours(plan.settings), []
    names = [f"{minutes:g} min" for minutes in plan.minutes]
    wall_s: list[list[float]] = [[] for _ in names]
    with target.open(BROKER_CONFIG, plan.settings) as kafka:
        for place, minutes in enumerate(plan.minutes):
            tell(f"writing a backlog of {names[place]}")
            backlog = Backlog(shape=plan.shape, events=plan.events(minutes), partitions=PARTITIONS)
            sources.append(make_source(kafka, f"{SOURCE}-{place}", backlog))
        destinations = Destinations(kafka, namespace_names(plan.shape.namespaces, terms(kafka).prefix))
        stage = Stage(kafka, destinations)
        tell("draining one to warm up")
        stage.turn(program, sources[-1])
        for turn in range(plan.turns):
            for place in alternately(range(len(names)), turn):
                tell(f"turn {turn + 1}: draining {names[place]}")
                wall_s[place].append(stage.turn(program, sources[place]).wall_s)
    pairs = zip(plan.minutes, wall_s, strict=True)
    return [Drained(minutes=minutes, events=plan.events(minutes), wall_s=turns) for minutes, turns in pairs]


def _kill_all(plan: Plan, tell: Tell, target: Target) -> list[Killed]:
    found = []
    setup = Setup(shape=plan.shape, partitions=PARTITIONS, settings=plan.settings)
    tell("starting what is going to be killed")
    with Rig(setup, target) as rig, Aside("taps", Taps, rig.bootstrap, rig.source, rig.terms) as taps:
        killing = _Killing(rig, taps, plan.rate)
        for number in range(plan.kills):
            partition = number % PARTITIONS
            tell(f"kill {number + 1} of {plan.kills}: the worker of partition {partition}")
            found.append(killing.kill(partition, BEFORE_S + number * SPREAD % 1))
        rig.stop()
    return found


class _Killing:
    """Kills on one rig."""

    def __init__(self, rig: Rig, taps: "Aside[Watch | Finish, Tapped | None]", rate: float) -> None:
        self._rig = rig
        self._taps = taps
        self._rate = rate

    def kill(self, partition: int, before_s: float) -> Killed:
        """Under a load of its own, `before_s` after its beginning; leaves everything settled and empty."""
        rig = self._rig
        sources, destinations = rig.source_ends(), rig.destination_ends()
        count = math.ceil(self._rate * (before_s + AFTER_S))
        load = Watch(first=rig.next_number, count=count, live={})
        pid = rig.worker(partition)
        killed_s = 0.0

        def look(since_s: float) -> None:
            nonlocal killed_s
            if not killed_s and since_s >= before_s:
                killed_s = time.monotonic()
                os.kill(pid, signal.SIGKILL)

        wrote = rig.write(count, self._rate, tick_s=TICK_S, look_s=LOOK_S, meanwhile=look)
        assert killed_s, "the load has ended before the kill"
        rig.settle()
        ends = rig.source_ends() | rig.destination_ends()
        seen = []
        for place, start in sorted(sources.items()):
            others = destinations if place[1] == partition else {}
            seen.append(self._read(load, Finish(others={place: start} | others, ends=ends)))
        rig.empty()
        killed_ms = by_stamps_ms(killed_s, wrote.schedule(), seen[partition].source.stamp_ms)
        return killed_of(partition, killed_ms, seen)

    def _read(self, load: Watch, rest: Finish) -> Tapped:
        self._taps.begin(load)
        self._taps.begin(rest)
        self._taps.answer(READ_S)
        seen = self._taps.answer(READ_S)
        assert seen is not None
        return seen


def by_stamps_ms(at_s: float, schedule: Schedule, stamps_ms: Sequence[int]) -> float:
    """A moment of the monotonic clock on that of the events' stamps, of which 0 is none; 0 if all are none."""
    ahead_ms = (stamp - schedule.at(number) * 1000 for number, stamp in enumerate(stamps_ms) if stamp)
    return at_s * 1000 + min(ahead_ms, default=0.0)


def killed_of(partition: int, killed_ms: float, seen: Sequence[Tapped]) -> Killed:
    """What came of a kill at that moment.

    An event does not tell which partition it was in, so `seen[p]` is the load as it was read with partition p of the
    source alone; `seen[partition]` has the destinations, too. Stamps are milliseconds of the clock by which
    `killed_ms` is. Raises TooFewError.
    """
    delivered = seen[partition].destination
    moved_ms = _moved_ms(seen[partition].source.stamp_ms, delivered.stamp_ms, killed_ms)
    until_ms = killed_ms + max(moved_ms, OTHERS_S * 1000)
    gaps_ms = [
        _longest_gap_ms(each.source.stamp_ms, delivered.stamp_ms, killed_ms, until_ms)
        for other, each in enumerate(seen)
        if other != partition
    ]
    return Killed(
        partition=partition,
        moved_s=moved_ms / 1000,
        other_gap_s=max(gaps_ms) / 1000,
        missing=delivered.missing,
        twice=delivered.again,
    )


def _moved_ms(written_ms: Sequence[int], delivered_ms: Sequence[int], killed_ms: float) -> float:
    """Until the first event of a partition that was written after the kill was delivered; both have 0 for none."""
    both = zip(written_ms, delivered_ms, strict=True)
    for written, delivered in both:
        if written > killed_ms and delivered:
            return delivered - killed_ms
    raise TooFewError("no event that was written after the kill has arrived: is the rate too low?")


def _longest_gap_ms(written_ms: Sequence[int], delivered_ms: Sequence[int], from_ms: float, until_ms: float) -> float:
    """Between two deliveries of a partition, of the gaps that are not wholly before or after these moments."""
    both = zip(written_ms, delivered_ms, strict=True)
    stamps = sorted(delivered for written, delivered in both if written and delivered)
    gaps = [later - earlier for earlier, later in pairwise(stamps) if later > from_ms and earlier < until_ms]
    if not gaps:
        raise TooFewError("hardly any event of another partition has arrived meanwhile: is the rate too low?")
    return max(gaps)
