"""How far behind is the group, and will the unread records be there when it comes to them?"""

import time
from typing import NamedTuple

from fanout.check.answers import AskError
from fanout.check.cluster import Cluster
from fanout.check.row import Result, Row, counted, some
from fanout.settings import Settings

CHECK = "retention against lag"
_WARN_SHARE = 0.5
_FAIL_SHARE = 0.9


class Position(NamedTuple):
    """Where the group stands in one partition; `committed` is None where it never was."""

    partition: int
    committed: int | None
    low: int
    high: int

    @property
    def next(self) -> int:
        """The offset that a run would read first."""
        if self.committed is None or not self.low <= self.committed <= self.high:
            return self.low
        return self.committed

    @property
    def lag(self) -> int:
        """Records that are there and unread."""
        return self.high - self.next


def rows(settings: Settings, cluster: Cluster, partitions: int) -> list[Row]:
    """Lost records, then the age of the unread ones as a share of what the source keeps. Raises AskError."""
    committed = cluster.committed(partitions)
    low, high = cluster.ends(partitions)
    positions = [Position(number, committed.get(number), low[number], high[number]) for number in range(partitions)]
    lost = _lost(positions)
    try:
        config = cluster.topic_config(settings.topic)
    except AskError as error:
        text = f"{counted(sum(p.lag for p in positions), 'record')} unread; how long the source keeps them: {error}"
        todo = f"grant DESCRIBE_CONFIGS on topic {settings.topic}"
        return [*lost, Row(CHECK, Result.UNKNOWN, text, todo)]
    kept_ms = int(config.get("retention.ms", -1)) if "delete" in config.get("cleanup.policy", "delete") else -1
    behind = {position.partition: position.next for position in positions if position.lag > 0}
    ages = cluster.timestamps(behind) if behind and kept_ms > 0 else {}
    now_ms = time.time_ns() // 1_000_000
    ages = {number: max(0, now_ms - timestamp) for number, timestamp in ages.items()}
    found = [*lost, judge(positions, ages, kept_ms)]
    if int(config.get("retention.bytes", -1)) >= 0 and behind:
        text = f"the source also has retention.bytes={config['retention.bytes']}: records may expire sooner"
        found.append(Row(CHECK, Result.WARNING, text, "look at the rate of the source"))
    return found


def _lost(positions: list[Position]) -> list[Row]:
    """Records that expired before they were read, and positions past the end."""
    expired = [p for p in positions if p.committed is not None and p.committed < p.low]
    past = [p for p in positions if p.committed is not None and p.committed > p.high]
    found = []
    if expired:
        gone = sum(p.low - (p.committed or 0) for p in expired)
        text = f"{counted(gone, 'record')} expired unread, in partitions {_numbers(expired)}"
        todo = "a run counts them, marks them in the dead-letter topic and goes on; raise retention.ms of the source"
        found.append(Row(CHECK, Result.FAILED, text, todo))
    if past:
        text = f"the group is past the end of partitions {_numbers(past)}: the source topic was made anew"
        found.append(Row(CHECK, Result.WARNING, text, "nothing: a run begins at their earliest records"))
    return found


def judge(positions: list[Position], ages_ms: dict[int, int], kept_ms: int) -> Row:
    """The row for the records that are still there. `ages_ms` is of the first unread record of each partition."""
    lag = sum(position.lag for position in positions)
    if lag == 0:
        return Row(CHECK, Result.OK, "nothing is unread")
    text = f"{counted(lag, 'record')} unread"
    if kept_ms <= 0:
        return Row(CHECK, Result.OK, f"{text}; the source keeps them for ever")
    if not ages_ms:
        return Row(CHECK, Result.UNKNOWN, f"{text}; their age could not be read", "look at the right to read")
    worst = max(ages_ms, key=lambda number: ages_ms[number])
    share = ages_ms[worst] / kept_ms
    text += (
        f"; the oldest, in partition {worst}, is {_duration(ages_ms[worst])} old: "
        f"{share:.0%} of the {_duration(kept_ms)} that the source keeps"
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


def _duration(milliseconds: int) -> str:
    minutes = milliseconds // 60_000
    if minutes < 1:
        return f"{milliseconds / 1000:.0f} s"
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{days} d" if days else "", f"{hours} h" if hours else "", f"{minutes} min" if minutes else ""]
    return " ".join(part for part in parts if part)
