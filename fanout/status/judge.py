"""What is not as it should be: findings, each with what it is, since when, why, and what to do.

A finding comes when it has lasted so long that it is no passing thing, and goes when it is over.
"""

from collections.abc import Callable, Iterator

from fanout.errors import Reason
from fanout.status import advice
from fanout.status.facts import Facts, Failing
from fanout.status.kinds import FindingKind, Severity
from fanout.status.phrases import an_end, have, which
from fanout.status.state import Finding, Partition
from fanout.words import counted, duration, some

BROKER_AWAY_S = 10.0
NOT_JOINED_S = 60.0
REFUSED_S = 5.0  # where the group has said why it does not serve us, it is no matter of waiting
NOT_MOVING_S = 60.0
LAG_OLD_S = 30.0
LAG_UNKNOWN_S = 60.0
CRASHES = 3  # in a row: one or two are mended by a restart
RETENTION_WARNING = 0.5
RETENTION_ERROR = 0.8
LOST_FOR_S = 3_600.0
MEMORY_WARNING = 0.9
_ORDER = list(FindingKind)


class Onsets:
    """Since when a finding is there that does not know it itself."""

    def __init__(self) -> None:
        self._begun: dict[FindingKind, float] = {}
        self._seen: set[FindingKind] = set()

    def of(self, kind: FindingKind, now: float) -> float:
        """When it was found first, of all the looks in a row."""
        self._seen.add(kind)
        return self._begun.setdefault(kind, now)

    def end_look(self) -> None:
        """What was not found in this look is over."""
        self._begun = {kind: at for kind, at in self._begun.items() if kind in self._seen}
        self._seen.clear()


def judge(facts: Facts, onsets: Onsets) -> list[Finding]:
    """The findings, worst first; of those that are as bad, in the order of `FindingKind`."""
    found = [finding for look in _LOOKS for finding in look(facts, onsets)]
    onsets.end_look()
    return sorted(found, key=lambda one: (one.severity != Severity.ERROR, _ORDER.index(FindingKind(one.kind))))


