"""Which offsets are to be committed: pure bookkeeping, for partitions that are owned without interruption.

Whatever was known of a partition is dropped when it is revoked or lost: a commit kept over a loss was seen to move
an offset back that the next owner had moved on.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

NO_COMMIT = -2  # Kafka's OFFSET_BEGINNING: a partition without a commit starts at its earliest record


class Owned:
    """One uninterrupted ownership of a partition. Its identity is what tells it from the next one."""

    __slots__ = ("committed", "position")

    def __init__(self, position: int) -> None:
        self.position = position
        self.committed = position


Ownership = dict[int, Owned]


class Ticket(NamedTuple):
    """A commit under way: what it says, and of which ownership."""

    offsets: dict[int, int]
    owned: Ownership


class Commits:
    """Positions of the partitions that this replica owns. Offsets are "next to read"."""

    def __init__(self) -> None:
        self._owned: dict[int, Owned] = {}

    def own(self, offsets: Mapping[int, int]) -> None:
        """These partitions are ours from now on; `offsets` are their committed ones, or NO_COMMIT."""
        for partition, offset in offsets.items():
            self._owned[partition] = Owned(offset)

    def disown(self, partitions: Iterable[int]) -> None:
        """These partitions are not ours any more: forget all of them, a commit under way included."""
        for partition in partitions:
            self._owned.pop(partition, None)

    def owned(self) -> set[int]:
        """The partitions that are ours."""
        return set(self._owned)

    def position(self, partition: int) -> int:
        """Where a worker of this partition has to begin."""
        return self._owned[partition].position

    def places(self) -> dict[int, tuple[int, int]]:
        """Of each partition that is ours, the position and what is committed; negative where there is none yet."""
        return {partition: (owned.position, owned.committed) for partition, owned in self._owned.items()}

    def positions(self) -> dict[int, int]:
        """The next offset to deliver of each partition that is ours; NO_COMMIT where nothing was."""
        return {partition: owned.position for partition, owned in self._owned.items()}

    def ownership(self, partitions: Iterable[int]) -> Ownership:
        """What a worker that is started now reports under."""
        return {partition: self._owned[partition] for partition in partitions}

    def delivered(self, ownership: Ownership, offsets: Mapping[int, int]) -> list[int]:
        """A worker has delivered everything below these offsets; the partitions that it has moved on.

        What a worker of an ownership that has ended still has to say is not heard.
        """
        moved = []
        for partition, offset in offsets.items():
            owned = self._owned.get(partition)
            if owned is not None and owned is ownership.get(partition) and offset > owned.position:
                owned.position = offset
                moved.append(partition)
        return moved

    def restart(self, partitions: Iterable[int]) -> None:
        """The source of these partitions is another one: begin at the earliest record.

        The start is committed, too: what the group has is an offset of the old topic, and a reassignment would go on
        from there. What a worker of the old topic still reports is not heard.
        """
        for partition in partitions:
            if partition in self._owned:
                self._owned[partition] = owned = Owned(NO_COMMIT)
                owned.committed = NO_COMMIT - 1

    def due(self, partitions: Iterable[int] | None = None) -> Ticket | None:
        """What has to be committed now, of all partitions or of these; None if there is nothing."""
        wanted = self._owned if partitions is None else {p: self._owned[p] for p in partitions if p in self._owned}
        owned = {p: state for p, state in wanted.items() if state.position > state.committed}
        return Ticket({p: max(0, state.position) for p, state in owned.items()}, owned) if owned else None

    def everything(self) -> Ticket | None:
        """The positions of all partitions, committed already or not; None if none has one."""
        owned = {p: state for p, state in self._owned.items() if state.position >= 0}
        return Ticket({p: state.position for p, state in owned.items()}, owned) if owned else None

    def anything(self) -> bool:
        """Whether there is any position that could be committed."""
        return self.everything() is not None

    def confirmed(self, ticket: Ticket, partitions: Iterable[int]) -> None:
        """The broker has taken these partitions of the commit."""
        for partition in partitions:
            state = ticket.owned[partition]
            # Identity tells the ownerships apart: a partition may have been away meanwhile.
            if self._owned.get(partition) is state:
                state.committed = max(state.committed, ticket.offsets[partition])
