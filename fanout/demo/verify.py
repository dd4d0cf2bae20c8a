"""The count: what was written against what was found. Pure: it neither reads nor prints."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

from fanout.demo.events import Event, Headers
from fanout.demo.poison import Poison

REASON_HEADER = "fanout.reason"
OWN_HEADERS = "fanout."


class Found(NamedTuple):
    """One record as it was read from a topic."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int

    @property
    def place(self) -> str:
        """Where it was found, for people."""
        return f"{self.topic}[{self.partition}] at offset {self.offset}"


@dataclass
class Verdict:
    """What the count came to. Every number but `duplicates` is about events or objects, not about copies."""

    written: Counter[str] = field(default_factory=Counter)  # by namespace
    found: Counter[str] = field(default_factory=Counter)  # by topic: events in their own topic, each counted once
    objects: int = 0  # with events whose order was checked
    duplicates: int = 0  # second and further copies of events and of dead letters
    dead_letters: Counter[str] = field(default_factory=Counter)  # by reason, each counted once
    faults: Counter[str] = field(default_factory=Counter)  # by kind: see `FAULTS`
    wrong_topics: set[str] = field(default_factory=set)  # where the faults are
    examples: dict[str, str] = field(default_factory=dict)  # kind of fault -> the first of them

    @property
    def ok(self) -> bool:
        """Whether all is as it must be."""
        return not self.faults

    def add_fault(self, kind: str, topic: str, example: str, count: int = 1) -> None:
        """Count faults of one kind in one topic."""
        self.faults[kind] += count
        self.wrong_topics.add(topic)
        self.examples.setdefault(kind, example)

    def problems(self) -> list[str]:
        """A sentence for each kind of fault, with how often and the first example; empty when all is right."""
        return [f"{self.faults[kind]} {FAULTS[kind]}, the first: {self.examples[kind]}" for kind in self.faults]


FAULTS = {
    "lost": "event(s) lost",
    "astray": "event(s) in a topic that is not theirs",
    "altered": "event(s) not as they were written",
    "foreign": "record(s) that nobody wrote",
    "disordered": "event(s) before an older one of the same object",
    "scattered": "event(s) in another partition than older ones of the same object, so that their order is lost",
    "duplicate": "event(s) or dead letter(s) delivered twice, though no worker was killed",
    "dead-letter-missing": "dead letter(s) missing",
    "dead-letter-wrong": "dead letter(s) with the wrong reason or content",
    "dead-letter-unexpected": "dead letter(s) of records that are not at fault",
}


def verify(
    events: Sequence[Event],
    poison: Sequence[Poison],
    found: Iterable[Found],
    *,
    dead_letter_topic: str,
    duplicates_allowed: bool,
) -> Verdict:
    """Compare what was written with what was found.

    `events` is in the order in which they were written, their values are distinct (else ValueError). `found` is
    everything in every topic but the source, each partition in the order of its offsets.
    """
    count = _Count(events, poison, dead_letter_topic)
    for record in found:
        if record.topic == dead_letter_topic:
            count.dead_letter(record)
        else:
            count.event(record)
    return count.close(duplicates_allowed=duplicates_allowed)


