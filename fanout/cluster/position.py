"""Where the group stands in one partition of the source."""

from typing import NamedTuple

from fanout.cluster.answers import Commit, Ends


class Position(NamedTuple):
    """`committed` is None where the group never committed; `anew`: it did, but of an earlier topic of this name."""

    partition: int
    committed: int | None
    low: int
    high: int
    anew: bool = False

    @property
    def next(self) -> int:
        """The offset that a run would read first."""
        if self.committed is None or self.past or self.committed < self.low:
            return self.low
        return self.committed

    @property
    def lag(self) -> int:
        """Records that are there and unread."""
        return self.high - self.next

    @property
    def past(self) -> bool:
        """Whether the commit says nothing of this topic: it is of another one, or past the end."""
        return self.committed is not None and (self.anew or self.committed > self.high)

    @property
    def lost(self) -> int:
        """Records that expired before they were read."""
        return max(0, self.low - self.committed) if self.committed is not None and not self.past else 0


def positions(
    topic: str, partitions: int, commits: dict[int, Commit], ends: dict[tuple[str, int], Ends], identity: str
) -> list[Position]:
    """One for each partition. `identity` is the topic's; empty if it is not known."""
    found = []
    for number in range(partitions):
        commit = commits.get(number)
        anew = commit is not None and bool(commit.identity and identity) and commit.identity != identity
        low, high = ends[topic, number]
        found.append(Position(number, commit.offset if commit is not None else None, low, high, anew))
    return found
