"""What each figure does to the cost of an event, the others at their defaults: `python -m bench sweep`.

Each figure is swept on a broker of its own, or with topics of its own on the user's cluster, all of its values turn by
turn (`bench/cases`), so that ratios to the first value hold, and those between figures do not.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from bench.broker import LOCAL, Target
from bench.cases import Case, Measured, Plan, Tell, measure
from bench.cases.case import COMPRESSIONS
from bench.load import Shape

BASE = Case(name="", shape=Shape(namespaces=100))
PROXIED = "round trip"  # the figure that takes a proxy


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """A figure that was swept. `figure` is its name in FIGURES, `values` are as typed, and each has a Measured."""

    figure: str
    unit: str
    values: list[str]
    measured: list[Measured]

    def relative(self, place: int) -> list[float]:
        """The cost of a value (`Measured.net_cpu_us`) as a multiple of that of the first one, turn by turn.

        Empty where a turn cost no more than start and stop: there the backlog was too small to tell.
        """
        ours, first = self.measured[place].net_cpu_us(), self.measured[0].net_cpu_us()
        if min([*ours, *first], default=0.0) <= 0:
            return []
        return [cost / base for cost, base in zip(ours, first, strict=True)]


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was measured. `events` are in the backlog of each case."""

    events: int
    series: list[Series]


class Figure(NamedTuple):
    """What can be swept. `usual` is what events-fanout, or the load, has where nobody says otherwise.

    `change` makes a Case of the base and a value as typed, and raises ValueError, with the reason, for what is none.
    `told` is the case's name, with {} for the value; `about` is for the help.
    """

    unit: str
    values: tuple[str, ...]
    usual: str
    told: str
    about: str
    change: Callable[[Case, str], Case]

    def case(self, value: str, base: Case = BASE) -> Case:
        """The case of this value. Raises ValueError, with the reason, if it is none."""
        return msgspec.structs.replace(self.change(base, value), name=self.told.format(_grouped(value)))


def _grouped(value: str) -> str:
    return f"{int(value):,}" if value.isdecimal() else value


def _whole(value: str, least: int) -> int:
    if not value.isdecimal() or int(value) < least:
        raise ValueError(f"{value!r} is no whole number of {least} or more")
    return int(value)


def _number(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise ValueError(f"{value!r} is no number of 0 or more")
    return number


def _compression(value: str) -> str:
    if value not in COMPRESSIONS:
        raise ValueError(f"{value!r} is none of {', '.join(COMPRESSIONS)}")
    return value


def _shaped(field: str, read: Callable[[str], object]) -> Callable[[Case, str], Case]:
    def change(base: Case, value: str) -> Case:
        changed: dict[str, Any] = {field: read(value)}
        return msgspec.structs.replace(base, shape=msgspec.structs.replace(base.shape, **changed))

    return change


def _set(name: str, read: Callable[[str], object]) -> Callable[[Case, str], Case]:
    def change(base: Case, value: str) -> Case:
        return msgspec.structs.replace(base, settings=base.settings | {name: str(read(value))})

    return change


def _partitions(base: Case, value: str) -> Case:
    return msgspec.structs.replace(base, partitions=_whole(value, 1))


def _compressed(base: Case, value: str) -> Case:
    return msgspec.structs.replace(base, compression=_compression(value))


def _far(base: Case, value: str) -> Case:
    return msgspec.structs.replace(base, rtt_ms=_number(value), proxied=True)


FIGURES: Mapping[str, Figure] = {
    "destinations": Figure(
        "", ("1", "20", "100", "1000", "5000"), "100", "{} destinations",
        "namespaces, all with the same number of events",
        _shaped("namespaces", lambda value: _whole(value, 1)),
    ),
    "event size": Figure(
        "bytes", ("1100", "2200", "4400", "8800"), "1100", "{} bytes",
        "least size of a value; one below 950 makes no difference",
        _shaped("size_bytes", lambda value: _whole(value, 0)),
    ),
    "skew": Figure(
        "", ("0", "0.5", "1", "1.5"), "0", "skew {}",
        "exponent of the Zipf distribution over namespaces; 0 is all equal",
        _shaped("skew", _number),
    ),
    "linger": Figure(
        "ms", ("0", "1", "5", "20", "100"), "1", "linger {} ms",
        "linger.ms of the producers (KAFKA_PRODUCER_LINGER_MS)",
        _set("KAFKA_PRODUCER_LINGER_MS", lambda value: f"{_number(value):g}"),
    ),
    "round size": Figure(
        "records", ("500", "2000", "5000", "20000"), "20000", "rounds of {}",
        "most records of a worker in flight (INFLIGHT_RECORDS); to 20 destinations it reads 5,000 at most",
        _set("INFLIGHT_RECORDS", lambda value: _whole(value, 1)),
    ),
    "producers": Figure(
        "destinations each", ("10", "25", "50", "128"), "128", "{} destinations a producer",
        "destinations of a producer (PRODUCER_TOPICS); with the default all have one",
        _set("PRODUCER_TOPICS", lambda value: _whole(value, 1)),
    ),
    "partitions": Figure(
        "", ("1", "2", "4", "8"), "2", "{} partitions", "of the source; each has a worker", _partitions
    ),
    "compression in": Figure(
        "", COMPRESSIONS, "none", "{} in", "of the source's records", _compressed
    ),
    "compression out": Figure(
        "", COMPRESSIONS, "none", "{} out", "of the producers (KAFKA_PRODUCER_COMPRESSION_TYPE)",
        _set("KAFKA_PRODUCER_COMPRESSION_TYPE", _compression),
    ),
    PROXIED: Figure(
        "ms", ("0", "1", "5"), "0", "{} ms away",
        "what a proxy adds to the time to the broker and back; there is one at 0, too", _far,
    ),
}  # fmt: skip


class Wanted(NamedTuple):
    """A figure by its name, the values to sweep, and the destinations where these are not the figure."""

    figure: str
    values: Sequence[str]
    namespaces: int = BASE.shape.namespaces

    def plan(self, events: int, turns: int) -> Plan:
        """What that takes. Raises ValueError, with the reason, for a value that is none."""
        shape = msgspec.structs.replace(BASE.shape, namespaces=self.namespaces)
        base = msgspec.structs.replace(BASE, shape=shape)
        cases = [FIGURES[self.figure].case(value, base) for value in self.values]
        return Plan(cases=cases, events=events, turns=turns)


def sweep(wanted: Sequence[Wanted], events: int, turns: int, tell: Tell, *, target: Target = LOCAL) -> Iterator[Series]:
    """Measure one figure after the other. Each blocks for some minutes; what was measured before a failure is kept.

    Tells and raises as `bench.cases.measure` does. Raises ValueError for a value that is none (`Wanted.plan`).
    """
    for each in wanted:

        def tell_figure(what: str, done: int, figure: str = each.figure) -> None:
            tell(f"{figure}: {what}", done)

        yield Series(
            figure=each.figure,
            unit=FIGURES[each.figure].unit,
            values=list(each.values),
            measured=measure(each.plan(events, turns), tell_figure, target),
        )
