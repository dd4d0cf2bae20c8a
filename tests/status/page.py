"""docs/what-it-says.md, from what was recorded: `python -m tests.status.page > docs/what-it-says.md`."""

import re
import sys
from collections.abc import Iterable

from fanout.errors import Reason
from tests.status.said import Alert, Change, Line, Said, recorded

HEAD = """\
# What it says

Each thing that can happen, made to happen on a real Kafka, and what whoever is on call sees of it: on the page of the
replica and in `events-fanout status`, which tell the same state; in the metrics; which alerts fire; and in the log.
What to do about each, at length, is in the [runbook](runbook.md).

This page is made from a recording by the tests of `tests/status`. They fail when the finding, the metric or the line of
the log that matters in a row is not there any more, or when finding and line have other words.
`make says` records it anew. In the recording

- the time in the first column is how long it took from what happened until all of its row was so. Where delivery has
  gone on by itself by then, it includes the next look at the lag, some seconds later;
- a metric has its value before, if it had one, and then; what changes with every event is left out, and so is the
  prefix `events_fanout_`;
- an alert has the minutes after which it fires if the metrics stay as they are then (Prometheus's own tool was asked,
  with the rules of [deploy/components/monitoring](../deploy/components/monitoring/README.md)):
  most of what happens is over before that;
- lines of the log are those of level warning and above, and what tells of the end; a line that repeats is given once,
  without the fields that only number things. The advice is in its field `advice`.
"""

LIVES = {
    "worker-killed": "A worker dies: a crash, SIGKILL, too little memory. It is replaced at once",
    "crash-loop": "A worker dies again and again (`CRASHES_MAX` at 50)",
    "worker-silent": "A worker hangs (SIGSTOP, with `STALL_MS` at 3 s)",
    "supervisor-dies": "The supervisor is killed. Its workers end with it, and other replicas take over",
    "partition-revoked": "Another replica joins: a partition is revoked",
    "partition-lost": "A replica does not run for longer than its session (SIGSTOP); it finds its partition lost when "
    "it runs again, and is given it back",
    "told-to-stop": "It is told to stop (SIGTERM), and the broker takes a while to answer",
    "broker-away": "The broker is away",
    "broker-back": "The broker is started again, and is back",
    "destination-deleted": "A destination is deleted while events come for it",
    "expired": "Events expire in the source before they are read",
    "source-deleted": "The source topic is deleted",
    "source-made-anew": "The source topic is made anew",
    "partitions-added": "Partitions are added to the source",
    "no-right-to-dead-letters": "No right to write dead letters",
    "no-right-to-any-destination": "No right to write any destination",
    "no-right-to-the-source": "No right to read the source",
    "right-taken-away": "The right to read the source is taken away while it runs",
    "no-right-to-the-group": "No right to the group",
    "bad-credentials": "The password is wrong",
    "password-file-wrong": "The file of the password changes, and the new one is wrong",
    "password-changed": "It is right now: the broker has it, too. A certificate is taken up likewise",
    "topic-not-created": "The topic of a namespace cannot be created (`TOPIC_REPLICATION` 3 on one broker)",
    "too-many-not-readable": "What comes is no event any more (`DLQ_MAX_RUN` at 20)",
}

REASONS = {
    Reason.NOT_JSON: "The value is no JSON",
    Reason.NO_NAMESPACE: "It has no namespace",
    Reason.BAD_NAMESPACE: "Its namespace gives no name that Kafka allows (`a/b`)",
    Reason.BAD_HEADERS: "The name of a header is not UTF-8",
    Reason.RESERVED_TOPIC: "Its destination is one of `TOPICS_RESERVED`",
    Reason.TOPICS_MAX: "It is the first of its namespace, and the cluster has `TOPICS_MAX` topics",
    Reason.UNKNOWN_TOPIC: "Its destination does not exist, with `TOPIC_CREATE=none`",
    Reason.TOO_LARGE: "It is larger than its destination takes",
    Reason.BAD_TIMESTAMP: "It is dated a day ahead, and its destination takes an hour",
    Reason.NULL_KEY: "It has no key, and its destination is compacted",
    Reason.NOT_AUTHORIZED: "No right to write this one destination",
    Reason.REFUSED_BY_BROKER: "The broker refuses it (the destination was compacted since it was last asked)",
}

TITLES = {**LIVES, **{f"refused-{reason}": title for reason, title in REASONS.items()}}
_COLUMNS = "| what happens | page and `status` | metrics | alerts | log |\n| --- | --- | --- | --- | --- |"
_STARTS = tuple(
    f"events_fanout_{name}"
    for name in (
        "assigned_partitions", "broker_reachable", "member", "rebalances", "source_partitions", "topics_created",
    )
)  # fmt: skip
_LAST_FAILURE = "the worker's last failure: "


def page() -> str:
    """The whole page."""
    parts = [
        HEAD, "## What happens to the program and around it\n", _table(LIVES.items()),
        "\n## Why an event becomes a dead letter\n\nThe reason `expired` is in the table above.\n",
        _table((f"refused-{reason}", f"{title}: `{reason}`") for reason, title in REASONS.items()),
    ]  # fmt: skip
    return "\n".join(parts) + "\n"


def _table(rows: Iterable[tuple[str, str]]) -> str:
    return "\n".join([_COLUMNS, *(_row(title, recorded(case)) for case, title in rows)])


def _row(title: str, said: Said) -> str:
    after = f"{title}. ({said.after_s:.1f} s)"
    cells = [
        [after], _shown(said), [_metric(change) for change in said.metrics if _tells(change)] or ["as before"],
        [_alert(alert) for alert in said.alerts] or ["none"], [_line(line) for line in said.log] or ["nothing"],
    ]  # fmt: skip
    return "| " + " | ".join("<br>".join(cell) for cell in cells) + " |"


def _shown(said: Said) -> list[str]:
    found = [f"**{_plain(said.headline)}**"]
    for finding in said.findings:
        told = finding.text in said.headline
        text = "" if told else f"{_plain(f'{finding.severity}: {finding.text}')}. "
        found.append(f"{text}*To do: {_plain(finding.advice)}.*")
    found += [_LAST_FAILURE + _plain(text) for text in said.failures if not any(
        found.text.split(": ", 1)[-1] in text for found in said.findings)]  # fmt: skip
    found += [f"`{path}`: {_plain(text)}" for path, text in said.probes.items() if not text.startswith("200")]
    return found


def _tells(change: Change) -> bool:
    """Whether it is more than what every start brings."""
    usual = change.before is None and change.after and change.series.startswith(_STARTS)
    return not usual


def _metric(change: Change) -> str:
    after = f"{change.after:g}" if change.after is not None else "absent"
    told = f"{change.before:g} → {after}" if change.before is not None else after
    return f"`{change.series.removeprefix('events_fanout_')}` {told}"


def _alert(alert: Alert) -> str:
    when = "at once" if alert.minutes <= 1 else f"after {alert.minutes} min"
    return f"`{alert.name}` ({alert.severity}) {when}"


def _line(line: Line) -> str:
    fields = ", ".join(f"{key}: {value}" for key, value in line.fields.items())
    told = f" ({_plain(fields)})" if fields else ""
    advice = f" *To do: {_plain(line.advice)}.*" if line.advice else ""
    return f"{line.level} **{_plain(line.message)}**{told}{advice}"


def _plain(text: str) -> str:
    """Text as text, in a cell of a table."""
    return re.sub(r"([|*_<>`\\])", r"\\\1", " ".join(text.rstrip(".").split()))


if __name__ == "__main__":
    sys.stdout.write(page())
