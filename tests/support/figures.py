"""Measured times in tests: their figures for people, and when each record was appended."""

from collections.abc import Iterable, Sequence

from tests.support.topics import Record

APPEND_TIME = {"message.timestamp.type": "LogAppendTime"}
LOG_APPEND_TIME = 2  # the timestamp type


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of the values are; of few values, the next one up."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def told(what: str, values: Sequence[float], unit: str = "ms") -> str:
    """p50, p99 and maximum in a line."""
    p50, p99 = percentile(values, 0.5), percentile(values, 0.99)
    return f"{what}: p50 {p50:.1f} {unit}, p99 {p99:.1f} {unit}, max {max(values):.1f} {unit} of {len(values)}"


def appended_ms(records: Iterable[Record]) -> dict[bytes | None, int]:
    """When each value first came to be in its topic, by the broker's clock, which on the loopback is ours."""
    times: dict[bytes | None, int] = {}
    for record in records:
        kind, millis = record.timestamp
        assert kind == LOG_APPEND_TIME
        times[record.value] = min(millis, times.get(record.value, millis))
    return times
