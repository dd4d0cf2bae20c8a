"""How long events were under way, worked out from what the writer's schedule and the taps say: pure."""

from itertools import compress

import msgspec

from bench.histogram import Histogram
from bench.pace import Schedule
from bench.taps import Tapped


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """How long the events of a turn took, less its warm-up: in microseconds, by the broker's stamps in milliseconds."""

    intended_to_read_us: Histogram
    source_to_destination_us: Histogram
    append_to_append_ms: Histogram


def times(seen: Tapped, schedule: Schedule, warm: int) -> Times:
    """What the taps saw, as times. Events below `warm` do not count, nor do those that one of the ends did not see."""
    read = seen.destination.at_ns
    appended = zip(seen.source.stamp_ms, seen.destination.stamp_ms, strict=True)
    watched = zip(seen.source.at_ns, read, strict=True)
    count = [number >= warm for number in range(len(read))]
    return Times(
        intended_to_read_us=Histogram.of(
            at_ns / 1e3 - schedule.at(number) * 1e6 for number, at_ns in enumerate(read) if at_ns and number >= warm
        ),
        source_to_destination_us=Histogram.of(
            (there - here) / 1e3 for here, there in compress(watched, count) if here and there
        ),
        append_to_append_ms=Histogram.of(there - here for here, there in compress(appended, count) if here and there),
    )


def overlaps(seen: Tapped, schedule: Schedule) -> int:
    """How many events were due before the one before them had arrived, of those that were watched."""
    return sum(at_ns > schedule.at(number + 1) * 1e9 for number, at_ns in enumerate(seen.destination.at_ns) if at_ns)
