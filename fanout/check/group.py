"""The consumer group: may we use it and commit, and who else is in it?"""

from fanout.check.row import Result, Row
from fanout.cluster.answers import AskError, Group, Member
from fanout.cluster.cluster import Cluster
from fanout.settings import Settings
from fanout.words import some

RIGHT = "right to use the group and commit"
MEMBERS = "members of the group"
_OURS = "cooperative-sticky"


def rows(settings: Settings, cluster: Cluster) -> list[Row]:
    """Rights and present members. Raises AskError where the cluster does not answer."""
    name = settings.groupid
    try:
        group = cluster.group()
    except AskError as error:
        if error.denied:
            found = f"the group {name} may not be used ({error})"
            return [Row(RIGHT, Result.FAILED, found, f"grant READ on group {name}")]
        raise
    return [_right(name, group.operations), _members(settings, group, cluster)]


def _right(name: str, operations: frozenset[str] | None) -> Row:
    if operations is None:
        return Row(RIGHT, Result.UNKNOWN, f"the broker does not tell the rights on group {name}")
    if "READ" in operations:
        return Row(RIGHT, Result.OK, f"the group {name} may be used")
    return Row(RIGHT, Result.FAILED, f"the group {name} may not be used", f"grant READ on group {name}")


def _members(settings: Settings, group: Group, cluster: Cluster) -> Row:
    """Members that would keep partitions from us, or us out of the group."""
    name, members = settings.groupid, group.members
    if not members:
        return Row(MEMBERS, Result.OK, f"{name} has no members now")
    others = [member for member in members if member.topics - {settings.topic}]
    todo = "stop them first, or set another GROUPID"
    if others:
        topics = sorted(frozenset().union(*(member.topics for member in others)) - {settings.topic})
        found = f"{name} has members that read other topics ({some(topics)}): {_who(others)}"
        return Row(MEMBERS, Result.FAILED, found, todo)
    if group.protocol == "classic" and group.assignor != _OURS:
        found = f"{name} is used by another program, with the assignor {group.assignor}: {_who(members)}"
        return Row(MEMBERS, Result.FAILED, found, todo)
    chosen = cluster.protocol()
    if group.protocol not in {"unknown", chosen}:
        found = f"{name} has members with the protocol {group.protocol}; ours would be {chosen}: {_who(members)}"
        return Row(MEMBERS, Result.FAILED, found, f"stop them first, or set GROUP_PROTOCOL={group.protocol}")
    return Row(MEMBERS, Result.OK, f"{name} has {len(members)} now: {_who(members)}")


def _who(members: list[Member]) -> str:
    return some(sorted(f"{member.client_id} at {member.host}" for member in members), 3)