def _finding(kind: FindingKind, text: str, todo: str, since: float, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(kind=kind.value, severity=severity.value, text=text, advice=todo, since=since)


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _group(facts: Facts, _: Onsets) -> Iterator[Finding]:
    """The broker and the group. Where the broker is away, the rest follows from it."""
    silent, now = facts.broker_silent, facts.now
    if silent is not None:
        if now - silent.since >= BROKER_AWAY_S:
            lasts, why = duration(now - silent.since), _because(silent.reason)
            if facts.not_let_in:
                text = f"No broker has let this replica in for {lasts}{why}"
                yield _finding(FindingKind.BAD_CREDENTIALS, text, advice.BAD_CREDENTIALS, silent.since)
            else:
                text = f"The broker has not answered for {lasts}{why}"
                yield _finding(FindingKind.BROKER_AWAY, text, advice.BROKER_AWAY, silent.since)
        return
    if facts.source_absent is not None:
        text = f"The source topic {facts.topic} is not to be seen: {facts.source_absent.reason}"
        todo = advice.SOURCE_MISSING.format(topic=facts.topic)
        yield _finding(FindingKind.SOURCE_MISSING, text, todo, facts.source_absent.since)
    apart = facts.not_joined
    if apart is not None and now - apart.since >= (REFUSED_S if apart.reason else NOT_JOINED_S):
        lasts = duration(now - apart.since)
        text = f"This replica has been no member of the group {facts.group} for {lasts}{_because(apart.reason)}"
        todo = advice.NOT_JOINED.format(group=facts.group, topic=facts.topic)
        yield _finding(FindingKind.NOT_JOINED, text, todo, apart.since)
    if facts.group_silent is not None:
        lasts = duration(now - facts.group_silent.since)
        text = f"The group {facts.group} has not answered for {lasts}: nothing new is read until it does"
        yield _finding(FindingKind.GROUP_SILENT, text, advice.GROUP_SILENT, facts.group_silent.since)


def _credentials(facts: Facts, _: Onsets) -> Iterator[Finding]:
    """What goes on for now, and ends when a connection has to be made anew."""
    unused = facts.credentials_unused
    if unused is not None and facts.broker_silent is None:
        text = (
            f"The credentials in the files have not been taken up for {duration(facts.now - unused.since)}, and those "
            f"of before are used{_because(unused.reason)}"
        )
        yield _finding(FindingKind.BAD_CREDENTIALS, text, advice.CREDENTIALS_UNUSED, unused.since, Severity.WARNING)


def _workers(facts: Facts, _: Onsets) -> Iterator[Finding]:
    """Workers that end again and again: all that end for one reason are one finding."""
    for failing in facts.failing:
        failure = failing.failure
        if failure.reason:
            # The worker may have tried for a while before it failed.
            since = min([failing.since, *_stood_since(facts, failing)])
            lasts = duration(facts.now - since)
            text = f"{which(failing.partitions)} {have(failing.partitions)} not moved for {lasts}: {failure.reason}"
            yield _finding(FindingKind.WORKER_FAILED, text, advice.of_failure(failure.cause), since)
        elif failing.crashes >= CRASHES:
            text = (
                f"The worker of {which(failing.partitions).lower()} has ended {failing.crashes} times in a row, "
                f"for {duration(facts.now - failing.since)}: {an_end(failure)}"
            )
            todo = f"{advice.of_failure(failure.cause)}. After {facts.crashes_max} times this program ends"
            yield _finding(FindingKind.CRASH_LOOP, text, todo, failing.since)


def _stood_since(facts: Facts, failing: Failing) -> Iterator[float]:
    """When its partitions that have something to deliver moved last."""
    for partition in facts.partitions:
        if partition.partition in failing.partitions and partition.lag_records and partition.progressed_at is not None:
            yield partition.progressed_at


def _moving(facts: Facts, _: Onsets) -> Iterator[Finding]:
    """Partitions that have something to deliver and do not deliver it, for no reason that is told elsewhere."""
    if facts.broker_silent is not None or facts.group_silent is not None:
        return
    told = {number for failing in facts.failing for number in failing.partitions}
    for runs in (False, True):
        still = [
            partition
            for partition in facts.partitions
            if partition.partition not in told
            and (partition.partition in facts.running) is runs
            and partition.lag_records
            and (partition.position or 0) < (partition.end or 0)  # it may have moved since the look
            and facts.now - (partition.looked_at or 0.0) < LAG_OLD_S
            and facts.now - (partition.progressed_at or facts.now) >= NOT_MOVING_S
        ]
        if still:
            since = min(partition.progressed_at or facts.now for partition in still)
            numbers = [partition.partition for partition in still]
            why = "the worker runs and delivers nothing" if runs else "no worker runs"
            text = f"{which(numbers)} {have(numbers)} not moved for {duration(facts.now - since)}: {why}"
            yield _finding(FindingKind.NOT_MOVING, text, advice.NOT_MOVING, since)


def _lag(facts: Facts, onsets: Onsets) -> Iterator[Finding]:
    """How near the deletion of what is unread is, or that this is not known."""
    worst = max(facts.partitions, key=lambda partition: partition.retention_share or 0.0, default=None)
    share = worst.retention_share if worst is not None else None
    if worst is not None and share is not None and share >= RETENTION_WARNING:
        severity = Severity.ERROR if share >= RETENTION_ERROR else Severity.WARNING
        since = onsets.of(FindingKind.RETENTION, facts.now)
        yield _finding(FindingKind.RETENTION, _retention(worst, share, facts), advice.RETENTION, since, severity)
    unknown = [
        partition.partition
        for partition in facts.partitions
        if partition.lag_seconds is None or facts.now - (partition.looked_at or 0.0) >= LAG_OLD_S
    ]
    if unknown and facts.broker_silent is None:
        since = onsets.of(FindingKind.LAG_UNKNOWN, facts.now)
        if facts.now - since >= LAG_UNKNOWN_S:
            verb = "are" if len(unknown) > 1 else "is"
            text = f"How far behind {which(unknown).lower()} {verb}, is not known{_because(facts.lag_problem)}"
            todo = advice.LAG_UNKNOWN.format(topic=facts.topic)
            yield _finding(FindingKind.LAG_UNKNOWN, text, todo, since, Severity.WARNING)


def _retention(worst: Partition, share: float, facts: Facts) -> str:
    left_s = (facts.retention_s or 0.0) - (worst.lag_seconds or 0.0)
    behind = f"Partition {worst.partition} is {duration(worst.lag_seconds or 0.0)} behind"
    if left_s <= 0:
        return f"{behind}: what the source keeps for {duration(facts.retention_s or 0.0)} is being deleted unread"
    return f"{behind}, {share:.0%} of what the source keeps: in {duration(left_s)} unread events are deleted"


def _losses(facts: Facts, _: Onsets) -> Iterator[Finding]:
    """Events that went, or went elsewhere."""
    recent = [expired for expired in facts.expired if facts.now - expired.at < LOST_FOR_S]
    if recent:
        numbers = sorted({number for expired in recent for number in expired.partitions})
        records, last = sum(expired.records for expired in recent), max(expired.at for expired in recent)
        text = (
            f"{counted(records, 'event')} of {which(numbers).lower()} {'was' if records == 1 else 'were'} deleted in "
            f"the source before they were read: noticed {duration(facts.now - last)} ago"
        )
        todo = advice.EXPIRED.format(topic=facts.dead_letter_topic)
        yield _finding(FindingKind.EXPIRED, text, todo, min(expired.since for expired in recent))
    anew = facts.source_recreated_at
    if anew is not None and facts.now - anew < LOST_FOR_S:
        text = (
            f"The source topic {facts.topic} was made anew {duration(facts.now - anew)} ago: it is read from its "
            "start, and what was unread in the old one is gone"
        )
        yield _finding(FindingKind.SOURCE_RECREATED, text, advice.SOURCE_RECREATED, anew)
    refused = {reason: count for reason, count in facts.refused.items() if reason != Reason.EXPIRED and count > 0}
    if refused:
        count = sum(refused.values())
        largest = sorted(refused, key=lambda reason: -refused[reason])
        text = (
            f"{counted(count, 'event')} became {'a dead letter' if count == 1 else 'dead letters'} "
            "in the last ten minutes: "
            f"{some([f'{refused[reason]} {reason}' for reason in largest])}"
        )
        todo = advice.DEAD_LETTERS.format(topic=facts.dead_letter_topic)
        yield _finding(FindingKind.DEAD_LETTERS, text, todo, facts.refused_since, Severity.WARNING)


def _memory(facts: Facts, onsets: Onsets) -> Iterator[Finding]:
    if facts.memory_share is not None and facts.memory_share >= MEMORY_WARNING:
        text = f"{facts.memory_share:.0%} of the memory that this container may use is used"
        since = onsets.of(FindingKind.MEMORY, facts.now)
        yield _finding(FindingKind.MEMORY, text, advice.MEMORY, since, Severity.WARNING)


_LOOKS: tuple[Callable[[Facts, Onsets], Iterator[Finding]], ...] = (
    _group,
    _credentials,
    _workers,
    _moving,
    _lag,
    _losses,
    _memory,
)
