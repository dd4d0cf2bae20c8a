"""From where to where each partition goes. Pure."""

from collections.abc import Iterable, Mapping

import msgspec

from fanout.cluster.position import Position
from fanout.reset.target import EARLIEST, LATEST, Target


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """One partition. Offsets are "next to read"; `begins` is where a run would begin without the move."""

    partition: int
    committed: int | None  # None: the group never committed
    begins: int
    to: int
    read_again: int  # offsets that were read and will be again
    skipped: int  # offsets that were not read and will never be

    @property
    def changes(self) -> bool:
        """Whether a run begins elsewhere."""
        return self.to != self.begins


def plan(positions: Iterable[Position], target: Target, first: Mapping[int, int | None]) -> list[Move]:
    """One for each partition. `first` is the first offset of the target's time or later; None if there is none."""
    moves = []
    for position in positions:
        to = position.low if target.kind == EARLIEST else position.high
        found = first.get(position.partition)
        if target.kind not in (EARLIEST, LATEST) and found is not None:
            to = found
        moves.append(
            Move(
                partition=position.partition,
                committed=position.committed,
                begins=position.next,
                to=to,
                read_again=max(0, position.next - to),
                skipped=max(0, to - position.next),
            )
        )
    return moves
