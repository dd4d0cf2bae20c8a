"""Whether what a process holds grows with time: pure, from samples."""

import statistics
from collections.abc import Iterable, Sequence

import msgspec

WARM_UP = 0.25  # share of a process's life in which it fills what it keeps
# Of resident memory: what an allocator's fragmentation makes of the same work.
MEMORY_SHARE = 0.05
MEMORY_BYTES = 4_000_000
FILES = 2  # a connection that is being replaced
THREADS = 1
SAMPLES_MIN = 12


class Sample(msgspec.Struct, frozen=True):
    """What a process held at one moment: seconds from the start of the run, resident bytes, open files, threads."""

    at_s: float
    rss: int
    files: int
    threads: int


class Growth(msgspec.Struct, frozen=True):
    """One figure of a process: its median in the first and in the last third after the warm-up."""

    before: float
    after: float
    allowed: float

    @property
    def grows(self) -> bool:
        """Whether it grew by more than is allowed."""
        return self.after - self.before > self.allowed


class Trend(msgspec.Struct, frozen=True):
    """What became of one process, over the seconds in which it was looked at after its warm-up."""

    seconds: float
    rss: Growth
    files: Growth
    threads: Growth

    def broken(self) -> list[str]:
        """What grows, by name."""
        return [name for name in ("rss", "files", "threads") if getattr(self, name).grows]


def trend(samples: Sequence[Sample]) -> Trend | None:
    """The trend of one process; None if there are too few samples to tell one. They are in the order of time."""
    settled = samples[int(len(samples) * WARM_UP) :]
    if len(settled) < SAMPLES_MIN:
        return None
    third = len(settled) // 3
    first, last = settled[:third], settled[-third:]
    memory = _median(sample.rss for sample in first)
    return Trend(
        settled[-1].at_s - settled[0].at_s,
        Growth(memory, _median(s.rss for s in last), max(MEMORY_BYTES, memory * MEMORY_SHARE)),
        Growth(_median(s.files for s in first), _median(s.files for s in last), FILES),
        Growth(_median(s.threads for s in first), _median(s.threads for s in last), THREADS),
    )


def _median(values: Iterable[float]) -> float:
    return float(statistics.median(values))
