"""Many fault runs, side by side in several processes, each with a cluster of its own that serves some runs."""

import contextlib
import multiprocessing
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

import msgspec

from bench.chaos.plan import Plan
from bench.chaos.run import Result, run
from bench.chaos.stage import broker

RUNS_A_CLUSTER = 12


class Broken(msgspec.Struct, kw_only=True):
    """A run that came to no verdict: the fault is the run's, or it is not known whose."""

    plan: Plan
    problem: str


Outcome = Result | Broken


def run_all(plans: Sequence[Plan], jobs: int, tell: Callable[[Outcome], None]) -> list[Outcome]:
    """Do all of them, `jobs` at a time; each is told when it is over. In the order of the plans."""
    outcomes: dict[int, Outcome] = {}
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        futures = [pool.submit(_batch, batch) for batch in _batches(plans)]
        for future in as_completed(futures):
            for outcome in future.result():
                outcomes[outcome.plan.seed] = outcome
                tell(outcome)
    return [outcomes[plan.seed] for plan in plans]


def _batches(plans: Sequence[Plan]) -> Iterator[list[Plan]]:
    """Runs that share a cluster: of as many nodes, and not too many, for a cluster remembers what was deleted."""
    for nodes in sorted({plan.nodes for plan in plans}):
        alike = [plan for plan in plans if plan.nodes == nodes]
        for first in range(0, len(alike), RUNS_A_CLUSTER):
            yield alike[first : first + RUNS_A_CLUSTER]


def _batch(plans: Sequence[Plan]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    remaining = list(plans)
    while remaining:
        with contextlib.ExitStack() as stack:
            kafka, proxies = stack.enter_context(broker(remaining[0].nodes))
            while remaining:
                plan = remaining.pop(0)
                try:
                    outcomes.append(run(plan, kafka, proxies, f"run{plan.seed}", lambda _: None))
                except Exception:  # noqa: BLE001 - told as it is; the others go on, on another cluster
                    outcomes.append(Broken(plan=plan, problem=traceback.format_exc()))
                    break
    return outcomes
