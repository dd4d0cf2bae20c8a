"""What to do about each finding, in a sentence or two; docs/runbook.md has the long form."""

from fanout.errors import FailureKind
from fanout.status.kinds import Cause

BROKER_AWAY = (
    "Look at the brokers, at the network to them, and at ENDPOINT. Nothing is lost as long as the source keeps its "
    "events: delivery goes on by itself when a broker answers"
)
BAD_CREDENTIALS = (
    "Correct the credentials and certificates of KAFKA_SASL_* and KAFKA_SSL_*, and see whether the listener in "
    "ENDPOINT is the one for this way in. Nothing is lost as long as the source keeps its events: what is corrected "
    "in a file, or at the broker, is taken up without a restart"
)
CREDENTIALS_UNUSED = (
    "Correct the files, or what the broker lets these credentials do, before those of before expire: they are tried "
    "again when they change, and from time to time"
)
NOT_JOINED = (
    "Look at the broker that coordinates the group; where rights are missing, grant READ on the group {group} and on "
    "the topic {topic}"
)
GROUP_SILENT = "Look at the broker that coordinates the group; delivery goes on by itself when it answers"
SOURCE_MISSING = "Create the topic, grant READ and DESCRIBE on {topic}, or correct TOPIC"
NOT_MOVING = (
    "Look at the log of this worker for a destination that is not served, and at the brokers that lead the "
    "destinations; if there is nothing, restart this replica and report it"
)
RETENTION = (
    "Find out why it is behind: another finding here, or more events than it can take, for which CPU, partitions and "
    "replicas help. Meanwhile raise retention.ms of the source, and nothing is lost"
)
EXPIRED = (
    "They are gone: the topic {topic} has a mark for each range. Raise retention.ms of the source, and find out why "
    "this replica was so far behind"
)
SOURCE_RECREATED = (
    "Nothing, if somebody made it anew on purpose; else find out who did, and take the right to delete it away"
)
LAG_UNKNOWN = "Grant READ and DESCRIBE on the topic {topic}, or look at the brokers that lead its partitions"
DEAD_LETTERS = "Read them in the topic {topic}: the headers named fanout. say where each came from and why it is there"
MEMORY = "Raise the memory limit, or give this replica fewer partitions; at the limit the kernel kills a process"

_AGAIN = "it is tried again by itself, and nothing is skipped meanwhile"
_FAILURES: dict[str, str] = {
    FailureKind.NOT_AUTHORIZED: f"Grant the right; {_AGAIN}",
    FailureKind.BAD_CREDENTIALS: f"Correct the credentials of KAFKA_SASL_* and KAFKA_SSL_*; {_AGAIN}",
    FailureKind.DEAD_LETTER_LIMIT: "Look at a record of the source: if it is another envelope, set NAMESPACE_PATH; if "
    f"it is rubbish, raise DLQ_MAX_RATIO or DLQ_MAX_RUN; {_AGAIN}",
    FailureKind.DEAD_LETTER_REFUSED: f"Correct the settings of the dead-letter topic; {_AGAIN}",
    FailureKind.TOPIC_NOT_CREATED: f"See why the broker does not create the topic; {_AGAIN}",
    FailureKind.SOURCE_RECREATED: "Nothing, if somebody made the source anew on purpose: it is read from its start",
    FailureKind.CLIENT_FATAL: f"Look at the brokers if it comes again and again; {_AGAIN}",
    FailureKind.CLIENT_STRANDED: f"Nothing, once: its clients are made anew; {_AGAIN}",
    Cause.KILLED: "See whether the container has too little memory (OOMKilled), and raise its limit",
    Cause.STALLED: "Give the container more CPU; if that does not help, report the stacks in the log",
    Cause.NOT_STARTED: "Look at the memory of the container and at its limit of processes",
    Cause.LEASE_EXPIRED: "Look for CPU throttling, swap or a suspended machine",
}


def of_failure(cause: str) -> str:
    """For a worker that ended of this cause, a `Cause` or a `FailureKind`."""
    return _FAILURES.get(cause, "Report it with the worker's last lines in the log")
