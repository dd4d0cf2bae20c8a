"""Loads by name, `--load NAME`: what the events of a kind of cluster are like, and how many come usually.

Where a number comes from stands beside it; the rates are those of the demands of a plan (`bench/plan/stories.py`).
What is the same for all: an ADDED has 1 000 bytes, for 860 to 1 142 are seen, and an UPDATED with its old_event twice
as many; Eventrouter writes an event that repeats as UPDATED, which is up to a sixth of what the generator makes, and
the more namespaces, the later; it writes no headers. Both recorder styles occur, the newer in a tenth to a fifth. That
a few namespaces make most of the events is known; the exponent, the demo's, is assumed.
"""

from typing import NamedTuple

from bench.load import Shape

SIZE_BYTES = 1_000
SKEW = 1.1


class Load(NamedTuple):
    """What it stands for, what its events are like, and how many come in a second; 0 where no rate is usual."""

    about: str
    shape: Shape
    rate: float


def _of(namespaces: int, resync: float = 0.0) -> Shape:
    return Shape(namespaces=namespaces, skew=SKEW, size_bytes=SIZE_BYTES, updated=1.0, resync=resync)


LOADS: dict[str, Load] = {
    "idle": Load(
        "a cluster where next to nothing happens: 30 namespaces, 5 events/s, of the 1 to 5 that are seen of such",
        _of(30),
        5,
    ),
    "busy": Load(
        "a cluster at work: 100 namespaces, between the usual 20 and 500; 500 events/s, of 100 to 500 that are seen",
        _of(100),
        500,
    ),
    "churn": Load(
        "pods that come and go: 500 namespaces, 484 events/s, as of 50,000 pods in five minutes; 5,000 get through at "
        "most (EventRateLimit)",
        _of(500),
        484,
    ),
    "hub": Load(
        "fifty busy clusters in one topic: 5,000 namespaces, a hundred of each; 10,000 events/s, 200 of each",
        _of(5_000),
        10_000,
    ),
    "resync": Load(
        "all events of the last hour once more, as UPDATED with themselves as old_event: 200 namespaces, 500 events/s, "
        "about what one Eventrouter writes; compare and recover have them as a backlog, all at once",
        _of(200, resync=1.0),
        500,
    ),
}

# What the bench measures where no load is named: ADDED only, to so many namespaces as the command says, all alike.
PLAIN = Load("", Shape(namespaces=0), 0)
