"""Made-up results of every kind for the tests of plots and report. No figure here was measured."""

import functools
import random
from collections.abc import Sequence
from typing import Any, TypeVar

from bench.bracket import Bracket
from bench.cases import Case
from bench.cases import Measured as CaseMeasured
from bench.compare import Comparison, Round
from bench.compare import Plan as ComparePlan
from bench.cpu import Running
from bench.drain import Turn
from bench.growth import Growth, Trend
from bench.histogram import Histogram
from bench.lag import Sample, judge
from bench.latency import Latency, Measured, Step
from bench.latency import Plan as LatencyPlan
from bench.latency import Turn as LatencyTurn
from bench.load import Shape
from bench.plan.check import Check
from bench.plan.predict import Prediction, deviations
from bench.recover import Drained, Killed, Recover
from bench.result import Machine, Result
from bench.rig import Cpu, Setup
from bench.scale import Scale
from bench.soak import Soak
from bench.sustain import Plan as SustainPlan
from bench.sustain import Probe, Sustain
from bench.sustain import Turn as SustainTurn
from bench.sweep import Series, Sweep
from bench.throughput import Throughput
from bench.times import Times
from bench.usl import fit
from bench.writer import Write, Wrote

T = TypeVar("T")

PROGRAMS = {"events-fanout": 8.0, "franz-go": 4.0, "go-original": 32.0, "confluent-naive": 900.0}
SMALL = {"confluent-naive": 5_000}  # what a slow program drains


def result(name: str, data: T, command: str = "") -> Result[T]:
    """A frame around it."""
    return Result(
        name=name,
        begun="2026-11-25T15:35:09+0000",
        took_s=123.4,
        command=command or f"python -m bench {name}",
        machine=Machine(cpu="Made-up Processor", cores=2, memory_bytes=25_000_000_000, kernel="6.1"),
        versions={"events-fanout": "0.1.0", "python": "3.11.7", "confluent-kafka": "2.16.1", "librdkafka": "2.16.0",
                  "kafka": "4.3.1"},
        data=data,
    )  # fmt: skip


def drained(peer: str, events: int, cpu_us: float, per_s: float = 50_000.0) -> Turn:
    """A drain, with a supervisor and two workers. One of two events takes a second and half a second of CPU."""
    idle = events == 2
    cpu_s = 0.5 if idle else events * cpu_us / 1e6
    each = [Running(user_s=cpu_s * part, system_s=0.0, peak_bytes=80_000_000, threads=9, connections=4)
            for part in (0.1, 0.45, 0.45)]  # fmt: skip
    return Turn(
        peer=peer,
        events=events,
        cpu_s=cpu_s,
        user_s=cpu_s * 0.8,
        system_s=cpu_s * 0.2,
        wall_s=1.0 if idle else 1.0 + events / per_s,
        broker_cpu_s=events * 6e-6,
        processes=each,
    )


