"""The highest rate at which the lag does not grow: `python -m bench sustain`.

Probes at one rate each (`bench/lag.py` says when one holds), until the limit is between two rates 5 % apart
(`bench/bracket.py`), and all of that several times. Everything is on one machine: the program shares it with a local
broker and with what writes the load, so the limit is that of all three together. What each of them needs for an event
at the rate that holds is told beside it; on a machine of its own the program alone would be the limit.
"""

import math
import statistics
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

from bench.bracket import Bracket, find
from bench.broker import LOCAL, Target
from bench.lag import SAMPLES_MIN, Sample, Verdict, judge, second_half
from bench.rig import SETTINGS, Cpu, Rig, Setup, total
from bench.writer import Wrote

WIDTH = 1.05
# Of the first turn, and of the others, which begin where the one before has ended. Three and one halvings are enough.
STEP, NEXT_STEP = 1.47, 1.1
LOOK_S = 0.5
LOOKS_MIN = SAMPLES_MIN * 3  # in a short probe, so that its second half has enough
TICK_S = 0.005  # the writer's: batches are what a high rate is made of

Tell = Callable[[str, float], None]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to measure: probes of `seconds` each, `turns` searches, the first of which begins at the rate `first`."""

    setup: Setup
    seconds: float
    turns: int
    first: float
    width: float = WIDTH


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """One rate, tried once. `cpus` has the CPU seconds at each sample; `settle_s` is how long its lag took to go."""

    rate: float
    verdict: Verdict
    samples: list[Sample]
    cpus: list[Cpu]
    wrote: Wrote
    settle_s: float

    def each(self) -> "Each":
        """What an event cost, of those that arrived in the second half; the writer's, of all that it wrote."""
        begun = len(self.samples) - len(second_half(self.samples))
        arrived = max(1, self.samples[-1].arrived - self.samples[begun].arrived)
        used = self.cpus[-1].since(self.cpus[begun])
        return Each(
            used.program_s / arrived * 1e6,
            used.broker_s / arrived * 1e6,
            self.wrote.cpu_s / self.wrote.request.count * 1e6,
        )


class Each(NamedTuple):
    """CPU microseconds for each event."""

    program_us: float
    broker_us: float
    writer_us: float


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One search, and all of its probes in order."""

    bracket: Bracket
    probes: list[Probe]

    def limited(self) -> bool:
        """Whether it was the writer, and not the program, that could not do more."""
        return all(probe.verdict.holds is None for probe in self.probes if probe.rate == self.bracket.fails)

    def held(self) -> list[Probe]:
        """The probes that held at the rate that was found."""
        return [probe for probe in self.probes if probe.rate == self.bracket.holds and probe.verdict.holds]


class Sustain(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was measured. `missing` is of all events of all probes; below 0, some came more than once."""

    plan: Plan
    turns: list[Turn]
    missing: int

    def wrong(self) -> str:
        """What became of events that should have arrived exactly once; empty if they did."""
        if not self.missing:
            return ""
        return f"{self.missing} events have not arrived" if self.missing > 0 else f"{-self.missing} came more than once"

    @property
    def sustained(self) -> float:
        """Events a second: the median of the turns."""
        return statistics.median(turn.bracket.holds for turn in self.turns)

    def held(self) -> Iterator[Probe]:
        """The probes that held at the rates that were found."""
        for turn in self.turns:
            yield from turn.held()


def sustain(plan: Plan, tell: Tell, target: Target = LOCAL) -> Sustain:
    """Measure. Blocks for ten probes or so in the first turn, and five in each other.

    `tell` gets what is done, and the seconds that it has been done for. Raises NoLimitError, AsideError,
    NotSettledError, and OwnKafkaError on the user's cluster.
    """
    turns: list[Turn] = []
    with Rig(plan.setup, target) as rig:
        before = total(rig.source_ends()) - total(rig.destination_ends())
        for number in range(plan.turns):
            first, step = (turns[-1].bracket.holds, NEXT_STEP) if turns else (plan.first, STEP)
            search = _Search(rig, plan, f"turn {number + 1}", tell)
            bracket = find(search.holds, first, plan.width, step)
            turns.append(Turn(bracket=bracket, probes=search.probes))
        missing = total(rig.source_ends()) - total(rig.destination_ends()) - before
        rig.stop()
    return Sustain(plan=plan, turns=turns, missing=missing)


class _Search:
    def __init__(self, rig: Rig, plan: Plan, name: str, tell: Tell) -> None:
        self._rig = rig
        self._plan = plan
        self._name = name
        self._tell = tell
        self.probes: list[Probe] = []

    def holds(self, rate: float) -> bool:
        """Probe this rate, and leave everything settled and empty."""
        looks: list[tuple[Sample, Cpu]] = []
        start = self._look(0.0)[0]
        rounded = round(rate)

        def look(since_s: float) -> None:
            self._tell(f"{self._name}: {rounded:,} events/s", since_s)
            looks.append(self._look(since_s))

        count = math.ceil(rate * self._plan.seconds)
        look_s = min(LOOK_S, self._plan.seconds / LOOKS_MIN)
        wrote = self._rig.write(count, rate, tick_s=TICK_S, look_s=look_s, meanwhile=look)
        settle_s = self._rig.settle()
        self._rig.empty()
        # What was there before the first look was of an earlier probe.
        samples = [_less(sample, start) for sample, _ in looks]
        settings = SETTINGS | self._plan.setup.settings
        verdict = judge(samples, rate, int(settings["COMMIT_INTERVAL_MS"]) / 1000)
        self.probes.append(
            Probe(
                rate=rate,
                verdict=verdict,
                samples=samples,
                cpus=[cpu for _, cpu in looks],
                wrote=wrote,
                settle_s=settle_s,
            )
        )
        return verdict.holds is True

    def _look(self, since_s: float) -> tuple[Sample, Cpu]:
        begun = time.monotonic()
        written = total(self._rig.source_ends())
        at_s = since_s + time.monotonic() - begun
        arrived = total(self._rig.destination_ends())
        return Sample(at_s, written, arrived, self._rig.committed()), self._rig.cpu()


def _less(sample: Sample, start: Sample) -> Sample:
    return Sample(
        sample.at_s,
        sample.written - start.written,
        sample.arrived - start.arrived,
        sample.committed - start.committed,
    )
