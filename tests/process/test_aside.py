"""A process of its own that does what it is asked."""

import os
import signal
import time
from multiprocessing import resource_tracker

import pytest

from bench.aside import Aside, AsideError, Waiting, Worker

DEADLINE_S = 30.0


@pytest.fixture(scope="module", autouse=True)
def tracker() -> None:
    """Python's own helper of all processes that it spawns stays to the end: it is there before a test begins."""
    resource_tracker.ensure_running()


class Counter(Worker[int, int]):
    """Answers with the sum of all that it was asked; asked for 0 it works until the next is there."""

    def __init__(self, start: int) -> None:
        self._sum = start
        if start < 0:
            raise ValueError("below nothing")

    def serve(self, request: int, waiting: Waiting) -> int:
        if request < 0:
            raise ValueError(f"{request} is no number to count")
        if request == 0:
            deadline = time.monotonic() + DEADLINE_S
            while not waiting():
                assert time.monotonic() < deadline
                self._sum += 1
        self._sum += request
        return self._sum


class Pid(Worker[None, int]):
    def serve(self, request: None, waiting: Waiting) -> int:
        return os.getpid()


def test_it_answers_one_request_after_the_other() -> None:
    with Aside("counter", Counter, 10) as aside:
        for number in (1, 2, 3):
            aside.begin(number)
        assert [aside.answer(DEADLINE_S) for _ in range(3)] == [11, 13, 16]
        assert not aside.answered(0.0)


def test_it_can_work_until_the_next_request_is_there() -> None:
    with Aside("counter", Counter, 0) as aside:
        aside.begin(0)
        assert not aside.answered(0.2)
        aside.begin(1_000_000)
        worked = aside.answer(DEADLINE_S)
        assert worked > 1
        assert aside.answer(DEADLINE_S) == worked + 1_000_000


def test_what_fails_there_is_raised_here() -> None:
    with Aside("counter", Counter, 0) as aside:
        with pytest.raises(AsideError, match=r"the counter failed:[\s\S]*-1 is no number to count"):
            aside.ask(-1, DEADLINE_S)
        with pytest.raises((AsideError, OSError)):
            aside.ask(1, DEADLINE_S)


def test_one_that_cannot_begin_says_why() -> None:
    with pytest.raises(AsideError, match="below nothing"), Aside("counter", Counter, -1):
        pass


def test_one_that_was_killed_is_noticed_and_not_waited_for() -> None:
    with Aside("pid", Pid) as aside:
        os.kill(aside.ask(None, DEADLINE_S), signal.SIGKILL)
        with pytest.raises((AsideError, OSError)):
            aside.ask(None, DEADLINE_S)


def test_one_that_does_not_answer_is_waited_for_no_longer_than_was_said() -> None:
    with pytest.raises(TimeoutError, match="no answer from the counter"), Aside("counter", Counter, 0) as aside:
        aside.ask(0, 0.1)
