"""A member that its group does not answer: its workers read nothing new, and in the end another takes its seat."""

import asyncio
import io
from collections.abc import Iterator
from itertools import repeat

import pytest

from fanout import log
from fanout.supervisor.lifeline import LOOK_S, STUCK_S, Lifeline

LEASE_S = 10.0


class EndedError(Exception):
    """The test has seen enough."""


class Seat:
    """What the group's silence is by now, and what was done about it."""

    def __init__(self, *silences: float) -> None:
        self._silences: Iterator[float] = iter(silences)
        self._silence = 0.0
        self.broker = ""
        self.has_brokers: Iterator[bool] = repeat(True)
        self.exchanges = 0
        self.problem = ""
        self.read: list[bool] = []
        self.lifeline = Lifeline(LEASE_S, self, self._objection, self._sleep)

    async def _sleep(self, seconds: float) -> None:
        assert seconds == LOOK_S
        self.read.append(self.lifeline.holds)
        silence = next(self._silences, None)
        if silence is None:
            raise EndedError
        self._silence = silence

    async def _objection(self) -> str:
        return self.broker

    def unserved_s(self) -> float:
        return self._silence

    async def has_broker(self) -> bool:
        return next(self.has_brokers)

    async def exchange(self) -> str:
        self.exchanges += 1
        return self.problem

    def look(self) -> None:
        with pytest.raises(EndedError):
            asyncio.run(self.lifeline.run())


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    log.configure("info", "json")
    return stream


def test_workers_read_while_the_group_has_answered_within_the_lease(logged: io.StringIO) -> None:
    seat = Seat(0.0, LEASE_S - 1, LEASE_S + 1, LEASE_S + 2, 0.0)
    seat.look()
    assert seat.read == [True, True, True, False, False, True]
    told = [line for line in logged.getvalue().splitlines() if "the group" in line]
    assert len(told) == 2, "once when it falls silent, once when it answers again"
    assert seat.exchanges == 0


def test_a_member_that_is_not_answered_while_the_broker_serves_others_is_exchanged() -> None:
    seat = Seat(STUCK_S - 1, STUCK_S + 1, 0.0)
    seat.look()
    assert seat.exchanges == 1


def test_while_the_broker_is_away_the_member_stays() -> None:
    seat = Seat(*[STUCK_S + number for number in range(100)])
    seat.broker = "no answer"
    seat.look()
    assert seat.exchanges == 0


def test_where_no_other_member_can_connect_it_is_tried_again() -> None:
    seat = Seat(STUCK_S + 1, STUCK_S + 2, 0.0)
    seat.problem = "no coordinator"
    seat.look()
    assert seat.exchanges == 2


def test_a_member_whose_client_knows_no_broker_is_exchanged_once_cut_off() -> None:
    seat = Seat(LEASE_S - 1, LEASE_S + 1, 0.0)
    seat.has_brokers = repeat(False)
    seat.look()
    assert seat.exchanges == 1


def test_a_member_that_has_just_found_its_broker_again_stays() -> None:
    seat = Seat(LEASE_S + 1, 0.0)
    seat.has_brokers = iter([False, True])
    seat.look()
    assert seat.exchanges == 0


def test_while_the_broker_is_away_a_client_without_one_is_nothing_strange() -> None:
    seat = Seat(LEASE_S + 1, LEASE_S + 2)
    seat.has_brokers = repeat(False)
    seat.broker = "no answer"
    seat.look()
    assert seat.exchanges == 0
