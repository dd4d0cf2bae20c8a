"""What was said in one case, as plain data, and where recordings of it lie."""

import os
import re
from pathlib import Path

import msgspec

from fanout.status.state import Finding

FOLDER = Path(__file__).parent / "recorded"
VARIABLE = "WHAT_IT_SAYS"  # a folder: then each case is recorded there


class Line(msgspec.Struct, frozen=True):
    """A line of the log."""

    level: str
    message: str
    advice: str
    fields: dict[str, str]  # ours


class Change(msgspec.Struct, frozen=True):
    """A sample of a metric that is another one than before; None where it is not there."""

    series: str
    before: float | None
    after: float | None


class Alert(msgspec.Struct, frozen=True, order=True):
    """An alert that fires so many minutes after the samples have changed, if they stay as they are."""

    minutes: int
    name: str
    severity: str


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """One case. Names of topics and groups are those of the page's example."""

    case: str
    after_s: float  # from what happened until this was said
    headline: str  # with the state before it, as the command `status` prints it
    findings: list[Finding]
    failures: list[str]  # the last of each worker, as the command `status` prints it
    probes: dict[str, str]  # path -> code and text
    metrics: list[Change]
    alerts: list[Alert]
    log: list[Line]


def keep(said: Said, kind: str | None, log: str) -> None:
    """Record it, if a folder is given for that; else see that what the page shows is still said, in the same words.

    That is the finding of this kind, and the line of the log with this message. Raises AssertionError.
    """
    if folder := os.environ.get(VARIABLE):
        place = Path(folder) / f"{said.case}.json"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(msgspec.json.format(msgspec.json.encode(said)) + b"\n")
    else:
        now, then = _essence(said, kind, log), _essence(recorded(said.case), kind, log)
        assert now == then, f"{said.case}: it says {now}, and the page has {then}: `make says` writes it anew"


def _essence(said: Said, kind: str | None, log: str) -> list[str]:
    """What does not depend on how fast it went, or on the words of the broker and of the client."""
    found = [[_own(finding.text), finding.advice] for finding in said.findings if finding.kind == kind]
    lines = [[line.level, line.message, line.advice] for line in said.log if line.message == log]
    return [text for texts in found + lines for text in texts]


def _own(text: str) -> str:
    return re.sub(r"\d+(\.\d+)?( (s|min|h|d)\b)?", "N", text.partition(": ")[0])


def recorded(case: str) -> Said:
    """What was recorded last. Raises FileNotFoundError."""
    return msgspec.json.decode((FOLDER / f"{case}.json").read_bytes(), type=Said)
