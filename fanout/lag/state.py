"""Where the group stands, partition by partition, as plain data. None is "not known", or "never" for what is kept."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from fanout.client import kept_ms
from fanout.cluster.answers import AskError, Group, Member, Overview
from fanout.cluster.backlog import ages_ms, positions_of
from fanout.cluster.cluster import Cluster
from fanout.cluster.position import Position
from fanout.settings import Settings
from fanout.words import counted


class MemberState(msgspec.Struct, frozen=True, kw_only=True):
    """One replica as the group knows it."""

    id: str
    client_id: str
    host: str
    partitions: list[int]


class PartitionLag(msgspec.Struct, frozen=True, kw_only=True):
    """One partition of the source. Offsets are "next to read"."""

    partition: int
    member: str | None  # id of the member that has it
    committed: int | None  # None: the group never committed
    low: int  # the earliest record that is there
    end: int  # behind the latest
    lag_records: int  # that are there and unread
    lag_seconds: float | None  # age of the first of them; 0 if there is none
    retention_share: float | None  # of that age, in what the source keeps: at 1 the record is deleted unread
    seconds_left: float | None  # until then
    lost: int  # records that expired before they were read
    notes: list[str]


class Lag(msgspec.Struct, frozen=True, kw_only=True):
    """The group in the source."""

    group: str
    protocol: str  # classic, consumer, or unknown
    topic: str
    retention_s: float | None
    members: list[MemberState]
    partitions: list[PartitionLag]
    lag_records: int
    notes: list[str]


class Ages(NamedTuple):
    """In milliseconds: how old the first unread record of each partition is, and for how long the source keeps any."""

    first_unread: Mapping[int, int]
    kept: int | None  # None: for ever, or not known


def look(settings: Settings, cluster: Cluster, overview: Overview) -> Lag:
    """Ask the cluster. Blocks for its answers, half a minute at most; raises AskError."""
    partitions = overview.topics.get(settings.topic, 0)
    if not partitions:
        text = f"the source topic {settings.topic} does not exist, or may not be seen: create it, or look at TOPIC"
        raise AskError(text, absent=True)
    group = cluster.group()
    positions = positions_of(settings, cluster, partitions)
    ages = ages_ms(settings, [position for position in positions if position.lag])
    notes = []
    try:
        kept = kept_ms(cluster.topic_config(settings.topic))
    except AskError as error:
        kept = None
        notes.append(f"what the source keeps is not known: {error}; grant DESCRIBE_CONFIGS on topic {settings.topic}")
    return state(settings, group, positions, Ages(ages, kept), notes)


def state(
    settings: Settings,
    group: Group,
    positions: Sequence[Position],
    ages: Ages,
    notes: Sequence[str] = (),
) -> Lag:
    """What the answers come to."""
    holders = {number: member.id for member in group.members for topic, number in member.places
               if topic == settings.topic}  # fmt: skip
    partitions = [_partition(position, holders.get(position.partition), ages) for position in positions]
    return Lag(
        group=settings.groupid,
        protocol=group.protocol,
        topic=settings.topic,
        retention_s=ages.kept / 1000 if ages.kept is not None else None,
        members=[_member(settings, member) for member in sorted(group.members)],
        partitions=partitions,
        lag_records=sum(partition.lag_records for partition in partitions),
        notes=[*_notes(group, partitions), *notes],
    )


def _member(settings: Settings, member: Member) -> MemberState:
    own = sorted(number for topic, number in member.places if topic == settings.topic)
    return MemberState(id=member.id, client_id=member.client_id, host=member.host, partitions=own)


def _partition(position: Position, holder: str | None, ages: Ages) -> PartitionLag:
    kept = ages.kept
    age_ms = ages.first_unread.get(position.partition) if position.lag else 0
    notes = []
    if position.committed is None:
        notes.append("never committed: a run begins at the earliest record")
    if position.past:
        notes.append("the source was made anew since the last commit: a run begins at the earliest record")
    if position.lost:
        notes.append(f"committed offset expired: {counted(position.lost, 'record')} lost unread")
    if age_ms is None:
        notes.append("age not known: the first unread record did not come in time, or has no timestamp")
    share = left_s = None
    if age_ms is not None and kept is not None:
        share = age_ms / max(kept, 1)
        left_s = max(0, kept - age_ms) / 1000 if position.lag else None
    return PartitionLag(
        partition=position.partition,
        member=holder,
        committed=position.committed,
        low=position.low,
        end=position.high,
        lag_records=position.lag,
        lag_seconds=age_ms / 1000 if age_ms is not None else None,
        retention_share=share,
        seconds_left=left_s,
        lost=position.lost,
        notes=notes,
    )


def _notes(group: Group, partitions: Sequence[PartitionLag]) -> list[str]:
    if not group.members:
        return ["the group has no members: no replica runs, and nothing is delivered"]
    without = [partition.partition for partition in partitions if partition.member is None]
    if without:
        numbers = ", ".join(map(str, without))
        return [f"no member has {'partition' if len(without) == 1 else 'partitions'} {numbers}: the group rebalances"]
    return []


def beyond(lag: Lag, max_seconds: float | None, max_share: float | None) -> list[PartitionLag]:
    """The partitions that are behind more than that. What expired unread, or is not known, is more than any limit."""
    if max_seconds is None and max_share is None:
        return []
    return [partition for partition in lag.partitions if _is_beyond(partition, max_seconds, max_share)]


def _is_beyond(partition: PartitionLag, max_seconds: float | None, max_share: float | None) -> bool:
    if partition.lost or partition.lag_seconds is None:
        return True
    if max_seconds is not None and partition.lag_seconds > max_seconds:
        return True
    return max_share is not None and partition.retention_share is not None and partition.retention_share > max_share
