"""The schedule of a load: when each record is meant to be written, whatever becomes of the others."""

import math


class Schedule:
    """Record `n` (from 0) is due at `start_s + n / rate`, in seconds of the monotonic clock; `rate` is a second's.

    It is an open loop: when a record is written is decided by the clock alone, and not by when the one before was
    taken. Who measures from `at` counts the time for which the writer itself was held up, too. A load that only has to
    go on may forgive: what was missed for longer than `made_up_s` is never written, and all later records are due
    that much later.
    """

    def __init__(self, start_s: float, rate: float, made_up_s: float = math.inf) -> None:
        self._origin_s = start_s
        self._rate = _checked(rate)
        self._made_up_s = made_up_s
        self._given = 0

    def due(self, now_s: float) -> int:
        """How many more records are due, all of which the caller writes now."""
        missed_s = now_s - self.next_s - self._made_up_s
        if missed_s > 0:
            self._origin_s += missed_s
        more = max(0, int((now_s - self._origin_s) * self._rate) + 1 - self._given) if now_s >= self._origin_s else 0
        self._given += more
        return more

    @property
    def next_s(self) -> float:
        """When the first record is due that `due` has not given yet."""
        return self.at(self._given)

    def at(self, number: int) -> float:
        """When this record is due, as things stand."""
        return self._origin_s + number / self._rate

    def change(self, rate: float) -> None:
        """Another rate from the next record on, which stays where it is."""
        if rate != self._rate:
            self._origin_s = self.next_s - self._given / _checked(rate)
            self._rate = rate


def _checked(rate: float) -> float:
    if not rate > 0:
        raise ValueError(f"no rate: {rate}")
    return rate
