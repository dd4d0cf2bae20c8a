"""Parts of sentences about partitions and workers, and the one sentence at the top of everything."""

import signal
from collections.abc import Sequence

from fanout.status.facts import Facts
from fanout.status.kinds import Cause, Severity
from fanout.status.state import Failure, Finding
from fanout.words import duration, some

_ENDS = {
    Cause.KILLED: "killed by SIGKILL, as the kernel does for want of memory",
    Cause.STALLED: "it hung, and was killed",
    Cause.LEASE_EXPIRED: "the supervisor did not run for so long that its lease ran out",
    Cause.NOT_STARTED: "the system could not start a process",
}


def which(partitions: Sequence[int]) -> str:
    """`Partition 4`, `Partitions 1, 4`, `Partitions 0, 1, 2, 3, 4 and 7 more`."""
    return f"Partition{'s' if len(partitions) > 1 else ''} {some([str(number) for number in sorted(partitions)])}"


def have(partitions: Sequence[int]) -> str:
    """The verb for so many."""
    return "have" if len(partitions) > 1 else "has"


def an_end(failure: Failure) -> str:
    """How a worker ended that did not say why."""
    if failure.cause in _ENDS:
        return _ENDS[Cause(failure.cause)]
    if failure.exit_code < 0:
        try:
            return f"killed by {signal.Signals(-failure.exit_code).name}"
        except ValueError:
            return f"killed by signal {-failure.exit_code}"
    return f"exit code {failure.exit_code}"


def headline(facts: Facts, findings: Sequence[Finding]) -> str:
    """The state in one sentence."""
    if facts.stopping:
        return "Stopping: what is in flight is delivered, and nothing new is read"
    if findings and findings[0].severity == Severity.ERROR:
        return findings[0].text
    if facts.broker_silent is not None:
        return "Waiting for the broker"
    if not facts.joined:
        return f"Joining the group {facts.group}"
    if not facts.partitions:
        return "No partition is assigned to this replica: it is a spare"
    return f"{_subject(facts)} moving, {_behind(facts)}"


def _subject(facts: Facts) -> str:
    held = len(facts.partitions)
    if held == 1:
        return f"Partition {facts.partitions[0].partition}"
    if held == facts.source_partitions:
        return f"All {held} partitions"
    return f"All {held} partitions of this replica"


def _behind(facts: Facts) -> str:
    ages = [partition.lag_seconds for partition in facts.partitions if partition.lag_seconds is not None]
    if len(ages) < len(facts.partitions):
        return "how far behind is not known"
    worst = max(ages)
    if not worst:
        return "nothing left to deliver"
    told = f"{duration(worst)} behind"
    if facts.retention_s is None:
        return told
    return f"{told}, retention reached in {duration(max(0.0, facts.retention_s - worst))}"
