"""What the turns of a case came to, as figures. Pure."""

from collections.abc import Callable

import msgspec

from bench.cases.case import Case
from bench.cpu import Running
from bench.drain import Turn


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """All turns of a case. `idle` is a drain of two events, and so what its start and stop cost.

    `requests_per_event` are produce requests, counted in one more drain, through a proxy: acknowledgements take longer
    that way, and a turn of a case without a proxy may have some more. They are None on the user's cluster, where there
    is no proxy. `round_trip_ms` is what a request that costs a broker nothing takes through the proxy of a case that
    has one; it is more than the delay that was asked for. `value_bytes` is the size of a value, on average over the
    events of one destination.

    The figures are lists with one for each turn. CPU is in microseconds for each event; all but `cpu_us` and
    `broker_us` are less `idle`.
    """

    case: Case
    idle: Turn
    turns: list[Turn]
    requests_per_event: float | None = None
    round_trip_ms: float | None = None
    value_bytes: float | None = None

    def cpu_us(self) -> list[float]:
        """Of all processes of the program, start and stop included."""
        return [turn.cpu_s / turn.events * 1e6 for turn in self.turns]

    def net_cpu_us(self) -> list[float]:
        """The same without start and stop. Noise, and perhaps below 0, for a backlog that costs no more than these."""
        return self._less_idle(lambda turn: turn.cpu_s)

    def user_us(self) -> list[float]:
        """The part of `net_cpu_us` that is not the kernel's."""
        return self._less_idle(lambda turn: turn.user_s)

    def system_us(self) -> list[float]:
        """The part of `net_cpu_us` that is the kernel's."""
        return self._less_idle(lambda turn: turn.system_s)

    def supervisor_us(self) -> list[float]:
        """The supervisor's part, while it runs. Not below 0: the kernel counts in steps of 10 ms."""
        return [max(0.0, us) for us in self._less_idle(lambda turn: _used_s(turn.processes[:1]))]

    def worker_us(self) -> list[float]:
        """What a worker takes for each event that it delivers, while it runs; not below 0."""
        return [max(0.0, us) for us in self._less_idle(lambda turn: _used_s(turn.processes[1:]))]

    def broker_us(self) -> list[float]:
        """Of the broker meanwhile; NaN of one that is not local."""
        return [turn.broker_cpu_s / turn.events * 1e6 for turn in self.turns]

    def events_per_s(self) -> list[float]:
        """Of all workers together, without start and stop where these are not most of it (`Turn.draining_s`)."""
        return [turn.events / turn.draining_s(self.idle) for turn in self.turns]

    def mb_per_s(self) -> list[float]:
        """Megabytes of values at that rate; where their size is not known, of the least that was asked for."""
        nbytes = self.value_bytes or self.case.shape.size_bytes
        return [rate * nbytes / 1e6 for rate in self.events_per_s()]

    def threads(self) -> list[float]:
        """Of all processes together, when all was delivered."""
        return [float(sum(process.threads for process in turn.processes)) for turn in self.turns]

    def connections(self) -> list[float]:
        """Established ones of all processes together, at the same time."""
        return [float(sum(process.connections for process in turn.processes)) for turn in self.turns]

    def worker_peak_bytes(self) -> int:
        """The most resident memory that any worker had in any turn."""
        return max((worker.peak_bytes for turn in self.turns for worker in turn.processes[1:]), default=0)

    def supervisor_peak_bytes(self) -> int:
        """The most resident memory that the supervisor had in any turn."""
        return max((process.peak_bytes for turn in self.turns for process in turn.processes[:1]), default=0)

    def _less_idle(self, used_s: Callable[[Turn], float]) -> list[float]:
        idle_s = used_s(self.idle)
        return [(used_s(turn) - idle_s) / turn.events * 1e6 for turn in self.turns]


def _used_s(processes: list[Running]) -> float:
    return sum(process.user_s + process.system_s for process in processes)
