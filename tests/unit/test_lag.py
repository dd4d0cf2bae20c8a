"""What `lag` makes of answers; the questions themselves are asked of a real broker in tests/commands."""

import pytest

from fanout.cluster.answers import Commit, Ends, Group, Member
from fanout.cluster.position import Position, positions
from fanout.lag.state import Ages, Lag, beyond, state
from fanout.settings import Settings

SETTINGS = Settings(endpoint="kafka:9092", topic="t")
ONE = Member("id-1", "fanout", "10.0.0.1", frozenset({("t", 0), ("other", 1)}))
EMPTY = Group("consumer", "", [], None)


def of(position: Position, age_ms: int | None = None, kept: int | None = 1000, group: Group = EMPTY) -> Lag:
    ages = {} if age_ms is None else {position.partition: age_ms}
    return state(SETTINGS, group, [position], Ages(ages, kept))


def test_what_is_read_to_its_end_is_not_behind() -> None:
    (partition,) = of(Position(0, 9, 0, 9)).partitions
    assert (partition.lag_records, partition.lag_seconds, partition.retention_share) == (0, 0, 0)
    assert partition.seconds_left is None
    assert partition.notes == []


def test_time_is_left_until_the_first_unread_record_is_as_old_as_the_source_keeps_any() -> None:
    (partition,) = of(Position(0, 5, 0, 9), age_ms=250).partitions
    assert (partition.lag_seconds, partition.retention_share, partition.seconds_left) == (0.25, 0.25, 0.75)
    (partition,) = of(Position(0, 5, 0, 9), age_ms=1250).partitions
    assert (partition.retention_share, partition.seconds_left) == (1.25, 0)


def test_a_source_that_keeps_for_ever_has_no_share() -> None:
    (partition,) = of(Position(0, 5, 0, 9), age_ms=250, kept=None).partitions
    assert (partition.lag_seconds, partition.retention_share, partition.seconds_left) == (0.25, None, None)


@pytest.mark.parametrize(
    ("position", "note"),
    [
        (Position(0, None, 5, 9), "never committed"),
        (Position(0, 3, 5, 9), "2 records lost unread"),
        (Position(0, 12, 5, 9), "made anew"),
        (Position(0, 7, 5, 9, anew=True), "made anew"),
    ],
)
def test_what_is_odd_about_a_commit_is_noted(position: Position, note: str) -> None:
    (partition,) = of(position, age_ms=10).partitions
    assert note in partition.notes[0]
    assert partition.lag_records == 4


def test_members_are_told_with_the_partitions_of_this_source_only() -> None:
    lag = state(
        SETTINGS, Group("consumer", "", [ONE], None), [Position(0, 9, 0, 9), Position(1, 9, 0, 9)], Ages({}, None)
    )
    assert [member.partitions for member in lag.members] == [[0]]
    assert [partition.member for partition in lag.partitions] == ["id-1", None]
    assert lag.notes == ["no member has partition 1: the group rebalances"]
    assert "the group has no members" in of(Position(0, 9, 0, 9)).notes[0]


@pytest.mark.parametrize(
    ("position", "age_ms", "max_seconds", "max_share", "over"),
    [
        (Position(0, 5, 0, 9), 500, None, None, False),
        (Position(0, 5, 0, 9), 500, 0.4, None, True),
        (Position(0, 5, 0, 9), 500, 0.6, None, False),
        (Position(0, 5, 0, 9), 500, None, 0.4, True),
        (Position(0, 5, 0, 9), 500, 0.6, 0.6, False),
        (Position(0, 9, 0, 9), None, 0.0, 0.0, False),
        (Position(0, 3, 5, 9), 1, 99.0, None, True),  # some expired unread
        (Position(0, 5, 0, 9), None, 99.0, None, True),  # the age is not known
    ],
)
def test_a_limit_is_kept_or_not(
    position: Position, age_ms: int | None, max_seconds: float | None, max_share: float | None, *, over: bool
) -> None:
    assert bool(beyond(of(position, age_ms), max_seconds, max_share)) is over


def test_a_commit_of_an_earlier_topic_is_known_by_its_identity() -> None:
    commits = {0: Commit(3, "old"), 1: Commit(3, "new"), 2: Commit(3, "")}
    ends = {("t", number): Ends(0, 9) for number in range(4)}
    assert [each.next for each in positions("t", 4, commits, ends, "new")] == [0, 3, 3, 0]
    assert [each.next for each in positions("t", 4, commits, ends, "")] == [3, 3, 3, 0]
