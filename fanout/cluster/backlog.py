"""Where the group stands in the source, how old what is unread is, and how long the source keeps it."""

import time
from collections.abc import Iterable

from fanout.cluster.answers import AskError, Ends
from fanout.cluster.asking import ANSWER_S
from fanout.cluster.cluster import Cluster
from fanout.cluster.position import Position, positions
from fanout.cluster.reading import first_records, time_of
from fanout.settings import Settings


def positions_of(settings: Settings, cluster: Cluster, partitions: int) -> list[Position]:
    """Where the group stands in each partition of the source. Raises AskError."""
    topic = settings.topic
    commits = cluster.committed(partitions)
    ends = cluster.ends((topic, number) for number in range(partitions))
    try:
        identity = cluster.identity(topic)
    except AskError:  # who may not describe it may not read it either, which is told where it is read
        identity = ""
    return positions(topic, partitions, commits, ends, identity)


def ages_ms(settings: Settings, behind: Iterable[Position]) -> dict[int, int]:
    """Age in milliseconds of the first unread record of each partition; reads it, and commits nothing.

    A partition that does not answer in time, or whose record has no timestamp, is left out. Raises AskError.
    """
    ranges = {(settings.topic, p.partition): Ends(p.next, p.high) for p in behind}
    now_ms = time.time_ns() // 1_000_000
    return {
        number: max(0, now_ms - at)
        for (_, number), record in first_records(settings, ranges, ANSWER_S).items()
        if (at := time_of(record)) is not None
    }
