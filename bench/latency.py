"""How long an event is under way, at given rates: `python -m bench latency`.

The load is an open loop: each event has a time at which it is meant to be written, decided beforehand. What the first
figure counts from is that time, so that whatever holds up the writer, the broker or the program shows in every event
that was meant to be written meanwhile (counted from when it was written, it would show in one: coordinated omission).
Four ways to look at the same events:

- intended to read: from the intended time until a reader of the destination had it. What a tenant sees.
- source to destination: from when one reader could read it in the source until the same reader could read it in its
  destination (`bench/taps.py`). The program alone, with the broker's append at its end; to the microsecond.
- append to append: by the broker's own time stamps (LogAppendTime at both ends), which are whole milliseconds. One such
  difference is off by up to 1 ms either way, the mean of many is not. Of all events, whether they were watched or not.
  Between two brokers it is off by what their clocks differ.
- the same in a turn in which nothing reads while the load is on: the difference is what the taps cost.

The taps, and a writer that keeps closer to its schedule, take more of the machine than those of `bench sustain` do: a
rate at which the program falls behind here, whatever share of the sustained rate it is, is told as such.

A rate at which the writer was late by more than `late_ms` at the 99th percentile (the median of the turns) says nothing
of the program, but of a machine that had no time for the writer: it is told as invalid, with no figures.
"""

import math
import statistics
import time
from collections.abc import Callable

import msgspec

from bench.aside import Aside
from bench.broker import LOCAL, Target
from bench.rig import Cpu, Rig, Setup
from bench.taps import Finish, Tapped, Taps, Watch
from bench.times import Times, overlaps, times
from bench.writer import Wrote

IDLE_RATE = 19.0  # one event at a time; no divisor of the second, or each would meet the same commit and lease
TICK_S = 0.0005  # the writer's: less than what is measured; shorter, it costs half more at 10 000 events a second
WARM_S = 2.0
LATE_MS = 2.0
BEHIND_S = 1.0  # from the writer's end until all is committed: a commit interval and an instant when it keeps up
# Of the destinations as many are read while the load is on as get so many events a second: see `bench/taps.py`.
WATCHED_RATE = 2_000.0
READ_S = 300.0
LOOK_S = 0.5

Tell = Callable[[str, float], None]


class Step(msgspec.Struct, frozen=True):
    """One rate, in events a second, and what it is called."""

    name: str
    rate: float

    def warm(self) -> int:
        """Events before those that count."""
        return math.ceil(self.rate * WARM_S)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to measure. Each step of each turn lasts `seconds`, and a warm-up of `WARM_S` before."""

    setup: Setup
    steps: list[Step]
    seconds: float
    turns: int
    late_ms: float = LATE_MS

    def took_s(self) -> float:
        """How long the load is on, in all."""
        return (self.seconds + WARM_S) * len(self.steps) * (self.turns + 1)


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One step of one turn. `watched` of the destinations were read while the load was on; 0 of them: nothing was.

    `missing`, `again` and `strays` are events of the whole load, warm-up included: not arrived, arrived more than once,
    not of this load. `overlaps` counts events that were due before the one before had arrived. `settle_s` is from the
    writer's end until all was committed; `wall_s` is all of it, and the CPU seconds are of that time.
    """

    watched: int
    wrote: Wrote
    times: Times
    missing: int
    again: int
    strays: int
    overlaps: int
    settle_s: float
    wall_s: float
    cpu: Cpu
    taps_cpu_s: float

    def late_ms(self) -> float:
        """By how much the writer was late, at the 99th percentile."""
        return self.wrote.late_us.percentile(99) / 1000

    def wrong(self) -> str:
        """What became of events that should have arrived exactly once; empty if they did."""
        told = {"missing": self.missing, "more than once": self.again, "of no known number": self.strays}
        return ", ".join(f"{count} {what}" for what, count in told.items() if count)


class Measured(msgspec.Struct, frozen=True):
    """All turns of a step, and one more in which nothing was read while the load was on."""

    step: Step
    turns: list[Turn]
    untapped: Turn

    def late_ms(self) -> float:
        """By how much the writer was late: the median of the turns."""
        return statistics.median(turn.late_ms() for turn in self.turns)

    def behind(self) -> bool:
        """Whether the program fell behind, so that the longer it had lasted, the longer events had taken."""
        return statistics.median(turn.settle_s for turn in self.turns) > BEHIND_S

    def wrong(self) -> str:
        """What became of events that should have arrived exactly once; empty if they did."""
        return "; ".join(wrong for turn in [*self.turns, self.untapped] if (wrong := turn.wrong()))


