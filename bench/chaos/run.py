"""One fault run, from its plan to its verdict."""

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import msgspec
from confluent_kafka import KafkaException, TopicPartition

from bench.chaos.evidence import leave
from bench.chaos.faults import FAULTS, Done
from bench.chaos.ground import Ground
from bench.chaos.plan import CLEAN, Plan, Step
from bench.chaos.recovery import duplicates_max, recovery_s
from bench.chaos.stage import Stage
from bench.checker import Findings, Terms, judge
from bench.offsets import GroupReader, offsets_of, spans
from bench.program import ROOT

CATCH_UP_S = 90.0  # above the longest pause between two starts of a worker that dies again and again
READ_S = 30.0
ENDS_LAG_S = 1.0  # twice what a follower waits in a fetch
EXITS = {0, 4}  # as told, or with records that were not known to be delivered (a broker was away)
SILENT = "worker is silent: its stacks follow, then it is replaced"  # in the log of a supervisor
TOO_EARLY = -15  # SIGTERM before the program had begun anything

Tell = Callable[[str], None]


class Fault(msgspec.Struct, kw_only=True):
    """One fault that was done, and how long it took until what it struck moved again."""

    kind: str
    detail: str
    began_s: float  # from the start of the load
    healed_s: float
    recovery_s: float | None  # None: it was not seen to recover before the end
    alone: bool  # no other fault was under way until it had recovered


class Result(msgspec.Struct, kw_only=True):
    """One run. `failed` says in words what was not as it should be; empty is a run without fault of ours."""

    plan: Plan
    findings: Findings
    faults: list[Fault]
    exits: list[int]
    seconds: float
    failed: list[str]


class _Doing(msgspec.Struct):
    step: Step
    began: float
    done: Done | None = None
    ended: float = 0.0
    problem: str = ""


def run(plan: Plan, ground: Ground, name: str, tell: Tell) -> Result:
    """Do one run on this cluster, with topics that begin with `name`. Blocks for the plan's time and some seconds."""
    stage = Stage(plan, ground, name)
    begun = time.monotonic()
    failed: list[str] = []
    with stage.running():
        started = time.monotonic()
        doings = _strike(stage, started, tell)
        tell("waits until all is delivered")
        stage.traffic.stop()
        stuck = _settle(stage)
        if stuck:
            failed.append(stuck)
        ended = time.monotonic()
        failed += _end(stage)
    findings = judge(
        stage.traffic.ledger(),
        stage.tap.arrivals,
        stage.watch.samples,
        Terms(
            topic_of=stage.topic_of,
            dead_letters=stage.dead_letters,
            duplicates_max=0 if _is_clean(plan) else duplicates_max(stage, started, ended),
            may_be_missing=lambda record: any(excuse.covers(record) for excuse in stage.deleted),
            may_expire=lambda record: any(excuse.covers(record) for excuse in stage.expired),
            settled_at=stage.settled_at,
            refused=frozenset(stage.refused),
            ends_lag_s=ENDS_LAG_S if plan.nodes > 1 else 0.0,
        ),
    )
    failed += [f"{what}: {getattr(findings, what)}" for what in findings.broken()]
    failed += [doing.problem for doing in doings if doing.problem]
    if failed:
        failed.append(f"all that was seen is in {leave(stage, findings, failed, started).relative_to(ROOT)}")
    stage.delete_all_topics()
    return Result(
        plan=plan,
        findings=findings,
        faults=_faults(stage, doings, started),
        exits=[exit_.code for exit_ in stage.exits],
        seconds=time.monotonic() - begun,
        failed=failed,
    )


def _is_clean(plan: Plan) -> bool:
    """Whether nothing happens but clean stops and joins, which make no duplicates."""
    return all(step.kind in CLEAN for step in plan.steps)


def _strike(stage: Stage, started: float, tell: Tell) -> list[_Doing]:
    """Do the plan's faults at their times, each in a thread of its own; return when all are over and the time is up."""
    plan = stage.plan
    doings: list[_Doing] = []
    futures: list[Future[None]] = []
    with ThreadPoolExecutor(thread_name_prefix="fault") as pool:
        changes: list[tuple[float, float | Step]] = [
            (plan.seconds * number / len(plan.rates), rate) for number, rate in enumerate(plan.rates)
        ]
        changes += [(step.at_s, step) for step in plan.steps]
        for at_s, do in sorted(changes, key=lambda change: change[0]):
            _sleep_until(started + at_s)
            if isinstance(do, Step):
                tell(f"at {at_s:.1f} s {do.kind}")
                doing = _Doing(do, time.monotonic())
                doings.append(doing)
                futures.append(pool.submit(_do, stage, doing))
            else:
                stage.traffic.rate = do
        _sleep_until(started + plan.seconds)
    for future in futures:
        future.result()
    return doings


