"""The passes over the dead-letter topic: first which letters are marked, then each letter's way."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import NamedTuple

from fanout import client
from fanout.cluster.answers import AskError, Ends, Overview, Place
from fanout.cluster.cluster import Cluster
from fanout.cluster.reading import Read, Reading
from fanout.deadletters.letters import Letter, Mark, Spot, read
from fanout.deadletters.question import Question
from fanout.replay.fates import Fate, Fates
from fanout.replay.gate import Gate
from fanout.replay.outbox import TOPICS_OWN, Outbox, Parcel
from fanout.replay.record import Replayed
from fanout.settings import Settings
from fanout.trace.routing import Routing, Way
from fanout.worker.rewrite import rewrite_function
from fanout.worker.routes import Refusal

BATCH = 500  # letters in one transaction,
BATCH_BYTES = 8_000_000  # and bytes of their values
SILENT_S = 60.0  # a topic of which nothing comes for so long is not read on

Advance = Callable[[int], None]  # so many offsets further
Bar = Callable[[str, int], AbstractContextManager[Advance]]  # of what is done, and how many offsets that are


class _Found(NamedTuple):
    """What the first pass tells: letters that are marked, and where to read those that are meant and are not."""

    marks: set[Spot]
    ranges: dict[Place, Ends]


class Replay:
    """One replay; `outbox` is None where nothing is to be sent. `fates` is what has come of it, also after an error."""

    def __init__(
        self, settings: Settings, cluster: Cluster, overview: Overview, question: Question, outbox: Outbox | None
    ) -> None:
        self._settings = settings
        self._cluster = cluster
        self._overview = overview
        self._question = question
        self._outbox = outbox
        self._routing = Routing(settings, overview)
        self._rewrite = rewrite_function(settings)
        self._gate = Gate(settings, source_max_bytes(settings, cluster), dry=outbox is None)
        self._batch: list[Parcel] = []
        self._batch_bytes = 0
        self.fates = Fates()

    def run(self, bar: Bar) -> None:
        """Do it. Blocks for as long as it takes; raises AskError and FencedError."""
        topic = self._settings.dead_letter_topic
        if self._outbox is not None:
            self._may_mark()
            self._outbox.open()  # before the marks are read: what a replay that died has left is decided by this
        self._gate.open()
        places: list[Place] = [(topic, number) for number in range(self._overview.topics[topic])]
        found = self._look(self._cluster.ends(places), bar)
        with bar("replaying", _length(found.ranges)) as advance:
            for record in _read_on(self._settings, found.ranges, advance):
                letter = read(record)
                if isinstance(letter, Letter) and self._question.means(letter):
                    self._take(letter, found.marks)
            self._send()

    def _may_mark(self) -> None:
        """Raise AskError if the marks would be refused, which the client would not tell from a refused record."""
        topic = self._settings.dead_letter_topic
        operations = self._cluster.operations([topic])[topic]
        if isinstance(operations, AskError):
            raise operations
        if operations and "WRITE" not in operations:
            raise AskError(f"{topic} may not be written to: grant WRITE on it to who replays", denied=True)

    def _look(self, ends: Mapping[Place, Ends], bar: Bar) -> _Found:
        found = _Found(set(), {})
        with bar("reading what was replayed before", _length(ends)) as advance:
            for record in _read_on(self._settings, ends, advance):
                entry = read(record)
                if isinstance(entry, Mark):
                    found.marks.add(entry.spot)
                elif entry is not None and self._question.means(entry):
                    place = (record.topic(), record.partition())
                    found.ranges.setdefault(place, Ends(record.offset(), ends[place].high))
        return found

    def _take(self, letter: Letter, marks: set[Spot]) -> None:
        if letter.topic != self._settings.topic:
            self.fates.note(Fate.OTHER_SOURCE, letter.topic)
        elif letter.spot in marks:
            self.fates.note(Fate.ALREADY, letter.reason)
        elif letter.cannot_be_replayed:
            self.fates.note(Fate.IMPOSSIBLE, letter.cannot_be_replayed)
        else:
            self._route(letter)

    def _route(self, letter: Letter) -> None:
        record = Replayed(letter)
        outcome = self._routing.of(record)
        if outcome.way is Way.REFUSED:
            reason, _, detail = outcome.detail.partition(": ")
            self.fates.note(Fate.REFUSED, reason, detail)
        elif outcome.way is not Way.DESTINATION:
            self.fates.note(Fate.SKIPPED, outcome.detail)
        else:
            delivered = record if self._rewrite is None else self._rewrite([record])[0]
            refusal = self._gate.refusal(outcome.detail, delivered)
            if refusal is not None:
                self._refuse(refusal)
            elif self._outbox is None:
                self.fates.note(Fate.WOULD, outcome.detail)
            else:
                self._pack(Parcel(letter, outcome.detail, delivered))

    def _pack(self, parcel: Parcel) -> None:
        self._batch.append(parcel)
        self._batch_bytes += len(parcel.letter.value or b"")
        if len(self._batch) >= BATCH or self._batch_bytes >= BATCH_BYTES:
            self._send()

    def _send(self) -> None:
        """What is packed, in one transaction, or in one for each letter where one of them spoils it."""
        if self._outbox is None or not self._batch:
            return
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        returned = {back.parcel.letter.spot: back.refusal for back in self._outbox.deliver(batch)}
        for parcel in batch:
            refusal = returned.get(parcel.letter.spot)
            if refusal is None:
                self.fates.note(Fate.REPLAYED, parcel.destination)
            else:
                self._refuse(refusal)
                if refusal.reason in TOPICS_OWN:
                    self._gate.close(parcel.destination, refusal)

    def _refuse(self, refusal: Refusal) -> None:
        self.fates.note(Fate.REFUSED, refusal.reason.value, refusal.detail)


def source_max_bytes(settings: Settings, cluster: Cluster) -> int:
    """What the source takes, or Kafka's default where it does not tell."""
    try:
        config = cluster.topic_config(settings.topic)
    except AskError:
        return client.DEFAULT_MESSAGE_MAX_BYTES
    return int(config.get("max.message.bytes", client.DEFAULT_MESSAGE_MAX_BYTES))


def _length(ranges: Mapping[Place, Ends]) -> int:
    return sum(span.high - span.low for span in ranges.values())


def _read_on(settings: Settings, ranges: Mapping[Place, Ends], advance: Advance) -> Iterator[Read]:
    """All records of the ranges, however long it takes, as long as some come. Raises AskError."""
    left = dict(ranges)
    while _length(left):
        reading = Reading(settings, left, SILENT_S)
        before = _length(left)
        done = 0
        for record in reading.records():
            yield record
            now = before - _length(reading.unread)
            advance(now - done)
            done = now
        left = reading.unread
        if _length(left) == before:
            raise AskError(f"nothing of {settings.dead_letter_topic} comes for {SILENT_S:g} s; run it again")
        advance(before - _length(left) - done)
