"""From where to where a reset goes."""

import time

import pytest

from fanout.cluster.position import Position
from fanout.reset.plan import plan
from fanout.reset.target import Target, target_of

READ_TO_SIX = Position(0, 6, 2, 10)


@pytest.mark.parametrize(
    ("position", "target", "first", "to", "again", "skipped"),
    [
        (READ_TO_SIX, Target("earliest"), None, 2, 4, 0),
        (READ_TO_SIX, Target("latest"), None, 10, 0, 4),
        (READ_TO_SIX, Target("2h", 1), 4, 4, 2, 0),
        (READ_TO_SIX, Target("2h", 1), 8, 8, 0, 2),
        (READ_TO_SIX, Target("2h", 1), None, 10, 0, 4),
        (Position(0, None, 2, 10), Target("earliest"), None, 2, 0, 0),
        (Position(0, None, 2, 10), Target("latest"), None, 10, 0, 8),
        (Position(0, 1, 2, 10), Target("latest"), None, 10, 0, 8),
        (Position(0, 6, 0, 10, anew=True), Target("latest"), None, 10, 0, 10),
    ],
)
def test_what_is_read_again_and_what_is_skipped(
    position: Position, target: Target, first: int | None, to: int, again: int, skipped: int
) -> None:
    (move,) = plan([position], target, {0: first})
    assert (move.to, move.read_again, move.skipped) == (to, again, skipped)
    assert (move.begins, move.committed) == (position.next, position.committed)


def test_a_time_is_a_moment_or_how_long_ago() -> None:
    assert target_of("earliest") == Target("earliest")
    assert target_of("1970-01-01T00:00:02Z").at == target_of("1970-01-01T00:00:02").at == 2_000
    assert target_of("1970-01-01T02:00:00+01:00").at == 3_600_000
    ago = time.time_ns() // 1_000_000 - target_of("2h").at
    assert 7_200_000 <= ago < 7_260_000
    for text in ("", "soon", "-2h", "12", "Earliest"):
        with pytest.raises(ValueError, match="no place to go to"):
            target_of(text)
