"""How far behind is the group, and will the unread records be there when it comes to them?"""

from fanout.check.row import Result, Row
from fanout.client import kept_ms
from fanout.cluster.answers import AskError
from fanout.cluster.backlog import ages_ms, positions_of
from fanout.cluster.cluster import Cluster
from fanout.cluster.position import Position
from fanout.settings import Settings
from fanout.words import counted, duration, some

CHECK = "retention against lag"
_WARN_SHARE = 0.5
_FAIL_SHARE = 0.9


def rows(settings: Settings, cluster: Cluster, partitions: int) -> list[Row]:
    """Lost records, then the age of the unread ones as a share of what the source keeps. Raises AskError."""
    positions = positions_of(settings, cluster, partitions)
    lost = _lost(positions)
    try:
        config = cluster.topic_config(settings.topic)
    except AskError as error:
        text = f"{counted(sum(p.lag for p in positions), 'record')} unread; how long the source keeps them: {error}"
        todo = f"grant DESCRIBE_CONFIGS on topic {settings.topic}"
        return [*lost, Row(CHECK, Result.UNKNOWN, text, todo)]
    kept = kept_ms(config)
    behind = [position for position in positions if position.lag > 0]
    ages = ages_ms(settings, behind) if kept is not None else {}
    found = [*lost, judge(positions, ages, kept)]
    if int(config.get("retention.bytes", -1)) >= 0 and behind:
        text = f"the source also has retention.bytes={config['retention.bytes']}: records may expire sooner"
        found.append(Row(CHECK, Result.WARNING, text, "look at the rate of the source"))
    return found


def _lost(positions: list[Position]) -> list[Row]:
    """Records that expired before they were read, and positions past the end."""
    expired = [p for p in positions if p.lost]
    past = [p for p in positions if p.past]
    found = []
    if expired:
        gone = sum(p.lost for p in expired)
        text = f"{counted(gone, 'record')} expired unread, in partitions {_numbers(expired)}"
        todo = "a run counts them, marks them in the dead-letter topic and goes on; raise retention.ms of the source"
        found.append(Row(CHECK, Result.FAILED, text, todo))
    if past:
        text = f"the source topic was made anew since the group committed in partitions {_numbers(past)}"
        found.append(Row(CHECK, Result.WARNING, text, "nothing: a run begins at their earliest records"))
    return found


def judge(positions: list[Position], ages: dict[int, int], kept: int | None) -> Row:
    """The row for the records that are still there. `ages` (ms) are of the first unread record of each partition."""
    lag = sum(position.lag for position in positions)
    if lag == 0:
        return Row(CHECK, Result.OK, "nothing is unread")
    text = f"{counted(lag, 'record')} unread"
    if kept is None:
        return Row(CHECK, Result.OK, f"{text}; the source keeps them for ever")
    if not ages:
        return Row(CHECK, Result.UNKNOWN, f"{text}; their age could not be read", "look at the right to read")
    worst = max(ages, key=lambda number: ages[number])
    share = ages[worst] / max(kept, 1)
    text += (
        f"; the oldest, in partition {worst}, is {duration(ages[worst] / 1000)} old: "
        f"{share:.0%} of the {duration(kept / 1000)} that the source keeps"
    )
    todo = "start the run now, raise retention.ms of the source, or give it more partitions"
    began = {position.partition for position in positions if position.committed is not None}
    if share > _FAIL_SHARE and worst in began:
        return Row(CHECK, Result.FAILED, text, todo)
    if share > _FAIL_SHARE:
        # Without a commit the run begins with the oldest record, which is as old as the source keeps any.
        return Row(CHECK, Result.WARNING, f"{text}; the group has not begun there yet", todo)
    return Row(CHECK, Result.WARNING if share > _WARN_SHARE else Result.OK, text, todo if share > _WARN_SHARE else "")


def _numbers(positions: list[Position]) -> str:
    return some([str(position.partition) for position in positions])
