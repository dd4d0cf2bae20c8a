"""What is told of the events in each place, and what to do about it. Pure."""

from collections import Counter
from enum import StrEnum
from typing import NamedTuple

from fanout.settings import Settings
from fanout.trace.evidence import Evidence, Look, Match
from fanout.trace.question import Question
from fanout.trace.routing import Way
from fanout.words import counted, duration, printable

_FURTHER = "give a shorter --since, or --most and --within"


class Where(StrEnum):
    """Where events can be, or what is known of them."""

    DELIVERED = "delivered"
    WAITING = "waiting"
    DEAD_LETTER = "dead letter"
    REPLAYED = "replayed"
    SKIPPED = "skipped"
    RESYNC = "resync dropped"
    EXPIRED_UNREAD = "expired unread"
    GONE = "not in the destination"
    UNVERIFIED = "read"
    NOWHERE = "nowhere"
    UNKNOWN = "cannot be known"


class Finding(NamedTuple):
    """Events in one place; `events` is None where it is not known how many of a range were theirs."""

    where: Where
    events: int | None
    text: str
    advice: str = ""


def dead_letters(evidence: Evidence) -> list[Finding]:
    """One finding for each reason."""
    reasons = Counter(letter.reason for letter in evidence.letters)
    details = {letter.reason: letter.detail for letter in evidence.letters}
    return [
        Finding(
            Where.DEAD_LETTER, count,
            f"{counted(count, 'dead letter')} in {evidence.letters_topic}: {printable(reason)} "
            f"({printable(details[reason])})",
            f"see docs/runbook.md, dead letters, {printable(reason)}",
        )
        for reason, count in reasons.most_common()
    ]  # fmt: skip


def replayed(evidence: Evidence) -> Finding | None:
    """Dead letters that were sent through routing again, and delivered."""
    count = len(evidence.replayed)
    if not count:
        return None
    were = "was" if count == 1 else "were"
    return Finding(
        Where.REPLAYED, count, f"{counted(count, 'dead letter')} in {evidence.letters_topic} {were} replayed"
    )


def waiting(settings: Settings, evidence: Evidence, found: list[Match]) -> Finding | None:
    """Events that the group has not come to."""
    if not found:
        return None
    oldest = min((match.at for match in found if match.at is not None), default=None)
    age = f", the oldest {duration((evidence.now - oldest) / 1000)} old" if oldest is not None else ""
    partitions = ", ".join(map(str, sorted({match.partition for match in found})))
    if evidence.members:
        why = f"the group {settings.groupid} has not come to them in partition {partitions}"
        advice = "look at `events-fanout lag`, and at `events-fanout status` of the replica that has the partition"
    else:
        why = f"the group {settings.groupid} has no members, so nothing is delivered (partition {partitions})"
        advice = "start events-fanout, or look why it does not run"
    text = f"{counted(len(found), 'event')} still in the source, unread{age}: {why}"
    return Finding(Where.WAITING, len(found), text, advice)


def skipped(settings: Settings, evidence: Evidence, found: list[Match]) -> Finding | None:
    """Events that a setting keeps out; also where there are none, for the rule itself is the answer."""
    if not found and evidence.route.way is not Way.SKIPPED:
        return None
    deny, allow = ",".join(settings.namespaces_deny), ",".join(settings.namespaces_allow)
    rules = [f"NAMESPACES_DENY={deny}" if deny else "", f"NAMESPACES_ALLOW={allow}" if allow else ""]
    rule = " and ".join(rule for rule in rules if rule)
    count = f"{counted(len(found), 'event')} in the source skipped" if found else "they are skipped"
    return Finding(Where.SKIPPED, len(found), f"{count} by {rule}", "change that setting if they are wanted")


def gone(evidence: Evidence, found: list[Match]) -> Finding | None:
    """Events that were read, and are in no place where they could be."""
    if not found:
        return None
    count = counted(len(found), "event")
    refused = [match for match in found if match.outcome.way is Way.REFUSED]
    if refused:
        text = f"{count} read, and neither delivered nor a dead letter; today's routing refuses them: "
        return Finding(
            Where.GONE, len(found), text + printable(refused[0].outcome.detail),
            "the settings or the dead-letter topic were changed since: look at who deletes from it",
        )  # fmt: skip
    if not evidence.delivered_look.exists:
        text = f"{count} read, but their topic {evidence.destination} does not exist: it was deleted since"
        return Finding(Where.GONE, len(found), text, "find out who deletes topics; a next event creates it again")
    kept = evidence.destination_kept
    newest = max((match.at or 0 for match in found), default=0)
    if kept is not None and newest and newest < evidence.now - kept:
        text = f"{count} read and no longer in {evidence.destination}, which keeps {duration(kept / 1000)} only"
        return Finding(Where.GONE, len(found), text, f"raise retention.ms of {evidence.destination}")
    text = (
        f"{count} read and not in {evidence.destination}: its topic was deleted, cut or made anew since, "
        "or other settings were in force when they were read"
    )
    return Finding(Where.GONE, len(found), text, "find out who deletes topics or records, or when settings changed")


