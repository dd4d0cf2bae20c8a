"""A look through the dead-letter topic, and one letter of it in full, as plain data. Writes nothing."""

import heapq
from collections import Counter
from typing import NamedTuple

import msgspec

from fanout.cluster.answers import Ends, Overview, Place
from fanout.cluster.cluster import Cluster
from fanout.cluster.reading import Reading
from fanout.deadletters.letters import Letter, Mark, Spot, read
from fanout.deadletters.question import Question
from fanout.settings import Settings

LOOKED_AT = 200_000  # records that are read, the newest of each partition
WITHIN_S = 60.0


class Line(NamedTuple):
    """One dead letter, as a list shows it."""

    letter: Letter  # without its value
    bytes: int | None  # of the value; None where there is none
    mark: Mark | None


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """The dead letters of one reason, and how many of them were replayed."""

    reason: str
    letters: int
    replayed: int


class Survey(NamedTuple):
    """What was found. `records` are all of the topic, marks and the ends of transactions among them."""

    exists: bool
    records: int = 0
    read: int = 0
    lines: list[Line] = []  # noqa: RUF012  # the newest, newest first; never changed
    counts: list[Count] = []  # noqa: RUF012  # of all that were read
    foreign: int = 0  # records that are none of this program


def survey(settings: Settings, cluster: Cluster, overview: Overview, question: Question, most: int) -> Survey:
    """Look through the newest records. Blocks, for a minute at most; raises AskError."""
    topic = settings.dead_letter_topic
    if topic not in overview.topics:
        return Survey(exists=False)
    ends = cluster.ends((topic, number) for number in range(overview.topics[topic]))
    share = max(1, LOOKED_AT // len(ends))
    ranges = {place: Ends(max(span.low, span.high - share), span.high) for place, span in ends.items()}
    reading = Reading(settings, ranges, WITHIN_S)
    gathered = Gathered(question, most)
    for record in reading.records():
        gathered.take(read(record))
    records, planned, left = (
        sum(span.high - span.low for span in spans.values()) for spans in (ends, ranges, reading.unread)
    )
    return Survey(True, records, planned - left, gathered.lines(), gathered.counts(), gathered.foreign)


def find(
    settings: Settings, cluster: Cluster, overview: Overview, spot: Spot, within_s: float = WITHIN_S
) -> tuple[Letter, Mark | None] | None:
    """One letter, and its mark if it was replayed; None if there is no such letter. Blocks; raises AskError."""
    topic = settings.dead_letter_topic
    partition, offset = spot
    if partition >= overview.topics.get(topic, 0):
        return None
    place: Place = (topic, partition)
    (ends,) = cluster.ends([place]).values()
    if not ends.low <= offset < ends.high:
        return None
    found: Letter | None = None
    for record in Reading(settings, {place: Ends(offset, ends.high)}, within_s).records():
        entry = read(record)
        if isinstance(entry, Mark) and entry.spot == spot:
            return (found, entry) if found is not None else None
        if record.offset() == offset and isinstance(entry, Letter):
            found = entry
        if found is None:
            return None
    return (found, None) if found is not None else None


class Gathered:
    """The letters as they are read: counted all, the newest kept."""

    def __init__(self, question: Question, most: int) -> None:
        self._question = question
        self._most = most
        self._newest: list[tuple[str, Spot, Line]] = []  # a heap
        self._reasons: dict[Spot, str] = {}
        self._marks: dict[Spot, Mark] = {}
        self.foreign = 0

    def take(self, entry: Letter | Mark | None) -> None:
        """One record of the topic; a letter comes before its mark."""
        if entry is None:
            self.foreign += 1
        elif isinstance(entry, Mark):
            self._marks[entry.spot] = entry
        elif self._question.means(entry):
            self._reasons[entry.spot] = entry.reason
            size = entry.size if entry.value is None else len(entry.value)
            line = Line(entry._replace(value=None, headers=[]), size, None)
            heapq.heappush(self._newest, (entry.written, entry.spot, line))
            if len(self._newest) > self._most:
                heapq.heappop(self._newest)

    def lines(self) -> list[Line]:
        """The newest, newest first."""
        found = sorted(self._newest, key=lambda entry: entry[:2], reverse=True)
        return [line._replace(mark=self._marks.get(line.letter.spot)) for _, _, line in found]

    def counts(self) -> list[Count]:
        """By reason, the most frequent first."""
        letters = Counter(self._reasons.values())
        replayed = Counter(reason for spot, reason in self._reasons.items() if spot in self._marks)
        return [Count(reason=reason, letters=count, replayed=replayed[reason])
                for reason, count in letters.most_common()]  # fmt: skip
