"""What is read off a fault run: recovery times and the bound of duplicates, from made-up arrivals and commits."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bench.chaos.faults.base import Done
from bench.chaos.plan import Step
from bench.chaos.recovery import TOLD_S, duplicates_max, recovery_s
from bench.chaos.stage import INFLIGHT_RECORDS, LEASE_S, Stage
from bench.checker import Arrival, Sample, Sent
from bench.stamp import Place


def record(sequence: int, partition: int = 0) -> Sent:
    return Sent(Place(partition, sequence), "a", "", 0, sequence)


def arrival(at: float, sequence: int, partition: int = 0, topic: str = "t.a", generation: int = 0) -> Arrival:
    return Arrival(topic, generation, sequence, at, Place(partition, sequence), True, "", None)


def stage(
    arrivals: list[Arrival],
    *,
    workers: list[dict[str, Any]] | None = None,
    samples: list[Sample] | None = None,
    steps: list[Step] | None = None,
    partitions: int = 1,
) -> Stage:
    """What the functions look at of a stage, and nothing else."""
    program = SimpleNamespace(lines=lambda _: workers or [])
    made = SimpleNamespace(
        tap=SimpleNamespace(arrivals=arrivals, generation=lambda _: 1),
        traffic=SimpleNamespace(partitions=partitions, ledger=lambda: [record(n) for n in range(1_000)]),
        programs=[program],
        watch=SimpleNamespace(samples=samples or []),
        plan=SimpleNamespace(steps=steps or []),
        generation=0,
        written_twice=0,
    )
    return cast("Stage", made)


def started(at: float, *partitions: int) -> dict[str, Any]:
    return {"at": at, "partitions": list(partitions)}


def test_recovery_ends_with_the_first_new_record_after_the_fault() -> None:
    arrivals = [arrival(1.0, 0), arrival(5.5, 1), arrival(6.0, 2)]
    assert recovery_s(stage(arrivals), 4.0, Done("", 5.0)) == pytest.approx(0.5)


def test_what_comes_again_shows_no_recovery() -> None:
    arrivals = [arrival(1.0, 0), arrival(5.5, 0), arrival(6.0, 1)]
    assert recovery_s(stage(arrivals), 4.0, Done("", 5.0)) == pytest.approx(1.0)


def test_after_a_death_only_what_a_new_worker_can_have_sent_counts() -> None:
    arrivals = [arrival(1.0, 0), arrival(5.1, 1), arrival(5.8, 2)]
    done = Done("", 5.0, frozenset({0}), replaced=True)
    assert recovery_s(stage(arrivals, workers=[started(0.5, 0), started(5.3, 0)]), 5.0, done) == pytest.approx(0.8)
    assert recovery_s(stage(arrivals, workers=[started(0.5, 0), started(5.3, 1)]), 5.0, done) is None


def test_all_that_was_struck_has_to_move_again() -> None:
    arrivals = [arrival(5.2, 0), arrival(7.0, 0, partition=1)]
    assert recovery_s(stage(arrivals, partitions=2), 4.0, Done("", 5.0)) == pytest.approx(2.0)
    assert recovery_s(stage(arrivals, partitions=3), 4.0, Done("", 5.0)) is None
    assert recovery_s(stage(arrivals, partitions=3), 4.0, Done("", 5.0, frozenset({0}))) == pytest.approx(0.2)


def test_a_deleted_destination_recovers_with_the_first_record_in_its_successor() -> None:
    arrivals = [arrival(5.1, 0), arrival(5.2, 1, topic="t.b"), arrival(6.0, 2, generation=1)]
    assert recovery_s(stage(arrivals), 4.0, Done("", 5.0, topic="t.a")) == pytest.approx(1.0)
    assert recovery_s(stage(arrivals[:2]), 4.0, Done("", 5.0, topic="t.a")) is None


def test_a_start_may_repeat_what_was_delivered_above_the_commit_and_what_was_in_flight() -> None:
    arrivals = [arrival(number / 10, number) for number in range(100)]
    samples = [Sample(2.0, 0, {0: 10}, {}), Sample(4.0, 0, {0: 30}, {})]
    one = stage(arrivals, workers=[started(5.01, 0)], samples=samples)
    assert duplicates_max(one, 1.0, 20.0) == 51 - 30 + INFLIGHT_RECORDS
    assert duplicates_max(stage(arrivals, samples=samples), 1.0, 20.0) == 0
    assert duplicates_max(stage(arrivals, workers=[started(0.5, 0)], samples=samples), 1.0, 20.0) == 0


@pytest.mark.parametrize("kind", ["supervisor-stopped", "broker-killed", "network-hangs"])
def test_a_supervisor_that_hangs_or_is_cut_off_leaves_its_workers_their_lease(kind: str) -> None:
    arrivals = [arrival(number / 10, number) for number in range(100)]
    samples = [Sample(4.0, 0, {0: 30}, {})]
    hanging = [Step(4.0, kind, 0)]
    one = stage(arrivals, workers=[started(5.01, 0)], samples=samples, steps=hanging)
    assert duplicates_max(one, 1.0, 20.0) == 51 - 30 + (LEASE_S + TOLD_S) * 10 + INFLIGHT_RECORDS
