"""What a replica said, as a headline and tables. Nothing here prints."""

import time
from collections.abc import Sequence
from typing import NamedTuple

from fanout.status.kinds import Severity
from fanout.status.phrases import an_end
from fanout.status.state import Failure, Status
from fanout.words import counted, duration, printable

_RECENT_S = 10


class Table(NamedTuple):
    """A part of the page."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


STYLES = {Severity.OK.value: "green", Severity.WARNING.value: "yellow", Severity.ERROR.value: "bold red"}


def lines(status: Status) -> list[str]:
    """The state in words, and what the replica is."""
    member = f"member of {status.group}" if status.joined else f"no member of {status.group}"
    reach = "a broker answers" if status.broker_reachable else "no broker answers"
    return [
        printable(f"{status.state}: {status.headline}"),
        printable(
            f"events-fanout {status.version}, up {duration(status.at - status.started_at)}; {member} "
            f"({status.protocol}); source {status.topic}; {reach}"
        ),
        _rate(status),
    ]


def _rate(status: Status) -> str:
    recent = [rate for rate in status.rates if rate.at > status.at - _RECENT_S]
    if not recent:
        return "no events lately"
    read = sum(rate.read for rate in recent) / len(recent)
    delivered = sum(rate.delivered for rate in recent) / len(recent)
    return f"{read:.1f} events/s in, {delivered:.1f} events/s out"


def tables(status: Status) -> list[Table]:
    """Findings, partitions, workers, namespaces, dead letters; only those that have something to tell."""
    return [table for table in (
        _findings(status), _partitions(status), _workers(status), _namespaces(status), _dead_letters(status)
    ) if table.rows]  # fmt: skip


def _findings(status: Status) -> Table:
    rows = [(each.severity, each.text, each.advice, _ago(status.at, each.since), each.kind) for each in status.findings]
    return Table("Findings", ("SEVERITY", "FOUND", "TO DO", "SINCE", "RUNBOOK"), rows)


def _partitions(status: Status) -> Table:
    rows = [
        (
            str(each.partition),
            _number(each.position),
            _number(each.lag_records),
            "not known" if each.lag_seconds is None else duration(each.lag_seconds),
            "" if each.retention_share is None else f"{each.retention_share:.0%}",
            _ago(status.at, each.progressed_at),
        )
        for each in status.partitions
    ]
    return Table("Partitions", ("PARTITION", "POSITION", "LAG", "BEHIND", "RETENTION", "PROGRESS"), rows)


def _workers(status: Status) -> Table:
    rows = [
        (
            ", ".join(map(str, each.partitions)),
            "none" if each.pid is None else str(each.pid),
            "" if each.started_at is None else duration(status.at - each.started_at),
            str(each.restarts),
            str(each.inflight_records),
            "" if each.failure is None else _failure(status.at, each.failure),
        )
        for each in status.workers
    ]
    return Table("Workers", ("PARTITIONS", "PID", "UP", "RESTARTS", "IN FLIGHT", "LAST FAILURE"), rows)


def _failure(now: float, failure: Failure) -> str:
    return f"{_ago(now, failure.at)}: {failure.reason or an_end(failure)} ({failure.cause})"


def _namespaces(status: Status) -> Table:
    rows = [(each.topic, str(each.records)) for each in status.namespaces]
    return Table("Busiest destinations of ten minutes", ("TOPIC", "EVENTS"), rows)


def _dead_letters(status: Status) -> Table:
    rows = [
        (time.strftime("%H:%M:%SZ", time.gmtime(each.at)), each.reason, str(each.partition), str(each.offset))
        for each in status.dead_letters
    ]
    total = counted(sum(status.refused.values()), "record")
    return Table(f"Last dead letters, of {total} refused", ("TIME", "REASON", "PARTITION", "OFFSET"), rows)


def _number(value: int | None) -> str:
    return "not known" if value is None else str(value)


def _ago(now: float, then: float | None) -> str:
    return "not known" if then is None else f"{duration(now - then)} ago"
