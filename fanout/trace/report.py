"""The answer, printed."""

import sys
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from fanout import table
from fanout.cluster.cluster import Cluster
from fanout.errors import ExitCode
from fanout.settings import Settings
from fanout.trace.evidence import Evidence, Look, Sighting
from fanout.trace.findings import Where
from fanout.trace.question import Question
from fanout.trace.search import Search
from fanout.trace.verdict import Verdict, verdict
from fanout.words import counted, printable

_STYLES = {
    Where.DELIVERED.value: "green",
    Where.WAITING.value: "yellow",
    Where.SKIPPED.value: "yellow",
    Where.DEAD_LETTER.value: "bold red",
    Where.EXPIRED_UNREAD.value: "bold red",
    Where.GONE.value: "bold red",
    Where.UNKNOWN.value: "cyan",
}


def main(settings: Settings, question: Question, output: str, *, show: bool) -> int:
    """Look and print; the exit code: 0 if they are delivered, 1 if some are not or none was found. Blocks.

    Raises UnreachableError and AskError.
    """
    cluster = Cluster(settings)
    evidence = Search(settings, cluster, cluster.overview(), question).run()
    answer = verdict(settings, question, evidence)
    if output == "json":
        told = as_json(settings, question, evidence, answer, show=show)
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n")
    else:
        _show(settings, evidence, answer, show=show)
    return ExitCode.OK if answer.all_is_well else ExitCode.CHECK_FAILED


def _show(settings: Settings, evidence: Evidence, answer: Verdict, *, show: bool) -> None:
    sys.stdout.write(f"{answer.sentence}\n\n")
    rows = [(each.where.value, "" if each.events is None else str(each.events), each.text, each.advice)
            for each in answer.findings]  # fmt: skip
    table.show(("WHERE", "EVENTS", "FOUND", "TO DO"), rows, _STYLES)
    sys.stdout.write(f"\nLooked at {'; '.join(_looked(settings, evidence))}.\n")
    if show:
        sys.stdout.write("\n")
        table.show(("TIME", "REASON", "OBJECT", "PLACE"), [_line(each) for each in evidence.sightings])


def _looked(settings: Settings, evidence: Evidence) -> list[str]:
    looks = (
        (settings.topic, evidence.source),
        (evidence.destination, evidence.delivered_look),
        (evidence.letters_topic, evidence.letters_look),
    )
    return [f"{topic}: {_extent(look)}" for topic, look in looks if topic]


def _extent(look: Look) -> str:
    if not look.exists:
        return "does not exist"
    return look.refused or f"{look.read} of {counted(look.records, 'record')}"


def _line(sighting: Sighting) -> tuple[str, ...]:
    at = "" if sighting.at is None else _time(sighting.at)
    place = f"{sighting.topic}/{sighting.partition}/{sighting.offset}"
    return at, printable(sighting.reason), printable(sighting.object), place


def _time(milliseconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(milliseconds / 1000))


def as_json(
    settings: Settings, question: Question, evidence: Evidence, answer: Verdict, *, show: bool
) -> dict[str, Any]:
    """The same for programs: the verdict, each finding, what was looked at, and with `show` the events."""
    looks = {
        "source": (settings.topic, evidence.source),
        "destination": (evidence.destination, evidence.delivered_look),
        "dead_letters": (evidence.letters_topic, evidence.letters_look),
    }
    told: dict[str, Any] = {
        "namespace": question.namespace,
        "name": question.name,
        "since": _time(evidence.since),
        "verdict": answer.sentence,
        "all_is_well": answer.all_is_well,
        "findings": [finding._asdict() for finding in answer.findings],
        "looked_at": {
            part: {"topic": topic, **look._asdict(), "complete": look.complete} for part, (topic, look) in looks.items()
        },
    }
    if show:
        told["events"] = _events(evidence.sightings)
    return told


def _events(sightings: Sequence[Sighting]) -> list[dict[str, Any]]:
    return [each._asdict() | {"at": None if each.at is None else _time(each.at)} for each in sightings]