class Latency(msgspec.Struct, frozen=True):
    """Everything that was measured."""

    plan: Plan
    steps: list[Measured]

    def valid(self, measured: Measured) -> bool:
        """Whether the writer was in time: if not, what was measured is the machine."""
        return measured.late_ms() <= self.plan.late_ms


def latency(plan: Plan, tell: Tell, target: Target = LOCAL) -> Latency:
    """Measure. Blocks for `plan.took_s` and a third more; `tell` gets what is done and seconds of load since the last.

    Raises AsideError, NotSettledError, and OwnKafkaError on the user's cluster.
    """
    found: list[list[Turn]] = [[] for _ in plan.steps]
    with Rig(plan.setup, target) as rig, Aside("taps", Taps, rig.bootstrap, rig.source, rig.terms) as taps:
        run = _Run(rig, taps, plan, tell)
        run.warm()
        # The one without readers is in the middle: a machine's speed drifts, and its figures are held against theirs.
        untapped = (plan.turns + 1) // 2
        for number in range(plan.turns + 1):
            what = f"turn {number + 1}" if number != untapped else f"turn {number + 1}, with no reader"
            order = list(enumerate(plan.steps))
            for place, step in order if number % 2 == 0 else reversed(order):
                found[place].append(run.turn(step, what, tapped=number != untapped))
        rig.stop()
    steps = []
    for step, turns in zip(plan.steps, found, strict=True):
        without = turns.pop(untapped)
        steps.append(Measured(step, turns, without))
    return Latency(plan, steps)


class _Telling:
    """Tells how far a load has got, in seconds since the last time."""

    def __init__(self, tell: Tell, what: str) -> None:
        self._tell = tell
        self._what = what
        self._told_s = 0.0

    def __call__(self, since_s: float) -> None:
        self._tell(self._what, since_s - self._told_s)
        self._told_s = since_s


class _Run:
    """All turns on one rig."""

    def __init__(self, rig: Rig, taps: "Aside[Watch | Finish, Tapped | None]", plan: Plan, tell: Tell) -> None:
        self._rig = rig
        self._taps = taps
        self._plan = plan
        self._tell = tell

    def warm(self) -> None:
        """The broker has served nobody who reads so many topics yet: what it took is not looked at."""
        self._taps.begin(Watch(first=0, count=0, live=self._rig.source_ends() | self._rig.destination_ends()))
        self._tell("warming up", 0.0)
        self._rig.warm()
        self._taps.begin(Finish(others={}, ends=self._rig.source_ends() | self._rig.destination_ends()))
        self._taps.answer(READ_S)
        self._taps.answer(READ_S)
        self._rig.empty()

    def turn(self, step: Step, what: str, *, tapped: bool) -> Turn:
        """One step of one turn; leaves everything settled and empty."""
        rig, taps = self._rig, self._taps
        count = step.warm() + math.ceil(step.rate * self._plan.seconds)
        starts = rig.source_ends() | rig.destination_ends()
        watched = watched_names(rig.names, step.rate) if tapped else []
        live = {place: start for place, start in starts.items() if tapped and place[0] in {rig.source, *watched}}
        taps.begin(Watch(first=rig.next_number, count=count, live=live))
        before, begun = rig.cpu(), time.monotonic()
        telling = _Telling(self._tell, f"{what}: {step.name}")
        wrote = rig.write(count, step.rate, tick_s=TICK_S, look_s=LOOK_S, meanwhile=telling)
        settle_s = rig.settle()
        cpu, wall_s = rig.cpu().since(before), time.monotonic() - begun
        others = {place: start for place, start in starts.items() if place not in live}
        taps.begin(Finish(others=others, ends=rig.source_ends() | rig.destination_ends()))
        taps.answer(READ_S)
        seen = taps.answer(READ_S)
        assert seen is not None
        rig.empty()
        return Turn(
            watched=len(watched),
            wrote=wrote,
            times=times(seen, wrote.schedule(), step.warm()),
            missing=seen.destination.missing,
            again=seen.destination.again,
            strays=seen.strays,
            overlaps=overlaps(seen, wrote.schedule()),
            settle_s=settle_s,
            wall_s=wall_s,
            cpu=cpu,
            taps_cpu_s=seen.cpu_s,
        )


def watched_names(names: list[str], rate: float) -> list[str]:
    """As many of the destinations as get `WATCHED_RATE` events a second, one at least, spread evenly over all."""
    wanted = min(len(names), max(1, math.ceil(len(names) * WATCHED_RATE / rate)))
    return [names[number * len(names) // wanted] for number in range(wanted)]
