"""What the client says while it cannot connect: kept to tell the cause, and printed nowhere."""

import logging
from typing import Protocol

_FAILING_S = 3.0


class _ClientError(Protocol):
    def name(self) -> str: ...

    def str(self) -> str: ...


class Causes:
    """`told` holds (name of the error, or `log`; text), oldest first. Give the client `note` and `logger`."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.logger: logging.Logger = _Keeper(self.told)

    def note(self, error: _ClientError) -> None:
        """Keep an error, as the client's error callback."""
        self.told.append((error.name(), error.str()))

    def patience_s(self, longest_s: float) -> float:
        """How long to try on: not at all once we are refused, longest while there is no answer of any kind."""
        names = {name for name, _ in self.told} - {"_ALL_BROKERS_DOWN"}
        if names & {"_AUTHENTICATION", "_SSL"}:
            return 0.0
        return _FAILING_S if names else longest_s


class _Keeper(logging.Logger):
    """Takes the client's log: some of its lines say more than its errors."""

    def __init__(self, told: list[tuple[str, str]]) -> None:
        super().__init__("fanout.check", logging.INFO)
        self.propagate = False
        self._told = told

    def handle(self, record: logging.LogRecord) -> None:
        self._told.append(("log", record.getMessage()))
