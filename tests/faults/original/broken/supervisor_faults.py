"""Faults of the supervisor, by name. Each replaces one thing in this process, for good."""

from collections.abc import Callable
from typing import Any
from unittest import mock

import msgspec

from fanout.settings import Settings
from fanout.supervisor import app
from fanout.supervisor.process import WorkerProcess


def exits_before_it_reads() -> None:
    """7: the main function waits for a counter of readers, which is zero because none has counted itself yet."""
    real = app.Supervisor.__init__

    def init(self: app.Supervisor, *given: Any) -> None:  # noqa: ANN401 - whatever it is made from
        real(self, *given)
        self._shutdown.begun.set()

    mock.patch.object(app.Supervisor, "__init__", init).start()


def ignores_security() -> None:
    """11: the client speaks plain text, whatever is set."""
    _with_settings(kafka={}, kafka_consumer={}, kafka_producer={})


def leaves_silent_workers() -> None:
    """11: nobody looks whether the one who does the work still does it."""
    mock.patch.object(WorkerProcess, "check").start()


def has_one_group_only() -> None:
    """12: the consumer group is in the code."""
    _with_settings(groupid="eventrouter-consumer")


def speaks_as_of_old() -> None:
    """13: the client asks no broker what it speaks, and speaks what a Kafka of 2016 did."""
    _with_settings(kafka={"api.version.request": "false", "broker.version.fallback": "0.9.0.1"})


def _with_settings(**changed: Any) -> None:  # noqa: ANN401 - fields of Settings, of many types
    """Start with these settings in place of those that were given, past all rules."""
    real = app.main

    def main(settings: Settings, *more: Any) -> None:  # noqa: ANN401 - whatever else it is started with
        real(msgspec.structs.replace(settings, **changed), *more)

    mock.patch.object(app, "main", main).start()


FAULTS: dict[str, Callable[[], None]] = {
    fault.__name__: fault
    for fault in (
        exits_before_it_reads,
        has_one_group_only,
        ignores_security,
        leaves_silent_workers,
        speaks_as_of_old,
    )
}
