"""Many fault runs, side by side in several processes, each with a cluster of its own that serves some runs."""

import contextlib
import multiprocessing
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import msgspec

from bench.chaos.ground import ground
from bench.chaos.plan import Plan
from bench.chaos.run import Result, run

RUNS_A_CLUSTER = 12
LOOK_EVERY_S = 0.2


class Broken(msgspec.Struct, kw_only=True):
    """A run that came to no verdict: the fault is the run's, or it is not known whose."""

    plan: Plan
    problem: str


Outcome = Result | Broken


class Step(msgspec.Struct):
    """Where a run has got to."""

    seed: int
    doing: str


_told: "multiprocessing.SimpleQueue[Outcome | Step]"


def run_all(
    plans: Sequence[Plan], jobs: int, tell: Callable[[Outcome], None], tell_step: Callable[[Step], None]
) -> list[Outcome]:
    """Do all of them, `jobs` at a time; each step and each end is told when it comes. In the order of the plans."""
    outcomes: dict[int, Outcome] = {}
    context = multiprocessing.get_context("spawn")
    told: multiprocessing.SimpleQueue[Outcome | Step] = context.SimpleQueue()
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_tell_by, initargs=(told,)) as pool:
        futures = [pool.submit(_batch, batch) for batch in _batches(plans)]
        try:
            while len(outcomes) < len(plans):
                if not told.empty():
                    news = told.get()
                    if isinstance(news, Step):
                        tell_step(news)
                    else:
                        outcomes[news.plan.seed] = news
                        tell(news)
                elif any(future.done() and future.exception() for future in futures):
                    break
                else:
                    time.sleep(LOOK_EVERY_S)
            for future in futures:
                future.result()
        except KeyboardInterrupt:
            # Their clusters and programs end with them; else the pool would wait for all that is still to be done.
            for process in multiprocessing.active_children():
                process.terminate()
            raise
    return [outcomes[plan.seed] for plan in plans]


def _tell_by(queue: "multiprocessing.SimpleQueue[Outcome | Step]") -> None:
    global _told  # noqa: PLW0603 - how an initializer of a pool hands something to its process
    _told = queue


def _tell_step(seed: int, doing: str) -> None:
    _told.put(Step(seed, doing))


def _batches(plans: Sequence[Plan]) -> Iterator[list[Plan]]:
    """Runs that share a cluster: of as many nodes, and not too many, for a cluster remembers what was deleted."""
    for nodes in sorted({plan.nodes for plan in plans}):
        alike = [plan for plan in plans if plan.nodes == nodes]
        for first in range(0, len(alike), RUNS_A_CLUSTER):
            yield alike[first : first + RUNS_A_CLUSTER]


def _batch(plans: Sequence[Plan]) -> None:
    remaining = list(plans)
    while remaining:
        with contextlib.ExitStack() as stack:
            cluster = stack.enter_context(ground(remaining[0].nodes))
            while remaining:
                plan = remaining.pop(0)
                try:
                    _told.put(run(plan, cluster, f"run{plan.seed}", partial(_tell_step, plan.seed)))
                except Exception:  # noqa: BLE001 - told as it is; the others go on, on another cluster
                    _told.put(Broken(plan=plan, problem=traceback.format_exc()))
                    break
