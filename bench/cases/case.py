"""What is measured: cases, and the backlogs that they drain. Pure."""

import msgspec

from bench.load import Shape
from bench.stage import Backlog

IDLE_EVENTS = 2
COMPRESSIONS = ("none", "lz4", "zstd")


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One way to run events-fanout. `name` is what tables and plots call it: "1,000 destinations", "linger 20 ms".

    `shape.namespaces` is the number of destinations. Each of the source's `partitions` has a worker, unless the
    settings bound them. `settings` of events-fanout come on top of its defaults. `compression` is that of the source's
    records. `rtt_ms` is the round-trip time that a proxy adds between the program and the broker; `proxied` puts one
    there also where it adds none, so that what the proxy itself costs is not taken for the delay's.
    """

    name: str
    shape: Shape
    partitions: int = 2
    settings: dict[str, str] = {}
    compression: str = "none"
    rtt_ms: float = 0.0
    proxied: bool = False

    @property
    def workers(self) -> int:
        """Worker processes that it has."""
        most = int(self.settings.get("WORKERS_MAX", "0"))
        return min(self.partitions, most) if most else self.partitions

    @property
    def behind_proxy(self) -> bool:
        """Whether a proxy is between the program and the broker."""
        return self.proxied or self.rtt_ms > 0


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to measure: `events` are in the backlog of each case; with `each_partition`, in each partition of it."""

    cases: list[Case]
    events: int
    turns: int
    each_partition: bool = False

    def backlog(self, case: Case) -> Backlog:
        """What a case drains in each turn."""
        events = self.events * (case.partitions if self.each_partition else 1)
        return Backlog(shape=case.shape, partitions=case.partitions, compression=case.compression, events=events)

    def idle_backlog(self, case: Case) -> Backlog:
        """What it drains to show what its start and stop cost."""
        return msgspec.structs.replace(self.backlog(case), events=IDLE_EVENTS)

    def backlogs(self) -> list[Backlog]:
        """All of them, each once: cases that drain the same share it."""
        found: list[Backlog] = []
        for case in self.cases:
            found += [wanted for wanted in (self.idle_backlog(case), self.backlog(case)) if wanted not in found]
        return found

    def drains(self) -> int:
        """How many there are: for each case one for its start and stop, one to count requests, and the turns."""
        return len(self.cases) * (self.turns + 2)
