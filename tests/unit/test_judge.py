"""What is found to be wrong, in which words, and the sentence at the top."""

from typing import Any

import msgspec
import pytest

from fanout.errors import FailureKind
from fanout.status import advice
from fanout.status.facts import Expired, Facts, Failing, Trouble
from fanout.status.judge import LOST_FOR_S, Onsets, judge
from fanout.status.kinds import Cause, FindingKind
from fanout.status.phrases import an_end, headline
from fanout.status.state import Failure, Finding, Partition

NOW = 1_700_000_000.0


def partition(number: int = 0, **changes: Any) -> Partition:  # noqa: ANN401 - of any field
    """One that is looked at, moves, and has nothing left to deliver."""
    changes.setdefault("end", 10 + (changes.get("lag_records") or 0))
    return msgspec.structs.replace(
        Partition(
            partition=number, position=10, committed=10, low=0, end=10, lag_records=0, lag_seconds=0.0,
            retention_share=0.0, looked_at=NOW - 2.0, progressed_at=NOW - 2.0,
        ),
        **changes,
    )  # fmt: skip


def facts(*partitions: Partition, **changes: Any) -> Facts:  # noqa: ANN401 - of any field
    known = {"now": NOW, "topic": "events", "group": "fanout", "dead_letter_topic": "events-dlq"}
    held = {"partitions": list(partitions), "running": frozenset(p.partition for p in partitions)}
    return Facts(**{**known, **held, **changes})


def found(seen: Facts, onsets: Onsets | None = None) -> list[Finding]:
    return judge(seen, onsets or Onsets())


def only(seen: Facts, onsets: Onsets | None = None) -> Finding:
    (one,) = found(seen, onsets)
    return one


def failure(cause: str = Cause.KILLED, reason: str = "", exit_code: int = -9) -> Failure:
    return Failure(at=NOW - 1.0, cause=cause, reason=reason, exit_code=exit_code, retry_at=NOW + 5.0)


def behind(number: int, *, seconds: float, retention_s: float = 7200.0) -> Partition:
    return partition(
        number, lag_records=500, lag_seconds=seconds, retention_share=seconds / retention_s, progressed_at=NOW - 1.0
    )


def test_nothing_is_wrong_with_a_replica_that_delivers() -> None:
    assert found(facts(partition(0), behind(1, seconds=3.2), retention_s=7200.0)) == []


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        (facts(*(behind(n, seconds=3.2) for n in range(12)), source_partitions=12, retention_s=7200.0),
         "All 12 partitions moving, 3.2 s behind, retention reached in 1 h 59 min"),
        (facts(partition(0), partition(3), source_partitions=12, retention_s=7200.0),
         "All 2 partitions of this replica moving, nothing left to deliver"),
        (facts(behind(4, seconds=90.0), source_partitions=1), "Partition 4 moving, 1 min behind"),
        (facts(partition(4, lag_seconds=None)), "Partition 4 moving, how far behind is not known"),
        (facts(source_partitions=12), "No partition is assigned to this replica: it is a spare"),
        (facts(joined=False), "Joining the group fanout"),
        (facts(joined=False, broker_silent=Trouble(NOW - 1.0, "")), "Waiting for the broker"),
        (facts(partition(0), stopping=True), "Stopping: what is in flight is delivered, and nothing new is read"),
    ],
)  # fmt: skip
def test_the_state_is_told_in_one_sentence(seen: Facts, says: str) -> None:
    assert headline(seen, found(seen)) == says


