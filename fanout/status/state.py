"""The state of one replica at one moment, as plain data: what `/status` answers, and what everything else is made of.

Times are seconds since the epoch, ages and durations are seconds, offsets are "next to read". None is "not known":
a broker that does not answer leaves the last known figures, and `looked_at` tells of when they are. Nothing here holds
a payload of an event, or a secret.
"""

import msgspec


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a worker ended when nobody had asked it to."""

    at: float
    cause: str  # of `Cause`
    reason: str  # a sentence; empty where the process died without a word
    exit_code: int  # negative: the signal that killed it
    retry_at: float  # when the next is started


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """One worker process, or the place of one that is to be started."""

    partitions: list[int]
    pid: int | None  # None while none runs
    started_at: float | None
    restarts: int  # since this replica was given the partitions
    crashes: int  # in a row, without progress
    failure: Failure | None  # the last
    inflight_records: int
    inflight_bytes: int
    producers: int


class Partition(msgspec.Struct, frozen=True, kw_only=True):
    """One source partition that this replica holds."""

    partition: int
    position: int | None  # everything below is delivered
    committed: int | None
    low: int | None  # the earliest record that is there
    end: int | None  # behind the latest
    lag_records: int | None
    lag_seconds: float | None  # age of the first record that is not delivered; 0 if there is none
    retention_share: float | None  # of that age, in what the source keeps: at 1 it is deleted unread
    looked_at: float | None  # when the broker was asked for these figures
    progressed_at: float | None  # when an offset of it moved last, or when there was nothing to deliver last


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """One that was written: where the record is and why, never what is in it."""

    at: float
    reason: str
    partition: int
    offset: int


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """Records of one second."""

    at: float  # whole seconds
    read: int
    delivered: int


class Namespace(msgspec.Struct, frozen=True, kw_only=True):
    """A destination among the busiest."""

    topic: str
    records: int  # of the last ten minutes


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as it should be, in words that need no code to be understood."""

    kind: str  # of `FindingKind`; also the anchor of its entry in docs/runbook.md
    severity: str  # "error" or "warning"
    text: str  # "Partition 4 has not moved for 2 min: not authorized to write cluster-events-dlq"
    advice: str  # what to do
    since: float


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """A setting with its value as `events-fanout config` shows it: secrets hidden."""

    name: str
    value: str


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """One replica at one moment."""

    version: str
    at: float
    started_at: float
    state: str  # "ok", "warning" or "error": that of the worst finding
    headline: str  # one sentence: "All 12 partitions moving, 3.2 s behind, retention reached in 1 h 58 min"
    findings: list[Finding]  # worst first
    topic: str
    group: str
    protocol: str
    joined: bool
    broker_reachable: bool
    source_partitions: int | None
    retention_s: float | None  # what the source keeps; None: not known, or for ever
    partitions: list[Partition]
    workers: list[Worker]
    rates: list[Rate]  # of the last ten minutes, oldest first
    namespaces: list[Namespace]  # busiest first, at most ten
    dead_letters: list[DeadLetter]  # newest first, at most twenty
    totals: dict[str, int]  # by `fanout.counters.Counter`, since the start
    refused: dict[str, int]  # by `fanout.errors.Reason`, since the start
    settings: list[Setting]


class Gauges(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one moment that the metrics need and the status does not tell."""

    memory_bytes: dict[str, int]  # resident, of "supervisor" and of "workers" together
    memory_limit_bytes: int | None  # what this container may use; None without a limit
    producers: int  # Kafka producers of all workers
