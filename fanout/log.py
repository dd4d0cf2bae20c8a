"""Logs of every process, on stderr: JSON lines with ECS names, or coloured text on a terminal.

A line of level warning or above says what to do. Nothing is logged per record, and what can repeat without end (a
broker that is away) goes through `Repeats`.
"""

import logging
import os
import re
import sys
import time
from collections.abc import Callable

# structlog imports rich wherever it is installed, which costs each worker process 30 ms and 4 MB for nothing.
_without_rich = "rich" not in sys.modules
if _without_rich:
    sys.modules["rich"] = None  # type: ignore[assignment]  # documented: makes `import rich` raise ModuleNotFoundError
import structlog  # noqa: E402
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger  # noqa: E402

from fanout import __version__  # noqa: E402
from fanout.advice import ADVICE  # noqa: E402

if _without_rich:
    del sys.modules["rich"]

ECS_VERSION = "1.6.0"
SERVICE = "events-fanout"
# Fields that ECS has a name for. All others are ours: as bare names, `group` or `error` would be objects of ECS.
_ECS = {"exception": "error.stack_trace", "error": "error.message", "version": "service.version"}
_OURS = "fanout."
_ADVISED = {"warning", "error", "critical"}
_CLIENT_ADVICE = "a line of the Kafka client, which tries again by itself: docs/runbook.md#kafka-client"
_LIBRARY_ADVICE = "nothing, once; if it comes again, report it with its stack trace: docs/runbook.md#library"
REPEAT_S = 30.0
_KEYS_MAX = 1_000

# What differs between two of the client's lines that say the same: the client's number and the time it took.
_VARYING = re.compile(r"#(producer|consumer)-\d+|\(after \d+ms in state [^)]*\)")


def configure(level: str, log_format: str, /, **bound: object) -> None:
    """Set up the log of this process; `bound` goes into each of its lines (role="worker", partition=3).

    `level` and `log_format` are the settings of these names. May be called again: what `get` gave follows.
    """
    terminal = sys.stderr.isatty()
    console = log_format == "console" or (log_format == "auto" and terminal)
    processors: list[Processor] = [structlog.processors.add_log_level, _binder(bound), _advise]
    if console:
        colors = terminal and not os.environ.get("NO_COLOR")
        processors += [
            structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
            structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback),
        ]
    else:
        processors += [
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _ecs_names,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    # What a library has to say, which would be a text of several lines among ours.
    root = logging.getLogger()
    root.handlers = [handler for handler in root.handlers if not isinstance(handler, _ToThisLog)]
    root.addHandler(_ToThisLog(_LIBRARY_ADVICE))


def get(name: str) -> FilteringBoundLogger:
    """The logger of a module; may be made before `configure`."""
    logger: FilteringBoundLogger = structlog.get_logger(**{"log.logger": name})
    return logger


def client_logger(name: str) -> logging.Logger:
    """A logger to hand to a Kafka client as `logger`: its lines join this log, the repeated ones once per 30 s.

    The client calls it from within `poll`, `consume` and `flush`.
    """
    logger = logging.getLogger(f"fanout.client.{name}")
    logger.propagate = False
    logger.setLevel(logging.DEBUG)  # what is too low is dropped by the level of this log
    logger.handlers = [_ToThisLog(_CLIENT_ADVICE, f"librdkafka.{name}")]
    return logger


class Repeats:
    """Tells an event with the same key once per `every_s`, then with `repeated`: how often it came meanwhile.

    Not for use by several threads at once.
    """

    def __init__(
        self, log: FilteringBoundLogger, every_s: float = REPEAT_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._log = log
        self._every_s = every_s
        self._clock = clock
        self._told: dict[tuple[str, object], _Told] = {}  # oldest first

    def info(self, event: str, key: object = "", **fields: object) -> None:
        self.log(logging.INFO, event, key, **fields)

    def warning(self, event: str, key: object = "", **fields: object) -> None:
        self.log(logging.WARNING, event, key, **fields)

    def error(self, event: str, key: object = "", **fields: object) -> None:
        self.log(logging.ERROR, event, key, **fields)

    def log(self, level: int, event: str, key: object = "", **fields: object) -> None:
        """Tell the event now, or count it. `key` tells apart what has the same text, such as two topics."""
        now = self._clock()
        told = self._told.get((event, key))
        if told is not None and now - told.at < self._every_s:
            told.repeated += 1
            told.level, told.fields = level, fields
            return
        if told is not None:
            del self._told[event, key]
            if told.repeated:
                fields["repeated"] = told.repeated
        self._forget(now - self._every_s)
        if len(self._told) >= _KEYS_MAX:
            self._forget(next(iter(self._told.values())).at)
        self._told[event, key] = _Told(now, level, fields)
        self._log.log(level, event, **fields)

    def flush(self) -> None:
        """Tell what was counted and not told: for the end of the process."""
        self._forget(self._clock())

    def _forget(self, before: float) -> None:
        """Forget what was told at `before` or earlier, after telling how often it came since."""
        while self._told:
            (event, key), told = next(iter(self._told.items()))
            if told.at > before:
                return
            del self._told[event, key]
            if told.repeated:
                self._log.log(told.level, event, **{**told.fields, "repeated": told.repeated})


class _Told:
    __slots__ = ("at", "fields", "level", "repeated")

    def __init__(self, at: float, level: int, fields: dict[str, object]) -> None:
        self.at = at
        self.level = level
        self.fields = fields
        self.repeated = 0


class _ToThisLog(logging.Handler):
    """Takes the lines of a library into this log: the client's are `"%s [%s] %s" % (facility, client, text)`."""

    def __init__(self, advice: str, name: str = "") -> None:
        super().__init__()
        self._advice = advice
        self._repeats = Repeats(get(name or "library"))

    def emit(self, record: logging.LogRecord) -> None:
        # logging holds this handler's lock: the client's threads come one at a time
        fields: dict[str, object] = {"advice": self._advice} if record.levelno >= logging.WARNING else {}
        if record.exc_info is not None and record.exc_info[1] is not None:
            fields["exc_info"] = record.exc_info[1]
        self._repeats.log(record.levelno, _VARYING.sub("", record.getMessage()), **fields)


def _binder(bound: dict[str, object]) -> Processor:
    def bind(_logger: WrappedLogger, _method: str, fields: EventDict) -> EventDict:
        return {**bound, **fields}

    return bind


def _advise(_logger: WrappedLogger, _method: str, fields: EventDict) -> EventDict:
    if fields["level"] in _ADVISED and "advice" not in fields and fields["event"] in ADVICE:
        fields["advice"] = ADVICE[fields["event"]]
    return fields


def _ecs_names(_logger: WrappedLogger, _method: str, fields: EventDict) -> EventDict:
    named: EventDict = {
        "@timestamp": fields.pop("timestamp"),
        "log.level": fields.pop("level"),
        "message": fields.pop("event"),
        "ecs.version": ECS_VERSION,
        "service.name": SERVICE,
        "service.version": __version__,
        "process.pid": os.getpid(),
    }
    named.update({_ecs_name(name): value for name, value in fields.items()})
    return named


def _ecs_name(name: str) -> str:
    """What a field is called in JSON; one with a dot has its name from ECS already, as `log.logger`."""
    return _ECS.get(name) or (name if "." in name else _OURS + name)
