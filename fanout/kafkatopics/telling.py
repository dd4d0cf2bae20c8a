"""What a pass did and left, told: on standard output for one pass, in the log for those without end."""

import sys
from collections.abc import Iterable

import msgspec

from fanout import log, table
from fanout.kafkatopics.manifest import Terms
from fanout.kafkatopics.sync import Done, Fate, Row
from fanout.words import some

TELL_AGAIN_S = 600.0  # what does not change is told again after this, with how often it came
_STYLES = {Fate.FOREIGN: "yellow", Fate.DIFFERING: "yellow", Fate.UNKNOWN: "bold red", Fate.REFUSED: "bold red"}
_COLUMNS = ("KAFKATOPIC", "TOPIC", "OUTCOME", "WHY")

_log = log.get("kafkatopics")


def show(done: Done, terms: Terms, output: str) -> None:
    """Print what one pass did."""
    if output == "json":
        whole = msgspec.json.encode({"unchanged": done.unchanged, "topics": done.rows})
        sys.stdout.write(msgspec.json.format(whole, indent=2).decode() + "\n")
        return
    if done.rows:
        rows = [(row.name or "none", row.topic, row.outcome.value, row.detail) for row in done.rows]
        table.show(_COLUMNS, rows, {fate.value: style for fate, style in _STYLES.items()})
    counts = [f"{count} {fate}" for fate in Fate if (count := len(list(_of(done.rows, fate))))]
    told = ", ".join([*counts, f"{done.unchanged} unchanged"])
    sys.stdout.write(f"KafkaTopics of the cluster {terms.cluster} in the namespace {terms.namespace}: {told}\n")


class Telling:
    """The log of passes without end: what is new at once, what stays as it was now and then."""

    def __init__(self) -> None:
        self._repeats = log.Repeats(_log, TELL_AGAIN_S)
        self._first = True

    def failed(self, text: str, todo: str) -> None:
        """A pass came to nothing. The client's words differ each time, in how long it tried; what to do does not."""
        self._repeats.error("no pass over the KafkaTopics, trying again", key=todo, error=text, advice=todo)

    def passed(self, done: Done, failures: int) -> None:
        """A pass was done, after so many that came to nothing."""
        counts = {fate.name.lower(): len(list(_of(done.rows, fate))) for fate in Fate}
        did = counts["created"] + counts["changed"] + counts["deleted"]
        if did or failures or self._first:
            told = {name: count for name, count in counts.items() if count}
            _log.info("KafkaTopics applied", unchanged=done.unchanged, failures=failures, **told)
        self._first = False
        self._warn(done.rows)

    def _warn(self, rows: list[Row]) -> None:
        repeats = self._repeats
        if foreign := _named(rows, Fate.FOREIGN):
            repeats.warning("KafkaTopics of somebody else are left alone", key=foreign, topics=foreign)
        if differing := _named(rows, Fate.DIFFERING):
            repeats.warning(
                "KafkaTopics say what is not so, and somebody else wrote it", key=differing, topics=differing
            )
        if refused := _named(rows, Fate.REFUSED):
            repeats.error("KafkaTopics were refused by the API server", key=refused, topics=refused)
        if unknown := _named(rows, Fate.UNKNOWN):
            repeats.warning("destinations without a KafkaTopic: they may not be looked at", key=unknown, topics=unknown)
        if gone := _named(rows, Fate.GONE):
            repeats.warning("KafkaTopics without a topic: the Topic Operator creates it anew", key=gone, topics=gone)


def _of(rows: Iterable[Row], fate: Fate) -> Iterable[Row]:
    return (row for row in rows if row.outcome is fate)


def _named(rows: Iterable[Row], fate: Fate) -> str:
    """The first few of them, with what is known of each."""
    return some([f"{row.topic} ({row.detail})" if row.detail else row.topic for row in _of(rows, fate)], 3)