def delivered(evidence: Evidence) -> Finding | None:
    """Events in the destination."""
    count = sum(evidence.delivered.values())
    if not count:
        return None
    last = f", the last {duration((evidence.now - evidence.delivered_at) / 1000)} old" if evidence.delivered_at else ""
    return Finding(Where.DELIVERED, count, f"{counted(count, 'event')} delivered to {evidence.destination}{last}")


def unverified(evidence: Evidence, found: list[Match]) -> Finding | None:
    """Events that were read, and whose destination could not be looked through."""
    if not found:
        return None
    look, topic = evidence.delivered_look, evidence.destination
    if any(match.outcome.way is Way.REFUSED for match in found):
        look, topic = evidence.letters_look, evidence.letters_topic
    why = f"may not be read: {look.refused}" if look.refused else "was not read to its end"
    text = f"{counted(len(found), 'event')} read by the group; whether {topic} has them is not known: it {why}"
    return Finding(Where.UNVERIFIED, len(found), text, _how_to_read_on(look, topic))


def resyncs(found: list[Match]) -> Finding | None:
    """Repetitions that a setting drops."""
    if not found:
        return None
    return Finding(Where.RESYNC, len(found), f"{counted(len(found), 'repetition')} dropped by DROP_RESYNC")


def range_lost(evidence: Evidence) -> list[Finding]:
    """Ranges that expired unread: whose events were in them, nobody can tell."""
    ranges = [f"partition {gap.partition}, offsets {gap.first} to {gap.last}" for gap in evidence.gaps]
    count = sum(gap.records for gap in evidence.gaps)
    for position in evidence.positions:
        if position.lost and position.committed is not None:
            ranges.append(f"partition {position.partition}, offsets {position.committed} to {position.low - 1}")
            count += position.lost
    if not ranges:
        return []
    text = (
        f"{counted(count, 'record')} of the source expired before they were read ({'; '.join(ranges)}): "
        "whether any was of this namespace cannot be known"
    )
    advice = "raise retention.ms of the source, or add partitions and replicas; see `events-fanout lag`"
    return [Finding(Where.EXPIRED_UNREAD, None, text, advice)]


def limits(settings: Settings, question: Question, evidence: Evidence) -> list[Finding]:
    """What cannot be known, or was not looked at."""
    found = []
    looks = (
        (settings.topic, evidence.source),
        (evidence.destination, evidence.delivered_look),
        (evidence.letters_topic, evidence.letters_look),
    )
    for topic, look in looks:
        if look.exists and not look.complete:
            part = look.refused or f"the newest {look.read} of {counted(look.records, 'record')} looked at"
            found.append(Finding(Where.UNKNOWN, None, f"{topic}: {part}", _how_to_read_on(look, topic)))
        elif look.exists and not look.reaches_back:
            text = f"{topic} does not reach back {duration(question.since_s)}: what was older has expired there"
            found.append(Finding(Where.UNKNOWN, None, text))
    if evidence.nameless or evidence.unknown_letters:
        text = (
            f"{counted(evidence.nameless, 'record')} of the source and "
            f"{counted(evidence.unknown_letters, 'dead letter')} have no namespace that can be read: "
            "whose they are cannot be known"
        )
        found.append(Finding(Where.UNKNOWN, None, text, f"look at {evidence.letters_topic}"))
    return found


def _how_to_read_on(look: Look, topic: str) -> str:
    return f"grant READ on topic {topic} to who asks" if look.refused else _FURTHER


def nowhere(settings: Settings, question: Question, evidence: Evidence) -> Finding:
    """No event was found at all."""
    places = [settings.topic, evidence.destination, evidence.letters_topic]
    text = f"none found in {', '.join(place for place in places if place)}"
    if not evidence.source.complete:
        return Finding(Where.NOWHERE, 0, f"{text}, as far as was looked", _FURTHER)
    if evidence.route.way is Way.REFUSED:
        return Finding(
            Where.NOWHERE, 0, f"{text}; they would become dead letters: {printable(evidence.route.detail)}",
            "see docs/runbook.md, dead letters",
        )  # fmt: skip
    if evidence.gaps or any(position.lost for position in evidence.positions):
        return Finding(Where.NOWHERE, 0, text)
    if evidence.source.reaches_back:
        text += ": Eventrouter has not written any, and beyond that nothing can be known here"
    elif evidence.source.oldest is not None:
        age = duration((evidence.now - evidence.source.oldest) / 1000)
        text += f": Eventrouter has not written any for {age}; what it wrote before has expired"
    else:
        text += ": the source is empty, what it held has expired"
    advice = f"look at Eventrouter, and whether there are any: kubectl get events -n {printable(question.namespace)}"
    return Finding(Where.NOWHERE, 0, text, advice)
