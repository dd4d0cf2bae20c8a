"""What happened in the last ten minutes, by name, in bounded memory."""

from collections import Counter, deque
from collections.abc import Mapping
from heapq import nlargest

STEP_S = 60
STEPS = 10
NAMES_MAX = 4_000


class Recent:
    """Counts by name, of whole minutes. With more names than NAMES_MAX, those that counted least are forgotten."""

    def __init__(self) -> None:
        self._steps: deque[tuple[int, Counter[str]]] = deque()  # oldest first
        self._all: Counter[str] = Counter()

    def add(self, counts: Mapping[str, int], now: float) -> None:
        """These, at this time in seconds."""
        step = int(now // STEP_S)
        self._forget(step)
        if not self._steps or self._steps[-1][0] != step:
            self._steps.append((step, Counter()))
        self._steps[-1][1].update(counts)
        self._all.update(counts)
        if len(self._all) > NAMES_MAX:
            self._keep(NAMES_MAX // 2)

    def counts(self, now: float) -> dict[str, int]:
        """All of them."""
        self._forget(int(now // STEP_S))
        return dict(self._all)

    def most(self, count: int, now: float) -> list[tuple[str, int]]:
        """The largest, with their names, largest first."""
        self._forget(int(now // STEP_S))
        return nlargest(count, self._all.items(), key=lambda item: item[1])

    def since(self) -> float:
        """From when on there are any, in seconds; of use only if there are."""
        return float(self._steps[0][0] * STEP_S) if self._steps else 0.0

    def _forget(self, step: int) -> None:
        if self._steps and self._steps[-1][0] > step:
            # The clock was put back: what would be of a time to come is of now, and goes like everything else.
            self._steps = deque((min(at, step), counts) for at, counts in self._steps)
        while self._steps and self._steps[0][0] <= step - STEPS:
            for name, count in self._steps.popleft()[1].items():
                self._all[name] -= count
                if self._all[name] <= 0:
                    del self._all[name]

    def _keep(self, count: int) -> None:
        kept = dict(nlargest(count, self._all.items(), key=lambda item: item[1]))
        self._all = Counter(kept)
        for _, counts in self._steps:
            for name in [name for name in counts if name not in kept]:
                del counts[name]