def compared(
    destinations: Sequence[int] = (20, 1_000), programs: dict[str, float] = PROGRAMS, turns: int = 3
) -> Comparison:
    """A comparison in which a program's CPU grows with the destinations, and each turn differs by 5 %."""
    rounds = []
    for count in destinations:
        taken = [
            [
                drained(name, SMALL.get(name, 400_000), us * (1 + count / 1_000) * (1 + 0.05 * (turn - turns // 2)))
                for name, us in programs.items()
            ]
            for turn in range(turns)
        ]
        rounds.append(Round(count, [drained(name, 2, 0.0) for name in programs], taken))
    plan = ComparePlan(destinations=list(destinations), events=400_000, turns=turns, shape=Shape(namespaces=0))
    return Comparison(plan, rounds)


def case(name: str, cpu_us: float, per_s: float = 50_000.0, *, turns: int = 3, **changed: Any) -> CaseMeasured:  # noqa: ANN401
    """A case whose turns differ by 5 %, each with 400 000 events."""
    return CaseMeasured(
        case=Case(name=name, shape=Shape(namespaces=100), **changed),
        idle=drained("events-fanout", 2, 0.0),
        turns=[
            drained("events-fanout", 400_000, cpu_us * (1 + 0.05 * (turn - turns // 2)), per_s * (1 - turn / 50))
            for turn in range(turns)
        ],
        requests_per_event=0.05,
    )


def throughput() -> Throughput:
    """Three numbers of destinations."""
    return Throughput(
        events=400_000,
        measured=[
            case("20 destinations", 8.0, 60_000),
            case("100 destinations", 9.0, 55_000),
            case("1,000 destinations", 14.0, 30_000),
        ],
    )


def sweep() -> Sweep:
    """One figure over magnitudes, two that are evenly spread or not, one that is no number."""
    swept: dict[str, tuple[str, dict[str, float]]] = {
        "destinations": ("", {"1": 7, "20": 8, "100": 9, "1000": 14, "5000": 31}),
        "linger": ("ms", {"0": 12, "1": 9, "5": 8.5, "20": 8, "100": 8}),
        "event size": ("bytes", {"1100": 9, "2200": 11, "4400": 15, "8800": 23}),
        "compression out": ("", {"none": 9, "lz4": 10, "zstd": 13}),
        "skew": ("", {"0": 9, "0.5": 8.8, "1": 8.1, "1.5": 7.5}),
    }
    return Sweep(
        events=400_000,
        series=[
            Series(
                figure=figure,
                unit=unit,
                values=list(costs),
                measured=[case(f"{figure} {value}", cost) for value, cost in costs.items()],
            )
            for figure, (unit, costs) in swept.items()
        ],
    )


def scale(most: int = 8, *, fitted: bool = True) -> Scale:
    """Throughput that grows less and less."""
    workers = list(range(1, most + 1))
    rates = [20_000 * count / (1 + 0.05 * (count - 1) + 0.005 * count * (count - 1)) for count in workers]
    measured = [
        case(f"{count} worker{'s' * (count > 1)}", 9 + 0.3 * count, rate, partitions=count)
        for count, rate in zip(workers, rates, strict=True)
    ]
    known = [(count, rate) for count, each in zip(workers, measured, strict=True) for rate in each.events_per_s()]
    law = fit([count for count, _ in known], [rate for _, rate in known], resamples=50) if fitted else None
    return Scale(events=400_000, workers=workers, measured=measured, fit=law)


def recover() -> Recover:
    """Three backlogs, and six kills of each of two partitions' workers."""
    rng = random.Random(1)
    walls_s = {minutes: [2 + minutes * (1 + turn / 10) for turn in range(3)] for minutes in (1, 10, 30)}
    return Recover(
        rate=1_000.0,
        shape=Shape(namespaces=100),
        drained=[
            Drained(minutes=minutes, events=minutes * 60_000, wall_s=wall_s) for minutes, wall_s in walls_s.items()
        ],
        killed=[
            Killed(partition=number % 2, moved_s=rng.uniform(0.5, 0.9), other_gap_s=rng.uniform(0.02, 0.06))
            for number in range(12)
        ],
    )  # fmt: skip


def _latency_turn(rate: float, median_ms: float, *, late_us: float, settle_s: float, seed: int) -> LatencyTurn:
    rng = random.Random(seed)
    count = int(rate * 20)
    took_ms = [rng.lognormvariate(0, 0.4) * median_ms for _ in range(count)]
    request = Write(first=0, count=count, rate=rate, tick_s=0.001)
    return LatencyTurn(
        watched=10,
        wrote=Wrote(request=request, start_s=0.0, ended_s=20.0, late_us=Histogram.of([late_us] * count), cpu_s=0.5),
        times=Times(
            intended_to_read_us=Histogram.of(1_000 * took for took in took_ms),
            source_to_destination_us=Histogram.of(600 * took for took in took_ms),
            append_to_append_ms=Histogram.of(0.8 * took for took in took_ms),
        ),
        missing=0,
        again=0,
        strays=0,
        overlaps=0,
        settle_s=settle_s,
        wall_s=20.0,
        cpu=Cpu(program_s=1.0, broker_s=2.0),
        taps_cpu_s=0.25,
    )


@functools.cache
def latency(*, late: str = "") -> Latency:
    """Idle and three rates, at the last of which it falls behind; the writer is late at the one named `late`."""
    steps = {"idle": (19.0, 3.0), "10 %": (200.0, 4.0), "50 %": (1_000.0, 6.0), "90 %": (1_800.0, 30.0)}
    measured = []
    for name, (rate, median_ms) in steps.items():
        turns = [
            _latency_turn(
                rate,
                median_ms * (1 + turn / 20),
                late_us=5_000.0 if name == late else 100.0,
                settle_s=2.0 if name == "90 %" else 0.2,
                seed=turn,
            )
            for turn in range(4)
        ]
        measured.append(Measured(Step(name, rate), turns[1:], turns[0]))
    steps_of = [each.step for each in measured]
    return Latency(
        LatencyPlan(setup=Setup(shape=Shape(namespaces=100)), steps=steps_of, seconds=20.0, turns=3), measured
    )


def _probe(rate: float, capacity: float, *, offered: float = 1.0) -> Probe:
    samples = [
        Sample(
            at_s=number * 0.5,
            written=int(rate * offered * number * 0.5),
            arrived=int(max(0.0, min(rate * offered, capacity) * number * 0.5 - rate * 0.01)),
            committed=int(max(0.0, min(rate * offered, capacity) * number * 0.5 - rate * 0.1)),
        )
        for number in range(41)
    ]
    count = int(rate)
    return Probe(
        rate=rate,
        verdict=judge(samples, rate, 0.2),
        samples=samples,
        cpus=[Cpu(program_s=sample.arrived * 12e-6, broker_s=sample.arrived * 20e-6) for sample in samples],
        wrote=Wrote(
            request=Write(first=0, count=count, rate=rate, tick_s=0.005),
            start_s=0.0,
            ended_s=20.0,
            late_us=Histogram.of([500.0] * 100),
            cpu_s=count * 5e-6,
        ),
        settle_s=0.3,
    )


def sustain(*, limited: bool = False) -> Sustain:
    """Three searches around 20 000 events a second; `limited`: in the last it was the writer that could do no more."""
    turns = []
    for number, rates in enumerate(((10_000, 14_700, 21_610, 21_610, 17_820, 19_620, 20_590, 20_590, 19_620),
                                    (19_620, 21_580, 21_580, 20_580, 20_580, 20_090, 20_090, 19_620),
                                    (19_620, 21_580, 21_580, 20_580, 20_580, 20_090, 20_090, 19_620))):  # fmt: skip
        writer_limit = limited and number == 2
        probes = [_probe(float(rate), 30_000.0 if writer_limit else 19_900.0,
                         offered=0.9 if writer_limit and rate > 19_900 else 1.0) for rate in rates]  # fmt: skip
        fails = min(probe.rate for probe in probes if probe.verdict.holds is not True)
        turns.append(SustainTurn(bracket=Bracket(19_620.0, fails), probes=probes))
    plan = SustainPlan(setup=Setup(shape=Shape(namespaces=100)), seconds=20.0, turns=3, first=10_000.0)
    return Sustain(plan=plan, turns=turns, missing=0)


def check() -> Check:
    """A drain that took a fifth more CPU than was predicted."""
    predicted, measured = Prediction(10.0, 50_000.0, 20.0), Prediction(12.0, 49_000.0, 20.5)
    return Check(
        events=400_000,
        predicted=predicted,
        measured=measured,
        deviations=deviations(predicted, measured),
        holds=False,
        words=["The model does not hold here."],
        rests_on=["throughput-1.json", "compare-1.json"],
        machine="a made-up machine",
        raw=case("316 destinations", 12.0),
    )


def soak() -> Soak:
    """A quarter of an hour in which one of two processes grows."""
    steady = Growth(100e6, 101e6, 5e6)
    few = Growth(20, 20, 2)
    return Soak(
        minutes=15,
        rate=1_000,
        written=900_000,
        arrived=900_012,
        kills=7,
        samples={},
        trends={
            "supervisor": Trend(600, steady, few, few),
            "worker 1": Trend(600, Growth(100e6, 150e6, 5e6), few, few),
        },
        failed=["worker 1: rss grows"],
    )
