"""The destinations, printed, and the deletion of those that nobody needs any more."""

import sys

import msgspec

from fanout import table
from fanout.cluster.answers import AskError
from fanout.cluster.cluster import Cluster
from fanout.destinations import live, prune
from fanout.destinations.listing import Origin, Topic, look
from fanout.errors import ExitCode
from fanout.settings import Settings
from fanout.words import counted, duration

COLUMNS = ("TOPIC", "NAMESPACE", "HOLDS", "PARTITIONS", "KEPT", "RECORDS", "LAST EVENT", "CLASH")
_STYLES = {Origin.EVENTS.value: "green", Origin.FOREIGN.value: "bold red", Origin.OWN.value: "yellow"}


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one topic whose namespace is not live."""

    topic: str
    outcome: str  # "would be deleted", "deleted", "failed" or "kept"
    detail: str
    records: int


def list_all(settings: Settings, output: str) -> int:
    """Print every destination; the exit code: 1 if one clashes. Blocks; raises UnreachableError and AskError."""
    cluster = Cluster(settings)
    topics = look(settings, cluster, cluster.overview())
    if output == "json":
        _json(topics)
    else:
        table.show(COLUMNS, [_row(topic) for topic in topics], _STYLES)
        sys.stdout.write(f"{counted(len(topics), 'topic')} named by TOPIC_TEMPLATE={settings.topic_template}\n")
    return ExitCode.CHECK_FAILED if any(topic.clash for topic in topics) else ExitCode.OK


def prune_dead(settings: Settings, output: str, text: str, *, idle_s: float, really: bool) -> int:
    """Tell which destinations would go, or delete them; the exit code: 1 if one could not be deleted.

    `text` is the list of live namespaces. Blocks; raises UnreachableError, AskError and LiveListError.
    """
    names = live.parse(text)
    cluster = Cluster(settings)
    plan = prune.plan(settings, look(settings, cluster, cluster.overview()), names, idle_s)
    answers = cluster.delete([topic.name for topic in plan.delete]) if really else {}
    outcomes = [_outcome(topic, answers, really=really) for topic in plan.delete]
    outcomes += [
        Outcome(topic=topic.name, outcome="kept", detail=reason, records=topic.records) for topic, reason in plan.keep
    ]
    if output == "json":
        _json(outcomes)
    else:
        _show(outcomes, really=really)
    return ExitCode.CHECK_FAILED if any(outcome.outcome == "failed" for outcome in outcomes) else ExitCode.OK


def _outcome(topic: Topic, answers: dict[str, AskError | None], *, really: bool) -> Outcome:
    error = answers.get(topic.name)
    if not really:
        outcome, detail = "would be deleted", f"namespace {topic.namespace} is not in the list"
    elif error is None:
        outcome, detail = "deleted", f"namespace {topic.namespace} is not in the list"
    else:
        todo = f"; grant DELETE on topic {topic.name}" if error.denied else ""
        outcome, detail = "failed", f"{error}{todo}"
    return Outcome(topic=topic.name, outcome=outcome, detail=detail, records=topic.records)


def _show(outcomes: list[Outcome], *, really: bool) -> None:
    if not outcomes:
        sys.stdout.write("every destination is of a live namespace: nothing to prune\n")
        return
    rows = [(each.topic, each.outcome, str(each.records), each.detail)
            for each in outcomes]  # fmt: skip
    table.show(("TOPIC", "OUTCOME", "RECORDS", "WHY"), rows, {"deleted": "yellow", "failed": "bold red"})
    if not really and any(outcome.outcome == "would be deleted" for outcome in outcomes):
        sys.stdout.write("nothing was deleted; --yes deletes them\n")


def _row(topic: Topic) -> tuple[str, ...]:
    return (
        topic.name,
        topic.namespace,
        topic.origin.value,
        str(topic.partitions),
        _kept(topic),
        str(topic.records),
        "none" if topic.last_event_age_s is None else f"{duration(topic.last_event_age_s)} ago",
        topic.clash,
    )


def _kept(topic: Topic) -> str:
    if topic.retention_s is not None:
        return duration(topic.retention_s)
    return "for ever" if topic.retention_known else "not known"


def _json(rows: object) -> None:
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode() + "\n")
