"""What the evidence comes to: where each event is, why, and what to do. Pure."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from fanout.settings import Settings
from fanout.trace import findings
from fanout.trace.evidence import Evidence, Match
from fanout.trace.findings import Finding, Where
from fanout.trace.question import Question
from fanout.trace.routing import Way
from fanout.words import duration, printable


class Verdict(NamedTuple):
    """The answer: a sentence, and what it rests on."""

    sentence: str
    findings: list[Finding]

    @property
    def all_is_well(self) -> bool:
        """Whether events were found, and none is missing."""
        found = {finding.where for finding in self.findings}
        return Where.DELIVERED in found and found <= {Where.DELIVERED, Where.REPLAYED, Where.RESYNC, Where.UNKNOWN}


class _Sorted(NamedTuple):
    """What the source still holds, by where it is besides."""

    waiting: list[Match]
    skipped: list[Match]
    resyncs: list[Match]
    gone: list[Match]
    unverified: list[Match]


def verdict(settings: Settings, question: Question, evidence: Evidence) -> Verdict:
    """The answer to "events of this namespace are missing"."""
    who = f"events of {printable(question.namespace)}"
    who += f" about {printable(question.name)}" if question.name is not None else ""
    when = f"of the last {duration(question.since_s)}"
    known = _known(settings, evidence, _sorted(evidence))
    told = [*known, *findings.range_lost(evidence), *findings.limits(settings, question, evidence)]
    if not known:
        told.insert(0, findings.nowhere(settings, question, evidence))
    texts = [finding.text for finding in told if finding.where is not Where.UNKNOWN]
    return Verdict(f"{who[0].upper()}{who[1:]} {when}: {'; '.join(texts)}.", told)


def _sorted(evidence: Evidence) -> _Sorted:
    found = _Sorted([], [], [], [], [])
    next_of = {position.partition: position.next for position in evidence.positions}
    letters = {(letter.partition, letter.offset) for letter in evidence.letters}
    left = Counter(evidence.delivered)
    for match in evidence.matches:
        unread = match.offset >= next_of.get(match.partition, 0)
        if left[match.digest]:
            left[match.digest] -= 1  # whatever today's settings would do with it
        elif match.outcome.way is Way.SKIPPED:
            found.skipped.append(match)
        elif match.outcome.way is Way.RESYNC:
            found.resyncs.append(match)
        elif (match.partition, match.offset) in letters:
            continue
        elif unread:
            found.waiting.append(match)
        elif _verifiable(evidence, match):
            found.gone.append(match)
        else:
            found.unverified.append(match)
    return found


def _verifiable(evidence: Evidence, match: Match) -> bool:
    """Whether the topic that this record should be in was looked through, so that it is known not to be there."""
    if match.outcome.way is Way.REFUSED:
        return not evidence.letters_look.exists or evidence.letters_look.complete
    return not evidence.delivered_look.exists or evidence.delivered_look.complete


def _known(settings: Settings, evidence: Evidence, sorts: _Sorted) -> list[Finding]:
    """What is known to be of the namespace, what is wrong with it first."""
    tellers: Sequence[Callable[[], Finding | None]] = (
        lambda: findings.waiting(settings, evidence, sorts.waiting),
        lambda: findings.skipped(settings, evidence, sorts.skipped),
        lambda: findings.gone(evidence, sorts.gone),
        lambda: findings.delivered(evidence),
        lambda: findings.replayed(evidence),
        lambda: findings.unverified(evidence, sorts.unverified),
        lambda: findings.resyncs(sorts.resyncs),
    )
    return [*findings.dead_letters(evidence), *(finding for tell in tellers if (finding := tell()) is not None)]
