"""The looking: through the source, the destination and the dead letters, by time and within bounds. Writes nothing."""

import time
from collections import Counter, deque
from collections.abc import Iterator
from typing import NamedTuple

from fanout.client import kept_ms
from fanout.cluster.answers import AskError, Ends, Overview, Place
from fanout.cluster.backlog import positions_of
from fanout.cluster.cluster import Cluster
from fanout.cluster.reading import Read, Reading, time_of
from fanout.deadletters import letters
from fanout.settings import Settings
from fanout.trace.event import Event, describe, is_about
from fanout.trace.evidence import Evidence, Look, Match, Sighting
from fanout.trace.question import Question
from fanout.trace.routing import Routing, Way, digest_of

SHOWN = 200  # sightings that are kept, the newest of each topic


_Letters = tuple[list[letters.Letter], list[letters.Letter]]  # those that are left, and those that were replayed


class Pass(NamedTuple):
    """The records of one topic since a time: those that are to be read, and how much there is besides."""

    reading: Reading
    records: int
    reaches_back: bool


class Search:
    """One question, put to one cluster."""

    def __init__(self, settings: Settings, cluster: Cluster, overview: Overview, question: Question) -> None:
        self._settings = settings
        self._cluster = cluster
        self._overview = overview
        self._question = question
        self._routing = Routing(settings, overview)
        self._now = time.time_ns() // 1_000_000
        self._since = self._now - int(question.since_s * 1000)
        self._sightings: list[Sighting] = []

    def run(self) -> Evidence:
        """Look. Blocks for three times the question's time at most; raises AskError."""
        settings = self._settings
        partitions = self._overview.topics.get(settings.topic, 0)
        if not partitions:
            text = f"the source topic {settings.topic} does not exist, or may not be seen: create it, or look at TOPIC"
            raise AskError(text, absent=True)
        matches, nameless, source = self._source()
        # In this order: what a run delivers meanwhile then counts as read, and is in the destination.
        positions = positions_of(settings, self._cluster, partitions)
        route = self._routing.of_namespace(self._question.namespace)
        topic = route.detail if route.way is Way.DESTINATION else ""
        delivered, last, delivered_look = self._destination(topic)
        (found, replayed), gaps, unknown, letters_look = self._letters({(m.partition, m.offset) for m in matches})
        return Evidence(
            now=self._now, since=self._since, route=route,
            positions=positions, members=len(self._cluster.group().members),
            source=source, matches=matches, nameless=nameless,
            destination=topic, delivered_look=delivered_look, delivered=delivered, delivered_at=last,
            destination_kept=self._kept(topic),
            letters_topic=settings.dead_letter_topic, letters_look=letters_look, letters=found, gaps=gaps,
            unknown_letters=unknown, sightings=self._sightings, replayed=replayed,
        )  # fmt: skip

    def _source(self) -> tuple[list[Match], int, Look]:
        matches: list[Match] = []
        nameless = 0
        looked = self._pass(self._settings.topic)
        records = _Watched(looked.reading)
        seen: deque[Sighting] = deque(maxlen=SHOWN)
        for record in records:
            namespace = self._routing.namespace_of(record.value())
            if namespace is None:
                nameless += 1
            elif namespace == self._question.namespace and (event := self._wanted(record.value())) is not None:
                at, outcome = time_of(record), self._routing.of(record)
                digest = self._routing.digest(record)
                matches.append(Match(record.partition(), record.offset(), at, digest, outcome))
                seen.append(_sighting(record, event))
        self._sightings += seen
        return matches, nameless, records.look(looked)

    def _destination(self, topic: str) -> tuple[Counter[bytes], int | None, Look]:
        found: Counter[bytes] = Counter()
        last: int | None = None
        if topic not in self._overview.topics:
            return found, last, Look(exists=False)
        looked = self._pass(topic)
        records = _Watched(looked.reading)
        seen: deque[Sighting] = deque(maxlen=SHOWN)
        for record in records:
            event = self._wanted(record.value())
            if event is not None:
                found[digest_of(record.value())] += 1
                last = max(last or 0, time_of(record) or 0)
                seen.append(_sighting(record, event))
        self._sightings += seen
        return found, last, records.look(looked)

    def _letters(self, sought: set[tuple[int, int]]) -> tuple[_Letters, list[letters.Gap], int, Look]:
        """Those of the events; `sought` are the coordinates of what the source still holds of them."""
        topic = self._settings.dead_letter_topic
        found: list[letters.Letter] = []
        marks: set[letters.Spot] = set()
        gaps: list[letters.Gap] = []
        unknown = 0
        if topic not in self._overview.topics:
            return ([], []), gaps, unknown, Look(exists=False)
        looked = self._pass(topic)
        records = _Watched(looked.reading)
        seen: deque[Sighting] = deque(maxlen=SHOWN)
        for record in records:
            letter = letters.read(record)
            if isinstance(letter, letters.Mark):
                marks.add(letter.spot)
                continue
            if letter is None or letter.topic != self._settings.topic:
                continue
            if letter.reason == "expired":
                gaps.append(letters.gap_of(letter))
                continue
            namespace = self._routing.namespace_of(letter.value)
            if (letter.partition, letter.offset) in sought or (
                namespace == self._question.namespace and self._wanted(letter.value) is not None
            ):
                found.append(letter)
                seen.append(_sighting(record, describe(self._settings, letter.value)))
            elif namespace is None:
                unknown += 1
        self._sightings += seen
        left = [letter for letter in found if letter.spot not in marks]
        replayed = [letter for letter in found if letter.spot in marks]
        return (left, replayed), gaps, unknown, records.look(looked)

    def _wanted(self, value: bytes | None) -> Event | None:
        """The event of a record, if it is one that was asked for."""
        event = describe(self._settings, value)
        name = self._question.name
        return event if name is None or is_about(event, name) else None

    def _pass(self, topic: str) -> Pass:
        """Where to read a topic: from the time in question on, and no more than the newest so many records."""
        places: list[Place] = [(topic, number) for number in range(self._overview.topics[topic])]
        ends = self._cluster.ends(places)
        first = self._cluster.since(places, self._since)
        ranges = {place: Ends(_or(first[place], ends[place].high), ends[place].high) for place in places}
        records = sum(span.high - span.low for span in ranges.values())
        # One that begins with the first record that was ever written still holds all of that time.
        reaches_back = all(ends[place].low == 0 or ranges[place].low > ends[place].low for place in places)
        if records > self._question.most:
            share = max(1, self._question.most // len(places))
            ranges = {place: Ends(max(span.low, span.high - share), span.high) for place, span in ranges.items()}
        reading = Reading(self._settings, ranges, self._question.within_s, tolerant=topic != self._settings.topic)
        return Pass(reading, records, reaches_back)

    def _kept(self, topic: str) -> int | None:
        if topic not in self._overview.topics:
            return None
        try:
            return kept_ms(self._cluster.topic_config(topic))
        except AskError:
            return None


class _Watched:
    """The records of a reading, counted."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._planned = sum(span.high - span.low for span in reading.unread.values())
        self._oldest: int | None = None

    def __iter__(self) -> Iterator[Read]:
        for record in self._reading.records():
            at = time_of(record)
            if at is not None and (self._oldest is None or at < self._oldest):
                self._oldest = at
            yield record

    def look(self, looked: Pass) -> Look:
        """What was looked at, once it is over."""
        left = sum(span.high - span.low for span in self._reading.unread.values())
        refused = "; ".join(str(error) for error in self._reading.refused.values())
        read = 0 if refused else self._planned - left
        return Look(True, refused, looked.records, read, looked.reaches_back, self._oldest)


def _or(offset: int | None, otherwise: int) -> int:
    return otherwise if offset is None else offset


def _sighting(record: Read, event: Event) -> Sighting:
    name = f"{event.kind}/{event.object}" if event.object else event.name
    return Sighting(record.topic(), record.partition(), record.offset(), time_of(record), event.reason, name)
