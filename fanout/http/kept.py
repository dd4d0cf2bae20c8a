"""What costs something to make is made a few times a second at most, however often it is asked for."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

KEEP_S = 0.2

T = TypeVar("T")


class Kept(Generic[T]):
    """What `make` returned last; made anew when it is older than KEEP_S."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._kept: tuple[float, T] | None = None

    def get(self) -> T:
        """Raises what `make` raises, and then keeps nothing."""
        now = time.monotonic()
        if self._kept is None or now - self._kept[0] > KEEP_S:
            self._kept = None
            self._kept = (now, self._make())
        return self._kept[1]
