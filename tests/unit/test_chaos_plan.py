"""Plans of fault runs: a seed is a plan, and over many seeds every kind of fault is done."""

import pytest

from bench.chaos.faults import FAULTS
from bench.chaos.plan import CLEAN, KINDS, MOCK, QUIET_END_S, QUIET_START_S, THEMES, plan_of

SECONDS = 30.0


@pytest.mark.parametrize("seed", range(20))
def test_a_seed_is_a_plan(seed: int) -> None:
    assert plan_of(seed, SECONDS) == plan_of(seed, SECONDS)
    assert plan_of(seed, SECONDS) != plan_of(seed + len(THEMES), SECONDS)


def test_there_is_a_fault_for_each_kind_and_none_besides() -> None:
    assert set(KINDS) == set(FAULTS)


def test_seeds_take_the_themes_in_turn() -> None:
    assert [plan_of(seed, SECONDS).theme for seed in range(len(THEMES))] == list(THEMES)


def test_two_hundred_runs_do_every_kind_of_fault_in_either_protocol_on_one_node_on_three_and_on_the_mock() -> None:
    plans = [plan_of(seed, SECONDS) for seed in range(200)]
    assert {step.kind for plan in plans for step in plan.steps} == set(KINDS)
    assert {plan.protocol for plan in plans} == {"classic", "consumer"}
    assert {plan.nodes for plan in plans} == {MOCK, 1, 3}
    assert {plan.replicas for plan in plans} == {1, 2, 3}


@pytest.mark.parametrize("seed", range(40))
def test_faults_leave_time_to_begin_and_to_recover(seed: int) -> None:
    plan = plan_of(seed, SECONDS)
    times = [step.at_s for step in plan.steps]
    assert plan.steps
    assert times == sorted(times)
    assert times[0] >= QUIET_START_S
    assert times[-1] <= SECONDS - QUIET_END_S
    assert {step.kind for step in plan.steps} <= set(THEMES[plan.theme])


@pytest.mark.parametrize("seed", range(10))
def test_a_theme_can_be_asked_for(seed: int) -> None:
    plan = plan_of(seed, SECONDS, "clean")
    assert plan.theme == "clean"
    assert {step.kind for step in plan.steps} <= set(CLEAN)
