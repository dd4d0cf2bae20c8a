"""Time that stands still until a model moves it: a clock for modules, and an event loop that lives by it."""

import asyncio
import random
import selectors
import time
from collections.abc import Callable, Coroutine, Iterable
from types import ModuleType, SimpleNamespace
from typing import Any, TypeVar, cast

T = TypeVar("T")

START_S = 1_000.0
WALL_MS = 1_700_000_000_000


class StuckError(Exception):
    """Nothing is ready, nothing is due at any time: what is awaited will never come."""


class Clock:
    """Stands for the module `time`. A sleep moves it."""

    def __init__(self) -> None:
        self.now = START_S

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def time_ns(self) -> int:
        return WALL_MS * 1_000_000 + int((self.now - START_S) * 1e9)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - what formats a time is the real module's
        return getattr(time, name)


class Patches:
    """Attributes of modules that are something else until `undo`."""

    def __init__(self) -> None:
        self._before: list[tuple[object, str, object]] = []

    def set(self, owner: object, name: str, value: object) -> None:
        self._before.append((owner, name, getattr(owner, name)))
        setattr(owner, name, value)

    def clock(self, clock: Clock, modules: Iterable[ModuleType]) -> None:
        """Let every one of these modules that has the time, have it from this clock."""
        for module in modules:
            if getattr(module, "time", None) is time:
                self.set(module, "time", clock)

    def steady_random(self, module: ModuleType) -> None:
        """Chance that is the same each time."""
        self.set(module, "random", SimpleNamespace(Random=lambda: random.Random(0)))

    def undo(self) -> None:
        while self._before:
            owner, name, value = self._before.pop()
            setattr(owner, name, value)


class _Selector:
    """Waits by moving the clock."""

    def __init__(self, real: selectors.BaseSelector, clock: Clock) -> None:
        self._real = real
        self._clock = clock

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise StuckError
        self._clock.now += max(0.0, timeout)
        return self._real.select(0)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - all else is the real one's
        return getattr(self._real, name)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on a `Clock`, which can be stepped turn by turn from outside."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        super().__init__(cast("selectors.BaseSelector", _Selector(selectors.DefaultSelector(), clock)))
        self.broken: list[dict[str, Any]] = []
        self.signals: dict[int, Callable[[], object]] = {}
        self.set_exception_handler(lambda _loop, context: self.broken.append(context))

    def time(self) -> float:
        return self.clock.now

    def add_signal_handler(self, sig: int, callback: Callable[..., object], *args: Any) -> None:  # type: ignore[override]  # noqa: ANN401 - the loop's own signature
        self.signals[sig] = lambda: callback(*args)

    def step(self, turns: int = 1) -> None:
        """So many turns of the loop; no time passes."""
        for _ in range(turns):
            self.call_soon(self.stop)
            self.run_forever()

    def advance(self, seconds: float) -> None:
        """Let the time pass, and what is due meanwhile happen."""
        self.run_until_complete(asyncio.sleep(seconds))

    def finish(self, work: Coroutine[Any, Any, T], within_s: float) -> T:
        """The result of it. Raises AssertionError if it takes longer."""
        task = self.create_task(work)
        self.run_until_complete(asyncio.wait({task}, timeout=within_s))
        assert task.done(), f"not done within {within_s} s"
        return task.result()

    def abandon(self) -> None:
        """Cancel what is left and close."""
        tasks = asyncio.all_tasks(self)
        self.set_exception_handler(lambda _loop, _context: None)
        for task in tasks:
            task.cancel()
        self.step(20)
        self.close()
