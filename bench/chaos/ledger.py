"""The ledger of a fault run: what was written to the source, and at which offset. Pure."""

from collections.abc import Iterable

import msgspec

from bench.checker import Sent
from bench.stamp import Place


class Entry(msgspec.Struct):
    """One line. `offset` is below 0 also of what is acknowledged, where the broker did not tell it."""

    place: Place
    namespace: str
    reason: str
    generation: int
    acknowledged: bool = False
    offset: int = -1


def acknowledged(entries: Iterable[Entry]) -> list[Sent]:
    """What is in the source for certain; `entries` in the order in which they were written.

    A broker that has a batch already, because only its answer was lost, says so without an offset. One producer writes
    each partition, in order and without gaps, so it is the one behind that of the entry before.
    """
    following: dict[tuple[int, int], int] = {}
    found = []
    for entry in entries:
        if not entry.acknowledged:
            continue
        where = (entry.generation, entry.place.partition)
        offset = entry.offset if entry.offset >= 0 else following.get(where, 0)
        following[where] = offset + 1
        found.append(Sent(entry.place, entry.namespace, entry.reason, entry.generation, offset))
    return found
