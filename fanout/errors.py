"""The error tree: what may be tried again, what is one record's fault, what stops a worker, what stops the program.

One record's fault is no exception: it is a `Reason`, carried to the dead-letter topic with the record.
"""

from enum import IntEnum, StrEnum


class Reason(StrEnum):
    """Why a record went to the dead-letter topic; the value of the header `fanout.reason`."""

    NOT_JSON = "not-json"
    NO_NAMESPACE = "no-namespace"
    BAD_NAMESPACE = "bad-namespace"
    BAD_HEADERS = "bad-headers"
    RESERVED_TOPIC = "reserved-topic"
    TOPICS_MAX = "topics-max"
    UNKNOWN_TOPIC = "unknown-topic"
    TOO_LARGE = "too-large"
    BAD_TIMESTAMP = "bad-timestamp"
    NULL_KEY = "null-key"
    NOT_AUTHORIZED = "not-authorized"
    REFUSED_BY_BROKER = "refused-by-broker"
    EXPIRED = "expired"


class FailureKind(StrEnum):
    """Why a worker stopped of itself; sent to the supervisor in `link.Failed`."""

    NOT_AUTHORIZED = "not-authorized"
    BAD_CREDENTIALS = "bad-credentials"
    DEAD_LETTER_LIMIT = "dead-letter-limit"
    DEAD_LETTER_REFUSED = "dead-letter-refused"
    TOPIC_NOT_CREATED = "topic-not-created"
    SOURCE_RECREATED = "source-recreated"
    CLIENT_FATAL = "client-fatal"
    CLIENT_STRANDED = "client-stranded"


class ExitCode(IntEnum):
    """What the process exits with: an interface for init systems and scripts."""

    OK = 0
    CHECK_FAILED = 1
    BAD_SETTINGS = 2
    CRASH_LOOP = 3
    STOPPED_UNDELIVERED = 4
    NO_ANSWER = 5  # of a command that asks: the cluster, or the replica, does not tell
    WORKER_FAILED = 10
    WORKER_LEASE_EXPIRED = 11
    WORKER_ORPHANED = 12


class FanoutError(Exception):
    """Base of every error this program raises itself."""


class SettingsError(FanoutError):
    """One or more settings are wrong: `problems` holds a sentence for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class WorkerFailureError(FanoutError):
    """The worker cannot go on without skipping records: it stops, and its offset stays where it is."""

    def __init__(self, kind: FailureKind, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
