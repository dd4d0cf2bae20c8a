"""What an event costs and how many there are a second, by number of destinations: `python -m bench throughput`.

A backlog is drained by one replica on this machine, together with the broker where that is local (`bench/cases`).
"""

from collections.abc import Sequence

import msgspec

from bench.broker import LOCAL, Target
from bench.cases import Case, Measured, Plan, Tell, measure


class Throughput(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was measured. `events` are in the backlog of each case."""

    events: int
    measured: list[Measured]


def cases_of(base: Case, destinations: Sequence[int]) -> list[Case]:
    """This case with each of these numbers of destinations."""
    return [
        msgspec.structs.replace(
            base,
            name=f"{count:,} destination{'s' * (count > 1)}",
            shape=msgspec.structs.replace(base.shape, namespaces=count),
        )
        for count in destinations
    ]


def throughput(plan: Plan, tell: Tell, target: Target = LOCAL) -> Throughput:
    """Measure. Blocks for minutes, and tells and raises as `bench.cases.measure` does."""
    return Throughput(events=plan.events, measured=measure(plan, tell, target))
