import asyncio

import pytest

from fanout.supervisor.certainty import HEARTBEAT_S, Certainty


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def doubting(clock: Clock) -> Certainty:
    certainty = Certainty(10.0, clock)
    clock.now += 60
    assert certainty.tick() == 60
    assert not certainty.certain
    return certainty


def test_ticks_within_the_lease_keep_certainty(clock: Clock) -> None:
    certainty = Certainty(10.0, clock)
    for _ in range(100):
        clock.now += 10.0
        assert certainty.tick() == 10.0
    assert certainty.certain


def test_a_gap_longer_than_the_lease_ends_certainty_until_the_group_confirms(clock: Clock) -> None:
    certainty = doubting(clock)
    clock.now += 1
    certainty.tick()
    assert not certainty.certain
    certainty.confirm(certainty.doubt)
    assert certainty.certain
    assert certainty.doubt == 0


def test_with_nothing_to_commit_a_heartbeat_without_bad_news_has_to_do(clock: Clock) -> None:
    certainty = doubting(clock)
    clock.now += HEARTBEAT_S
    certainty.presume(anything_to_commit=False)
    assert not certainty.certain
    clock.now += 0.1
    certainty.presume(anything_to_commit=True)
    assert not certainty.certain
    certainty.presume(anything_to_commit=False)
    assert certainty.certain


def test_a_second_gap_begins_the_wait_anew(clock: Clock) -> None:
    certainty = doubting(clock)
    clock.now += 60
    certainty.tick()
    clock.now += 1
    certainty.presume(anything_to_commit=False)
    assert not certainty.certain


def test_what_confirms_an_older_doubt_says_nothing_of_a_later_one(clock: Clock) -> None:
    certainty = doubting(clock)
    older = certainty.doubt
    clock.now += 60
    certainty.tick()
    certainty.confirm(older)
    assert not certainty.certain
    certainty.confirm(certainty.doubt)
    assert certainty.certain


def test_who_waits_goes_on_when_the_group_confirms(clock: Clock) -> None:
    async def scenario() -> None:
        certainty = doubting(clock)
        waiting = asyncio.create_task(certainty.wait())
        await asyncio.sleep(0)
        assert not waiting.done()
        certainty.confirm(certainty.doubt)
        await asyncio.wait_for(waiting, 5)

    asyncio.run(scenario())
