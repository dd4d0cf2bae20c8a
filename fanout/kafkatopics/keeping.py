"""`events-fanout topics sync`: passes without end, or one.

It serves no HTTP: whether it is well is told by its exits, so by the restarts of its pod. Each call has a deadline.
Where no pass succeeds for `patience_s` it ends; where it does not get to see that, a thread of faulthandler ends it.
"""

import faulthandler
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import NamedTuple, Self

from fanout import log
from fanout.check import connection
from fanout.cluster.answers import AskError, UnreachableError
from fanout.errors import ExitCode, FanoutError, SettingsError
from fanout.kafkatopics import telling
from fanout.kafkatopics.kube import KafkaTopics, KubeConfigError, KubeError
from fanout.kafkatopics.manifest import Terms
from fanout.kafkatopics.sync import GOOD, Done, Sync
from fanout.settings import Settings

HANGING_S = 120.0  # longer than a pass goes on between two calls that each have a deadline
_RETRY_S = 1.0

_log = log.get("kafkatopics")


class Wish(NamedTuple):
    """What the user asked for."""

    terms: Terms
    delete: bool
    every_s: float
    patience_s: float


class PassError(FanoutError):
    """A pass came to nothing; `todo` says what to do about it."""

    def __init__(self, text: str, todo: str) -> None:
        super().__init__(text)
        self.todo = todo


class _AskedToStop(BaseException):
    """No error, and nothing that catches errors may catch it."""


class _Passes:
    """Passes, each with the settings and the API server as they are then."""

    def __init__(self, settings: Callable[[], Settings], wish: Wish) -> None:
        """Raises KubeConfigError."""
        self._settings = settings
        self._resources = KafkaTopics(wish.terms.namespace)
        self.terms = wish.terms._replace(namespace=self._resources.namespace)
        self._sync = Sync(self.terms, delete=wish.delete)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def once(self) -> Done:
        """One pass. Blocks for it; raises PassError."""
        try:
            settings = self._settings()
        except SettingsError as error:
            raise PassError(str(error), "correct what it says; it is read again for the next pass") from error
        try:
            return self._sync.once(settings, self._resources)
        except UnreachableError as error:
            row = connection.unreachable(settings, error)
            raise PassError(row.found, row.todo) from error
        except AskError as error:
            raise PassError(f"the Kafka cluster does not tell: {error}", "look at its brokers") from error
        except KubeError as error:
            raise PassError(str(error), error.todo) from error


def once(settings: Callable[[], Settings], wish: Wish, output: str) -> int:
    """One pass, printed; the exit code: 1 if something was left as it should not be. Blocks."""
    try:
        with _Passes(settings, wish) as passes:
            done = passes.once()
    except KubeConfigError as error:
        sys.stderr.write(f"events-fanout: {error}\n")
        return ExitCode.BAD_SETTINGS
    except PassError as error:
        sys.stderr.write(f"events-fanout: {error}: {error.todo}\n")
        return ExitCode.NO_ANSWER
    telling.show(done, passes.terms, output)
    return ExitCode.OK if all(row.outcome in GOOD for row in done.rows) else ExitCode.CHECK_FAILED


def keep(settings: Callable[[], Settings], wish: Wish) -> int:
    """Passes until SIGTERM or SIGINT, at once the first; the exit code. Blocks."""
    stopping = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()  # should the exception come where none gets through
        raise _AskedToStop

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    try:
        with _Passes(settings, wish) as passes:
            return _keep(passes, wish, stopping)
    except _AskedToStop:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # it is stopping
        _log.info("stopped")
        return ExitCode.OK
    except KubeConfigError as error:
        sys.stderr.write(f"events-fanout: {error}\n")
        return ExitCode.BAD_SETTINGS
    finally:
        faulthandler.cancel_dump_traceback_later()


def _keep(passes: _Passes, wish: Wish, stopping: threading.Event) -> int:
    told = telling.Telling()
    failures, succeeded_at = 0, time.monotonic()
    _watch(wish)
    while not stopping.is_set():
        try:
            done = passes.once()
        except PassError as error:
            failures += 1
            told.failed(str(error), error.todo)
            if time.monotonic() - succeeded_at > wish.patience_s:
                _log.error("no pass over the KafkaTopics for too long: giving up", error=str(error), failures=failures)
                return ExitCode.NO_ANSWER
            stopping.wait(min(wish.every_s, _RETRY_S * 2 ** min(failures, 10)))
            continue
        told.passed(done, failures)
        failures, succeeded_at = 0, time.monotonic()
        _watch(wish)
        stopping.wait(wish.every_s)
    return ExitCode.OK


def _watch(wish: Wish) -> None:
    """End the process, with the stacks of its threads, if it does not come here again in time."""
    faulthandler.dump_traceback_later(wish.patience_s + wish.every_s + HANGING_S, exit=True)