def _do(stage: Stage, doing: _Doing) -> None:
    try:
        doing.done = FAULTS[doing.step.kind](stage, random.Random(doing.step.seed))
    except (KafkaException, TimeoutError) as error:
        doing.problem = f"{doing.step.kind} could not be done: {error}"
    doing.ended = time.monotonic()


def _sleep_until(at: float) -> None:
    threading.Event().wait(max(0.0, at - time.monotonic()))


def _settle(stage: Stage) -> str:
    """Heal everything, and wait until all is committed; what is not, in words."""
    for proxy in stage.proxies:
        proxy.clear()
    if not stage.replicas():
        stage.start_replica()
    deadline = time.monotonic() + CATCH_UP_S
    with GroupReader(stage.bootstrap, stage.group) as group:
        while behind := _behind(stage, group):
            if time.monotonic() > deadline:
                tails = [line for program in stage.replicas() for line in program.tail(8)]
                return f"stuck: {behind} after {CATCH_UP_S:g} s; " + " | ".join(tails)
            time.sleep(0.05)
    return ""


def _behind(stage: Stage, group: GroupReader) -> str:
    """What is not committed, in words; also that the cluster does not tell, as one may that was just struck."""
    try:
        lag = _lag(stage, group)
    except KafkaException as error:
        return f"not told ({error})"
    return f"{lag} records not committed" if lag else ""


def _lag(stage: Stage, group: GroupReader) -> dict[int, int]:
    """Records that are not committed, by partition, where there are any."""
    partitions = range(stage.traffic.partitions)
    committed = group.committed(stage.source, partitions)
    ends = offsets_of(stage.admin(), [TopicPartition(stage.source, partition) for partition in partitions], READ_S)
    behind = {partition: end - committed.get(partition, 0) for (_, partition), end in ends.items()}
    return {partition: records for partition, records in behind.items() if records}


def _end(stage: Stage) -> list[str]:
    """Stop all replicas, and read what is left; what was not as it should be."""
    failed = []
    while (program := stage.take_replica(random.Random(0))) is not None:
        stage.terminate(program)
        if stage.exits[-1].code != 0:
            failed.append(f"a replica with nothing to do exited with {stage.exits[-1].code}")
    ends = [exit_ for exit_ in stage.exits if not (exit_.code == TOO_EARLY and not exit_.begun)]
    strange = [exit_ for exit_ in ends if exit_.code not in EXITS or (exit_.code and _is_clean(stage.plan))]
    failed += [f"exit code {exit_.code}: " + " | ".join(exit_.last_words) for exit_ in strange]
    if not any(step.kind == "worker-out-of-memory" for step in stage.plan.steps):
        # One that was silent for too long on a busy machine was made to show its stacks: that is no fault of its own.
        sound = [program for program in stage.programs if not program.lines(SILENT)]
        failed += [line for program in sound for line in program.broken()][:20]
    there = stage.topics()
    highs = {topic: span.high for (topic, _), span in spans(stage.admin(), there).items()}
    deadline = time.monotonic() + READ_S
    while missing := stage.tap.missing(highs):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the tap has not read all: {missing}")
        time.sleep(0.02)
    return failed


def _faults(stage: Stage, doings: list[_Doing], started: float) -> list[Fault]:
    found = []
    for doing in doings:
        if doing.done is None:
            continue
        took = recovery_s(stage, doing.began, doing.done)
        over = doing.ended if took is None else max(doing.ended, doing.done.healed + took)
        others = [other for other in doings if other is not doing and other.done is not None]
        found.append(
            Fault(
                kind=doing.step.kind,
                detail=doing.done.detail,
                began_s=round(doing.began - started, 3),
                healed_s=round(doing.done.healed - started, 3),
                recovery_s=None if took is None else round(took, 3),
                # A fault leaves something behind: a group that rebalances, a broker that is warming up.
                alone=not any(other.began < over and doing.began < other.ended + 1.5 for other in others),
            )
        )
    return found
