"""The offset tracker against a list of records, each acknowledged or not."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from fanout.worker.offsets import Tracker, Window
from tests.models.profile import examples


class OffsetsMachine(RuleBasedStateMachine):
    """Windows are opened, and their tickets taken and given back in any order."""

    windows = Bundle("windows")

    def __init__(self) -> None:
        super().__init__()
        self.tracker = Tracker()
        self.end = 0
        self.told = 0
        self.records: dict[int, Window] = {}  # offset -> what it was read with; offsets may be missing (compaction)
        self.nbytes: dict[Window, int] = {}
        self.tickets: dict[Window, int] = {}

    @rule(target=windows, gap=st.integers(0, 3), count=st.integers(0, 3), nbytes=st.integers(0, 9))
    def open(self, gap: int, count: int, nbytes: int) -> Window:
        first = self.end + gap
        self.end = max(first + count, self.end + 1)  # the mark of a gap is a window without records
        window = self.tracker.open(self.end, count, nbytes)
        self.records |= dict.fromkeys(range(first, first + count), window)
        self.nbytes[window] = nbytes
        self.tickets[window] = 1
        return window

    @rule(back=st.integers(0, 5))
    def open_out_of_order(self, back: int) -> None:
        if not self.tracker.idle:
            with pytest.raises(RuntimeError):
                self.tracker.open(self.end - back, 1, 1)

    @rule(window=windows)
    def take(self, window: Window) -> None:
        if self.tickets[window]:
            window.take()
            self.tickets[window] += 1
        else:
            with pytest.raises(RuntimeError):
                window.take()

    @rule(window=windows)
    def give(self, window: Window) -> None:
        if self.tickets[window]:
            window.give()
            self.tickets[window] -= 1
        else:
            with pytest.raises(RuntimeError):
                window.give()

    @invariant()
    def what_is_told_is_the_longest_prefix(self) -> None:
        committable = self.tracker.committable()
        undone = [window for window, tickets in self.tickets.items() if tickets]
        unacknowledged = [offset for offset, window in self.records.items() if self.tickets[window]]
        assert committable is None or all(offset >= committable for offset in unacknowledged)
        done_before = [w for w in self.tickets if not undone or w.next_offset < undone[0].next_offset]
        assert (committable or 0) == max((w.next_offset for w in done_before), default=0)
        assert (committable or 0) >= self.told
        self.told = committable or 0
        assert self.tracker.idle == (not undone)
        waiting = [window for window in self.tickets if window not in done_before]
        assert self.tracker.nbytes == sum(self.nbytes[window] for window in waiting)
        assert self.tracker.records == sum(window in waiting for window in self.records.values())


OffsetsMachine.TestCase.settings = examples(60, 40)
TestOffsets = OffsetsMachine.TestCase
