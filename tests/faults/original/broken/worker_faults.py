"""Faults of the worker, by name. Each replaces one thing in this process, for good."""

import time
from collections.abc import Callable, Sequence
from unittest import mock

from fanout import client, log
from fanout.errors import Reason
from fanout.settings import Settings
from fanout.worker.deadletter import DeadLetters
from fanout.worker.destination import Destination, Route
from fanout.worker.envelope import KeyOf, RoutingKey, UnroutableError, key_function
from fanout.worker.loop import READ_IDLE_S, Loop
from fanout.worker.offsets import Window
from fanout.worker.records import Record, SourceRecord, _Derived
from fanout.worker.router import Router
from fanout.worker.routes import Refusal
from fanout.worker.shard import Failure, Shard
from fanout.worker.sink import Sink
from fanout.worker.source import Source
from fanout.worker.tally import Tally
from fanout.worker.topics import Topics

POLL_S = 15e-6  # what was meant as 15 s
AFTER_A_TIMEOUT_S = 5.0
QUEUED_MAX = 100  # records that the client takes before it says that its queue is full

_log = log.get("broken")


def commits_when_read() -> None:
    """1: what was read counts as done."""
    mock.patch.object(Window, "done", property(lambda _: True)).start()


def only_logs_failures() -> None:
    """1: a delivery that failed is a line of the log."""

    def failed(_: Sink, failure: Failure) -> None:
        _log.error("delivery failed", topic=failure.destination.name, error=str(failure.cause))

    mock.patch.object(Sink, "_failed", failed).start()


def has_a_small_queue() -> None:
    """No fault: the client's queue is full again and again, which no setting of a user can bring about."""
    real = client.producer

    def producer(*given: object) -> client.Config:
        return real(*given) | {"queue.buffering.max.messages": QUEUED_MAX}  # type: ignore[arg-type]

    mock.patch.object(client, "producer", producer).start()


def drops_what_does_not_fit() -> None:
    """2: what the client refuses because its queue is full is not sent again."""
    has_a_small_queue()
    mock.patch.object(Shard, "_refused_at_once").start()


def closes_without_a_flush() -> None:
    """3: told to stop, it ends as if all that it has read were delivered."""
    real = Loop._report

    def report(self: Loop, now: float, *, final: bool = False) -> None:
        if self._link.stop is not None:
            commits_when_read()
        real(self, now, final=final)

    mock.patch.object(Loop, "_report", report).start()


def drops_what_has_no_namespace() -> None:
    """4: what cannot be routed is left out."""
    mock.patch.object(DeadLetters, "send").start()


def dies_of_poison() -> None:
    """5: what cannot be decoded ends the process, and is what the next one reads first."""

    def strict_function(settings: Settings) -> KeyOf:
        key_of = key_function(settings)

        def strict(value: bytes | None) -> RoutingKey:
            try:
                return key_of(value)
            except UnroutableError as error:
                raise RuntimeError("this was not expected") from error

        return strict

    mock.patch("fanout.worker.main.key_function", strict_function).start()


def polls_for_microseconds() -> None:
    """6: a time-out in the wrong unit is an error each time, and after an error it sleeps.

    From the first record on, and only while nothing is in flight: the fault is about an idle source.
    """
    real = Source.read
    began: list[Source] = []

    def read(self: Source, limit: int, timeout_s: float) -> dict[int, Sequence[SourceRecord]]:
        faulty = bool(began) and timeout_s >= READ_IDLE_S
        found = real(self, limit, POLL_S if faulty else timeout_s)
        if found:
            began.append(self)
        elif faulty:
            _log.error("consumer error", error="timed out")
            time.sleep(AFTER_A_TIMEOUT_S)
        return found

    mock.patch.object(Source, "read", read).start()


class _Keyless(_Derived):
    def key(self) -> bytes | None:
        return None


def drops_keys() -> None:
    """8: only the value is handed on."""
    real = Sink.send

    def send(self: Sink, destination: Destination, records: Sequence[Record], window: Window) -> None:
        real(self, destination, [_Keyless(record) for record in records], window)

    mock.patch.object(Sink, "send", send).start()


def feeds_itself() -> None:
    """9: any namespace names its topic, also that which it reads."""
    real = Router._route

    def route(self: Router, key: RoutingKey) -> Route:
        found = real(self, key)
        reserved = isinstance(found, Refusal) and found.reason is Reason.RESERVED_TOPIC
        return self._open(str(key)) if reserved else found

    mock.patch.object(Router, "_route", route).start()


def creates_without_limit() -> None:
    """10: there is always room for one more topic."""
    mock.patch.object(Topics, "room_for", return_value=True).start()


def counts_nothing() -> None:
    """11: no metrics."""
    mock.patch.object(Tally, "count").start()


FAULTS: dict[str, Callable[[], None]] = {
    fault.__name__: fault
    for fault in (
        closes_without_a_flush,
        commits_when_read,
        counts_nothing,
        creates_without_limit,
        dies_of_poison,
        drops_keys,
        drops_what_does_not_fit,
        drops_what_has_no_namespace,
        feeds_itself,
        has_a_small_queue,
        only_logs_failures,
        polls_for_microseconds,
    )
}
