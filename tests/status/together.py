"""Runs cases side by side: most of their time is waiting."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Ground = TypeVar("Ground")
AT_ONCE = 6
WITHIN_S = 300.0


@contextlib.contextmanager
def together(cases: Mapping[str, Callable[[Ground], None]], ground: Ground) -> Iterator[dict[str, Future[None]]]:
    """Begins all of them, some at once; each ends with its result, or with what it raised."""
    with ThreadPoolExecutor(AT_ONCE, "case") as pool:
        yield {name: pool.submit(case, ground) for name, case in cases.items()}