class _Count:
    def __init__(self, events: Sequence[Event], poison: Sequence[Poison], dead_letter_topic: str) -> None:
        self._events = events
        self._dead_letter_topic = dead_letter_topic
        self._known = {event.value: index for index, event in enumerate(events)}
        if len(self._known) != len(events):
            raise ValueError("two events have the same value: they could not be told apart")
        self._seen = [False] * len(events)
        self._latest: dict[tuple[str, bytes], tuple[int, int]] = {}  # object -> partition and index of its latest
        self._poison = {record.key: record for record in poison}
        self._missing = dict(self._poison)
        self._strangers: list[Found] = []
        self._doubled: list[Found] = []
        self._verdict = Verdict(written=Counter(event.namespace for event in events))

    def event(self, record: Found) -> None:
        """Take in a record of any topic that is neither the source nor for dead letters."""
        index = self._known.get(record.value) if record.value is not None else None
        if index is None:
            self._strangers.append(record)
            return
        event = self._events[index]
        if record.topic != event.namespace:
            self._verdict.add_fault("astray", record.topic, f"one of {event.namespace} in {record.place}")
            return
        if difference := _difference(event, record):
            self._verdict.add_fault("altered", record.topic, f"{difference} in {record.place}")
        if self._seen[index]:
            self._doubled.append(record)
            return
        self._seen[index] = True
        self._verdict.found[record.topic] += 1
        if event.key is not None:
            self._in_order(index, event.key, record)

    def _in_order(self, index: int, key: bytes, record: Found) -> None:
        """Check the first copy of an event against the latest one of its object."""
        thing = (record.topic, key)
        partition, latest = self._latest.get(thing, (record.partition, -1))
        if partition != record.partition:
            example = f"{_name(key)} in {record.place}, before in [{partition}]"
            self._verdict.add_fault("scattered", record.topic, example)
        elif index < latest:
            self._verdict.add_fault("disordered", record.topic, f"{_name(key)} in {record.place}")
        self._latest[thing] = (record.partition, max(index, latest))

    def dead_letter(self, record: Found) -> None:
        """Take in a record of the dead-letter topic."""
        reasons = [value for name, value in record.headers if name == REASON_HEADER]
        reason = b", ".join(value or b"none" for value in reasons).decode(errors="replace") or "none"
        expected = self._poison.get(record.key) if record.key is not None else None
        if expected is None:
            what = f"reason {reason}, key {_name(record.key)}, in {record.place}"
            self._verdict.add_fault("dead-letter-unexpected", record.topic, what)
            return
        headers = tuple(header for header in record.headers if not header[0].startswith(OWN_HEADERS))
        if reason != expected.reason:
            what = f"{_name(record.key)} has the reason {reason}, not {expected.reason}"
            self._verdict.add_fault("dead-letter-wrong", record.topic, what)
        elif (record.value, headers, record.timestamp_ms) != (expected.value, (), expected.timestamp_ms):
            self._verdict.add_fault("dead-letter-wrong", record.topic, f"{_name(record.key)} is not as it was written")
        if self._missing.pop(expected.key, None) is None:
            self._doubled.append(record)
        else:
            self._verdict.dead_letters[reason] += 1

    def close(self, *, duplicates_allowed: bool) -> Verdict:
        """Everything has been taken in: the verdict."""
        verdict = self._verdict
        lost: defaultdict[tuple[str, bytes | None, int], list[Event]] = defaultdict(list)
        for event, seen in zip(self._events, self._seen, strict=True):
            if not seen:
                lost[event.namespace, event.key, event.timestamp_ms].append(event)
        for record in self._strangers:
            # The same topic, key and time as one that is missing: that one, with another value.
            if alike := lost[record.topic, record.key, record.timestamp_ms]:
                alike.pop()
                verdict.add_fault("altered", record.topic, f"the value in {record.place}")
            else:
                verdict.add_fault("foreign", record.topic, f"key {_name(record.key)} in {record.place}")
        for event in chain.from_iterable(lost.values()):
            example = f"{_name(event.key)} of {event.namespace}, its event number {event.sequence}"
            verdict.add_fault("lost", event.namespace, example)
        for letter in self._missing.values():
            example = f"{_name(letter.key)}, reason {letter.reason}"
            verdict.add_fault("dead-letter-missing", self._dead_letter_topic, example)
        for record in self._doubled if not duplicates_allowed else ():
            verdict.add_fault("duplicate", record.topic, f"in {record.place}")
        verdict.duplicates = len(self._doubled)
        verdict.objects = len(self._latest)
        return verdict


def _difference(event: Event, record: Found) -> str:
    """What of a record differs from the event, given that the values are the same; empty when nothing does."""
    if record.key != event.key:
        return f"the key {_name(record.key)} instead of {_name(event.key)}"
    if record.headers != event.headers:
        return "the headers"
    if record.timestamp_ms != event.timestamp_ms:
        return f"the timestamp {record.timestamp_ms} instead of {event.timestamp_ms}"
    return ""


def _name(key: bytes | None) -> str:
    return "none" if key is None else repr(key.decode(errors="replace"))
