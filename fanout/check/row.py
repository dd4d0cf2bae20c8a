"""One finding of `check`."""

from enum import StrEnum
from typing import NamedTuple


class Result(StrEnum):
    """What a check came to; only `failed` would stop a run, or lose or misdirect events."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Row(NamedTuple):
    """A line of the table: what was looked at, the result, what was found, what to do about it."""

    check: str
    result: Result
    found: str
    todo: str = ""


def counted(count: int, noun: str) -> str:
    """`1 topic`, `2 topics`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def some(names: list[str], most: int = 5) -> str:
    """The first few names, and how many more there are."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
