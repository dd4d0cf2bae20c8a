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
