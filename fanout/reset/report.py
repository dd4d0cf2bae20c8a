"""The moves, printed and made."""

import sys
from collections.abc import Sequence

import msgspec

from fanout import table
from fanout.cluster.answers import AskError, Member, Place
from fanout.cluster.backlog import positions_of
from fanout.cluster.cluster import Cluster
from fanout.errors import ExitCode
from fanout.reset.plan import Move, plan
from fanout.reset.target import EARLIEST, LATEST, Target
from fanout.settings import Settings
from fanout.words import counted, printable, some

COLUMNS = ("PARTITION", "COMMITTED", "BEGINS AT", "TO", "WHAT FOLLOWS")


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What is told to programs."""

    group: str
    topic: str
    to: str
    moved: bool
    members: list[str]  # that keep it from being done
    partitions: list[Move]
    read_again: int
    skipped: int


def main(settings: Settings, target: Target, output: str, *, really: bool) -> int:
    """Tell where the group would read on, or have it do so; the exit code: 1 while the group has members.

    Blocks for the cluster's answers; raises UnreachableError and AskError.
    """
    cluster = Cluster(settings)
    partitions = cluster.overview().topics.get(settings.topic, 0)
    if not partitions:
        text = f"the source topic {settings.topic} does not exist, or may not be seen: create it, or look at TOPIC"
        raise AskError(text, absent=True)
    # First, so that what is committed below is of this topic, or of none.
    identity = cluster.identity(settings.topic)
    moves = _moves(settings, cluster, partitions, target)
    members = cluster.group().members
    done = really and not members
    if done:
        try:
            cluster.move({move.partition: move.to for move in moves}, identity)
        except AskError as error:
            members, done = cluster.group().members, False  # one that came meanwhile is why the broker refused
            if not members:
                todo = (
                    f"; grant READ on group {settings.groupid}, and on topic {settings.topic}" if error.denied else ""
                )
                raise AskError(f"{error}{todo}", denied=error.denied) from error
    if output == "json":
        answer = Answer(
            group=settings.groupid, topic=settings.topic, to=target.kind, moved=done,
            members=[_name(member) for member in members], partitions=moves,
            read_again=sum(move.read_again for move in moves), skipped=sum(move.skipped for move in moves),
        )  # fmt: skip
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode() + "\n")
    else:
        _show(settings, moves, members, done=done)
    return ExitCode.CHECK_FAILED if members else ExitCode.OK


def _moves(settings: Settings, cluster: Cluster, partitions: int, target: Target) -> list[Move]:
    positions = positions_of(settings, cluster, partitions)
    first: dict[int, int | None] = {}
    if target.kind not in (EARLIEST, LATEST):
        places: list[Place] = [(settings.topic, number) for number in range(partitions)]
        first = {number: offset for (_, number), offset in cluster.since(places, target.at).items()}
    return plan(positions, target, first)


def _show(settings: Settings, moves: Sequence[Move], members: Sequence[Member], *, done: bool) -> None:
    table.show(COLUMNS, [_row(move) for move in moves])
    again, skipped = sum(move.read_again for move in moves), sum(move.skipped for move in moves)
    sys.stdout.write(
        f"Group {printable(settings.groupid)} in {settings.topic}: "
        f"{counted(again, 'record')} read again, {skipped} skipped\n"
    )
    if members:
        names = some([_name(member) for member in members])
        sys.stdout.write(
            f"nothing was moved: the group has {counted(len(members), 'member')} ({names}); stop all replicas first\n"
        )
    elif done:
        sys.stdout.write("moved; a run reads on there\n")
    else:
        sys.stdout.write("nothing was moved; --yes moves it\n")


def _row(move: Move) -> tuple[str, ...]:
    if move.read_again:
        effect = f"{counted(move.read_again, 'record')} read again: their events are delivered a second time"
    elif move.skipped:
        effect = f"{counted(move.skipped, 'record')} skipped: their events are never delivered"
    else:
        effect = "nothing changes"
    committed = "never" if move.committed is None else str(move.committed)
    return str(move.partition), committed, str(move.begins), str(move.to), effect


def _name(member: Member) -> str:
    return printable(f"{member.client_id} on {member.host}")
