"""What can be wrong, by name: findings, and the causes of a worker's end. Each name is one everywhere.

`/status`, the page, the metrics' labels, the alerts and the entries of docs/runbook.md use these.
"""

from enum import StrEnum


class Severity(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


class Cause(StrEnum):
    """Why a worker ended that had not been told to; those that it told itself are `fanout.errors.FailureKind`."""

    CRASHED = "crashed"  # an exit code that is none of ours
    KILLED = "killed"  # by SIGKILL: the kernel for want of memory, or a person
    SIGNALLED = "signalled"  # by another signal
    STALLED = "stalled"  # its loop did not turn for STALL_MS
    LEASE_EXPIRED = "lease-expired"
    NOT_STARTED = "not-started"  # the system could not start a process


class FindingKind(StrEnum):
    """What is not as it should be."""

    BROKER_AWAY = "broker-away"
    BAD_CREDENTIALS = "bad-credentials"  # brokers are there, and let nobody in with ours
    NOT_JOINED = "not-joined"
    GROUP_SILENT = "group-silent"
    SOURCE_MISSING = "source-missing"
    WORKER_FAILED = "worker-failed"  # it told why, and is tried again
    CRASH_LOOP = "crash-loop"
    NOT_MOVING = "not-moving"
    RETENTION = "retention"  # what is unread is near the age at which the source deletes it
    EXPIRED = "expired"  # it was deleted unread
    SOURCE_RECREATED = "source-recreated"  # the whole of it was, and is there anew
    LAG_UNKNOWN = "lag-unknown"
    DEAD_LETTERS = "dead-letters"
    MEMORY = "memory"
