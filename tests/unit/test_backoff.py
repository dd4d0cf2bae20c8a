import random

from fanout.supervisor.backoff import FIRST_S, HEALTHY_S, MAX_S, Backoff, Ending


def backoff(crashes_max: int = 10) -> Backoff:
    return Backoff(crashes_max, random.Random(1))


def crash(policy: Backoff, *, progress: bool = False, lived_s: float = 1.0) -> float:
    return policy.after(Ending.CRASHED, progress=progress, lived_s=lived_s)


def test_the_first_restart_is_at_once_and_the_next_ones_wait_longer_and_longer() -> None:
    policy = backoff(100)
    delays = [crash(policy) for _ in range(12)]
    assert delays[0] == 0.0
    for number, delay in enumerate(delays[1:], 1):
        full = min(MAX_S, FIRST_S * 2**number)
        assert full / 2 <= delay <= full
    assert len(set(delays[-4:])) == 4, "jitter tells workers apart"


def test_a_worker_that_delivered_something_is_restarted_at_once_however_often_it_crashes() -> None:
    policy = backoff(3)
    assert [crash(policy, progress=True) for _ in range(20)] == [0.0] * 20
    assert not policy.exhausted


def test_a_worker_that_lived_long_has_got_somewhere() -> None:
    policy = backoff(3)
    crash(policy)
    crash(policy)
    assert crash(policy, lived_s=HEALTHY_S) == 0.0
    assert not policy.exhausted


def test_the_crash_budget_is_used_up_by_crashes_in_a_row_without_progress() -> None:
    policy = backoff(3)
    crash(policy)
    crash(policy)
    assert not policy.exhausted
    crash(policy)
    assert policy.exhausted


def test_a_worker_that_tells_why_it_stops_waits_from_the_first_time_and_uses_up_no_budget() -> None:
    policy = backoff(3)
    delays = [policy.after(Ending.FAILED, progress=True, lived_s=1.0) for _ in range(20)]
    assert FIRST_S / 2 <= delays[0] <= FIRST_S
    assert delays[-1] >= MAX_S / 2
    assert not policy.exhausted


def test_a_worker_that_was_told_to_stop_costs_nothing() -> None:
    policy = backoff()
    assert policy.after(Ending.STOPPED, progress=False, lived_s=0.0) == 0.0
    assert crash(policy) == 0.0