@pytest.mark.parametrize(
    ("seen", "kind", "text"),
    [
        (facts(broker_silent=Trouble(NOW - 180.0, "kafka:9092: Connection refused")), FindingKind.BROKER_AWAY,
         "The broker has not answered for 3 min: kafka:9092: Connection refused"),
        (facts(broker_silent=Trouble(NOW - 12.0, "SASL authentication error: Authentication failed"), not_let_in=True),
         FindingKind.BAD_CREDENTIALS,
         "No broker has let this replica in for 12 s: SASL authentication error: Authentication failed"),
        (facts(partition(), credentials_unused=Trouble(NOW - 120.0, "SASL authentication error")),
         FindingKind.BAD_CREDENTIALS,
         ("The credentials in the files have not been taken up for 2 min, and those of before are used: "
          "SASL authentication error")),
        (facts(partition(), source_recreated_at=NOW - 180.0), FindingKind.SOURCE_RECREATED,
         ("The source topic events was made anew 3 min ago: it is read from its start, and what was unread in the old "
          "one is gone")),
        (facts(partition(), refused={"not-json": 1}, refused_since=NOW - 60.0), FindingKind.DEAD_LETTERS,
         "1 event became a dead letter in the last ten minutes: 1 not-json"),
        (facts(partition(4, lag_records=9, progressed_at=NOW - 60.0), failing=[Failing([4], NOW - 2.0, 0, failure(
            FailureKind.TOPIC_NOT_CREATED, "topic a could not be created for 58 s", 10))]),
         FindingKind.WORKER_FAILED, "Partition 4 has not moved for 1 min: topic a could not be created for 58 s"),
        (facts(joined=False, not_joined=Trouble(NOW - 90.0, "Broker: Group authorization failed")),
         FindingKind.NOT_JOINED,
         "This replica has been no member of the group fanout for 1 min: Broker: Group authorization failed"),
        (facts(partition(), group_silent=Trouble(NOW - 20.0, "")), FindingKind.GROUP_SILENT,
         "The group fanout has not answered for 20 s: nothing new is read until it does"),
        (facts(source_absent=Trouble(NOW - 1.0, "it does not exist")), FindingKind.SOURCE_MISSING,
         "The source topic events is not to be seen: it does not exist"),
        (facts(partition(4), failing=[Failing([4], NOW - 120.0, 0, failure(
            FailureKind.NOT_AUTHORIZED, "not authorized to write the topic events-dlq", 10))]),
         FindingKind.WORKER_FAILED,
         "Partition 4 has not moved for 2 min: not authorized to write the topic events-dlq"),
        (facts(partition(4), failing=[Failing([4], NOW - 30.0, 5, failure())]), FindingKind.CRASH_LOOP,
         ("The worker of partition 4 has ended 5 times in a row, for 30 s: killed by SIGKILL, as the kernel does for "
          "want of memory")),
        (facts(partition(1, lag_records=7, progressed_at=NOW - 120.0), partition(2, lag_records=7,
                                                                                 progressed_at=NOW - 90.0)),
         FindingKind.NOT_MOVING,
         "Partitions 1, 2 have not moved for 2 min: the worker runs and delivers nothing"),
        (facts(partition(1, lag_records=7, progressed_at=NOW - 120.0), running=frozenset()), FindingKind.NOT_MOVING,
         "Partition 1 has not moved for 2 min: no worker runs"),
        (facts(partition(0), behind(1, seconds=5400.0), retention_s=7200.0), FindingKind.RETENTION,
         "Partition 1 is 1 h 30 min behind, 75% of what the source keeps: in 30 min unread events are deleted"),
        (facts(behind(1, seconds=7300.0), retention_s=7200.0), FindingKind.RETENTION,
         "Partition 1 is 2 h 1 min behind: what the source keeps for 2 h is being deleted unread"),
        (facts(partition(2), expired=[Expired([2], 1204, NOW - 700.0, NOW - 600.0)]), FindingKind.EXPIRED,
         "1204 events of partition 2 were deleted in the source before they were read: noticed 10 min ago"),
        (facts(partition(), refused={"not-json": 9, "too-large": 1, "expired": 3}, refused_since=NOW - 60.0),
         FindingKind.DEAD_LETTERS,
         "10 events became dead letters in the last ten minutes: 9 not-json, 1 too-large"),
        (facts(partition(), memory_share=0.93), FindingKind.MEMORY,
         "93% of the memory that this container may use is used"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_words_that_need_no_code(seen: Facts, kind: FindingKind, text: str) -> None:
    finding = only(seen)
    assert (finding.kind, finding.text) == (kind, text)
    assert len(finding.advice) > 20
    assert "{" not in finding.advice
    assert finding.since <= NOW


def test_how_far_behind_a_partition_is_has_to_be_unknown_for_a_minute() -> None:
    onsets, unknown = Onsets(), partition(0, looked_at=None, lag_seconds=None)
    assert found(facts(unknown), onsets) == []
    later = only(facts(unknown, now=NOW + 61.0, lag_problem="Broker: Topic authorization failed"), onsets)
    assert later.kind == FindingKind.LAG_UNKNOWN
    assert later.text == "How far behind partition 0 is, is not known: Broker: Topic authorization failed"
    assert later.since == NOW
    assert found(facts(partition(0, looked_at=NOW + 62.0), now=NOW + 62.0), onsets) == []
    assert found(facts(unknown, now=NOW + 63.0), onsets) == [], "it began anew"


@pytest.mark.parametrize(
    "seen",
    [
        facts(broker_silent=Trouble(NOW - 5.0, "")),
        facts(joined=False, not_joined=Trouble(NOW - 30.0, "")),
        facts(joined=False, not_joined=Trouble(NOW - 3.0, "Broker: Group authorization failed")),
        facts(partition(), source_recreated_at=NOW - LOST_FOR_S - 1.0),
        facts(partition(1, lag_records=7, progressed_at=NOW - 30.0)),
        facts(partition(1), failing=[Failing([1], NOW - 5.0, 2, failure())]),
        facts(behind(1, seconds=3000.0), retention_s=7200.0),
        facts(partition(2), expired=[Expired([2], 1, NOW - 9e3, NOW - LOST_FOR_S - 1.0)]),
        facts(partition(), memory_share=0.89),
        facts(partition(), refused={"expired": 2}),
    ],
)
def test_what_passes_by_itself_or_is_over_is_not_told(seen: Facts) -> None:
    assert found(seen) == []


def test_of_a_broker_that_is_away_nothing_is_told_that_only_follows() -> None:
    still = partition(1, lag_records=7, progressed_at=NOW - 300.0, looked_at=NOW - 300.0)
    seen = facts(still, broker_silent=Trouble(NOW - 300.0, ""), not_joined=Trouble(NOW - 300.0, ""), joined=False)
    assert [finding.kind for finding in found(seen)] == [FindingKind.BROKER_AWAY]


def test_a_partition_whose_worker_fails_is_told_of_once() -> None:
    still = partition(1, lag_records=7, progressed_at=NOW - 300.0)
    seen = facts(still, failing=[Failing([1], NOW - 200.0, 0, failure("not-authorized", "no right", 10))])
    assert [finding.kind for finding in found(seen)] == [FindingKind.WORKER_FAILED]


def test_the_worst_comes_first_and_is_what_the_sentence_says() -> None:
    seen = facts(partition(1, lag_records=7, progressed_at=NOW - 300.0), refused={"not-json": 1}, memory_share=0.99)
    findings = found(seen)
    assert [finding.kind for finding in findings] == ["not-moving", "dead-letters", "memory"]
    assert headline(seen, findings) == findings[0].text


def test_a_finding_keeps_the_time_at_which_it_began() -> None:
    onsets = Onsets()
    only(facts(partition(), memory_share=0.95), onsets)
    assert only(facts(partition(), memory_share=0.97, now=NOW + 60.0), onsets).since == NOW


@pytest.mark.parametrize(
    ("ended", "says"),
    [
        (failure(Cause.CRASHED, exit_code=1), "exit code 1"),
        (failure(Cause.SIGNALLED, exit_code=-11), "killed by SIGSEGV"),
        (failure(Cause.SIGNALLED, exit_code=-99), "killed by signal 99"),
        (failure(Cause.STALLED, exit_code=-6), "it hung, and was killed"),
    ],
)
def test_how_a_worker_ended_is_told(ended: Failure, says: str) -> None:
    assert an_end(ended) == says


@pytest.mark.parametrize("cause", [*Cause, *FailureKind])
def test_there_is_something_to_do_for_every_cause(cause: str) -> None:
    assert len(advice.of_failure(cause)) > 20


def test_a_partition_that_has_moved_since_the_look_or_was_looked_at_long_ago_is_not_told_to_stand_still() -> None:
    standing = partition(1, lag_records=7, progressed_at=NOW - 120.0)
    assert only(facts(standing)).kind == FindingKind.NOT_MOVING
    assert found(facts(msgspec.structs.replace(standing, position=17))) == []
    assert found(facts(msgspec.structs.replace(standing, looked_at=NOW - 70.0))) == []
