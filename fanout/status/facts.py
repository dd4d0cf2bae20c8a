"""What is known of a replica, as plain data, before it is judged. Times are seconds since the epoch."""

from typing import NamedTuple

import msgspec

from fanout.status.state import Failure, Partition


class Trouble(NamedTuple):
    """Something is not as it should be since then; `reason` is in the words of who said so, or empty."""

    since: float
    reason: str


class Failing(NamedTuple):
    """Workers of these partitions fail, one after the other."""

    partitions: list[int]
    since: float
    crashes: int  # in a row, without progress
    failure: Failure  # the last


class Expired(NamedTuple):
    """Records that were deleted in the source before they were read."""

    partitions: list[int]
    records: int
    since: float
    at: float  # when the last of them were missed


class Facts(msgspec.Struct, kw_only=True):
    """One replica at one moment."""

    now: float
    topic: str
    group: str
    dead_letter_topic: str
    joined: bool = True
    stopping: bool = False
    crashes_max: int = 10
    source_partitions: int | None = None
    retention_s: float | None = None
    partitions: list[Partition] = []
    running: frozenset[int] = frozenset()  # partitions that have a worker process
    broker_silent: Trouble | None = None
    not_let_in: bool = False  # the silence is one of credentials or certificates
    credentials_unused: Trouble | None = None  # the files hold some that cannot be used
    not_joined: Trouble | None = None
    group_silent: Trouble | None = None
    source_absent: Trouble | None = None
    lag_problem: str = ""  # why the last look at the lag did not bring everything
    failing: list[Failing] = []
    expired: list[Expired] = []
    source_recreated_at: float | None = None  # when that was noticed last
    refused: dict[str, int] = {}  # dead letters of the last ten minutes, by reason
    refused_since: float = 0.0
    memory_share: float | None = None  # of what the container may use
