"""The lag, printed."""

import sys
from collections.abc import Sequence

import msgspec

from fanout import table
from fanout.cluster.cluster import Cluster
from fanout.errors import ExitCode
from fanout.lag.state import Lag, MemberState, PartitionLag, beyond, look
from fanout.settings import Settings
from fanout.words import counted, duration, printable, some

COLUMNS = ("PARTITION", "MEMBER", "COMMITTED", "END", "LAG", "BEHIND", "RETENTION", "REACHED IN", "NOTE")


def main(settings: Settings, output: str, max_seconds: float | None, max_share: float | None) -> int:
    """Ask and print; the exit code: 1 if a partition is behind more than a limit. Blocks, a minute at most.

    Raises UnreachableError and AskError.
    """
    cluster = Cluster(settings)
    lag = look(settings, cluster, cluster.overview())
    if output == "json":
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(lag), indent=2).decode() + "\n")
    else:
        show(lag)
    over = beyond(lag, max_seconds, max_share)
    if over and output != "json":
        sys.stdout.write(f"over the limit: {some([str(partition.partition) for partition in over])}\n")
    return ExitCode.CHECK_FAILED if over else ExitCode.OK


def show(lag: Lag) -> None:
    """Print it for people."""
    kept = "for ever, or for how long is not known" if lag.retention_s is None else duration(lag.retention_s)
    sys.stdout.write(
        f"Group {printable(lag.group)} ({lag.protocol}), {counted(len(lag.members), 'member')}; "
        f"source {lag.topic}, {counted(len(lag.partitions), 'partition')}, kept {kept}; "
        f"{counted(lag.lag_records, 'record')} unread\n"
    )
    names = _names(lag.members)
    for member in lag.members:
        numbers = ", ".join(map(str, member.partitions)) or "none"
        sys.stdout.write(f"Member {names[member.id]}: partitions {numbers}\n")
    for note in lag.notes:
        sys.stdout.write(f"{printable(note)}\n")
    table.show(COLUMNS, [_row(partition, names) for partition in lag.partitions])


def _names(members: Sequence[MemberState]) -> dict[str, str]:
    """What to call each member: its host, and where several are on one, the end of its id besides."""
    hosts = [member.host for member in members]
    return {
        member.id: printable(member.host if hosts.count(member.host) == 1 else f"{member.host} ...{member.id[-6:]}")
        for member in members
    }


def _row(partition: PartitionLag, names: dict[str, str]) -> tuple[str, ...]:
    share = partition.retention_share
    return (
        str(partition.partition),
        names.get(partition.member or "", "none"),
        "never" if partition.committed is None else str(partition.committed),
        str(partition.end),
        str(partition.lag_records),
        "not known" if partition.lag_seconds is None else duration(partition.lag_seconds),
        "" if share is None else f"{share:.0%}",
        "" if partition.seconds_left is None else duration(partition.seconds_left),
        "; ".join(partition.notes),
    )
