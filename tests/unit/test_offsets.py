import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanout.worker.offsets import Tracker, Window


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3)), min_size=1, max_size=12), st.randoms())
def test_only_the_contiguous_prefix_is_committable_whatever_the_order_of_acknowledgements(
    rounds: list[tuple[int, int]], rng: random.Random
) -> None:
    tracker = Tracker()
    windows: list[Window] = []
    gives: list[int] = []
    offset = 100
    for index, (records, more) in enumerate(rounds):
        offset += records
        window = tracker.open(offset, records, records * 10)
        for _ in range(more):
            window.take()
        windows.append(window)
        gives += [index] * (more + 1)
    rng.shuffle(gives)
    open_tickets = [more + 1 for _, more in rounds]
    for index in gives:
        windows[index].give()
        open_tickets[index] -= 1
        done = next((i for i, tickets in enumerate(open_tickets) if tickets), len(rounds))
        assert tracker.committable() == (windows[done - 1].next_offset if done else None)
        assert tracker.records == sum(records for records, _ in rounds[done:])
        assert tracker.nbytes == tracker.records * 10
    assert tracker.committable() == offset


def test_a_window_is_done_when_its_last_ticket_is_given_back() -> None:
    window = Window(8, 3, 30)
    window.take()
    window.give()
    assert not window.done
    window.give()
    assert window.done


def test_a_window_that_is_done_is_neither_opened_nor_acknowledged_again() -> None:
    window = Window(8, 3, 30)
    window.give()
    with pytest.raises(RuntimeError, match="opened again"):
        window.take()
    with pytest.raises(RuntimeError, match="more often"):
        window.give()


def test_windows_are_opened_in_source_order_only() -> None:
    tracker = Tracker()
    tracker.open(10, 1, 1)
    with pytest.raises(RuntimeError, match="source order"):
        tracker.open(10, 1, 1)


def test_what_was_committable_stays_so_while_later_windows_are_open() -> None:
    tracker = Tracker()
    tracker.open(10, 1, 1).give()
    assert tracker.committable() == 10
    tracker.open(20, 1, 1)
    assert tracker.committable() == 10


def test_a_beginning_is_committable_before_anything_is_read_and_does_not_hide_what_comes() -> None:
    tracker = Tracker(30)
    assert tracker.idle
    assert tracker.committable() == 30
    window = tracker.open(40, 10, 1_000)
    assert tracker.committable() == 30
    window.give()
    assert tracker.committable() == 40
    assert Tracker().committable() is None


def test_a_window_is_told_of_once_when_it_is_done_whatever_is_before_it() -> None:
    tracker = Tracker()
    first, second = tracker.open(10, 1, 1), tracker.open(20, 1, 1)
    second.give()
    assert tracker.take_settled() == [second]
    assert tracker.committable() is None
    first.give()
    assert tracker.take_settled() == [first]
    assert tracker.take_settled() == []
