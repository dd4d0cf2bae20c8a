"""The checker: from what was written, what was found and what was committed, whether the promises were kept.

Pure: it reads nothing itself. Told are, each with some examples:

- lost: a record that is neither in the topic of its namespace nor, where it is poison, in the dead letters
- astray: a record, or something that is none of ours, in a topic where it does not belong
- altered: a record whose value, key, headers or timestamp is not what was written
- disorder: a first arrival behind one that was written after it, per partition of the source and destination
- duplicates: arrivals beyond the first, against what the faults may cause at most
- ahead: a committed offset that was seen before everything below it was in its topic
- back: a committed offset that was seen to move back
- letters: dead letters with a wrong reason, or of records that are not poison
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

import msgspec

from bench.stamp import Place

EXAMPLES = 5


class Sent(NamedTuple):
    """One record of the source. `offset` is in the topic of that `generation`: one made anew begins at 0 again."""

    place: Place
    namespace: str
    reason: str  # the reason of the dead letter that it has to become; "" for a good record
    generation: int
    offset: int


class Arrival(NamedTuple):
    """One record of a destination or of the dead letters. `at` is monotonic seconds, when it was read."""

    topic: str
    generation: int  # of the destination: one that was deleted and made again counts up
    offset: int
    at: float
    place: Place | None  # None: without a stamp that could be read
    intact: bool
    reason: str  # of a dead letter
    coordinates: tuple[int, int] | None  # of a dead letter: partition and offset that it names
    until: int = 0  # of the mark of expired records: one past the last of them


class Sample(NamedTuple):
    """What was seen at one moment: committed offsets first, the ends of all destinations after that."""

    at: float
    generation: int  # of the source
    committed: Mapping[int, int]
    ends: Mapping[tuple[str, int], int]  # (topic, generation) -> one past its last record


class Terms(NamedTuple):
    """What the run was about: names, and what its faults excuse."""

    topic_of: Callable[[str], str]
    dead_letters: str
    duplicates_max: int
    may_be_missing: Callable[[Sent], bool]  # it was in a topic that was deleted with it
    may_expire: Callable[[Sent], bool]  # it was deleted from the source: then a mark has to say so
    settled_at: Mapping[int, float]  # of a source made anew: from when on the group's offsets are of that generation
    # Reasons for which a broker may have refused a good record, without a word of it in its topic's configuration: what
    # was behind it in other requests may overtake it then.
    refused: frozenset[str] = frozenset()
    # A leader that has just become one tells of an end behind what is acknowledged, until its followers have fetched.
    ends_lag_s: float = 0.0


class Findings(msgspec.Struct, kw_only=True):
    """The verdict, in records. All but `events`, `poison`, `duplicates` and `gone` have to be 0."""

    events: int
    poison: int
    lost: int = 0
    astray: int = 0
    altered: int = 0
    disorder: int = 0
    duplicates: int = 0
    duplicates_max: int = 0
    gone: int = 0  # not found, and excused: with a topic that was deleted, or with records that nobody had heard of
    ahead: int = 0
    back: int = 0
    letters: int = 0
    examples: list[str] = []

    def broken(self) -> list[str]:
        """The promises that were not kept."""
        names = ("lost", "astray", "altered", "disorder", "ahead", "back", "letters")
        found = [name for name in names if getattr(self, name)]
        return found + (["duplicates"] if self.duplicates > self.duplicates_max else [])


def judge(sent: Sequence[Sent], arrivals: Sequence[Arrival], samples: Sequence[Sample], terms: Terms) -> Findings:
    """The verdict over one run."""
    return _Judge(sent, arrivals, terms).verdict(samples)


class _Judge:
    def __init__(self, sent: Sequence[Sent], arrivals: Sequence[Arrival], terms: Terms) -> None:
        self._terms = terms
        self._sent = {record.place: record for record in sent}
        self._arrivals = sorted(arrivals, key=lambda arrival: (arrival.topic, arrival.generation, arrival.offset))
        self._first: dict[Place, Arrival] = {}
        self._marks: list[tuple[int, int, int]] = []  # (partition, first, until) of expired records
        self._told: Counter[str] = Counter()
        poison = sum(1 for record in sent if record.reason)
        self.findings = Findings(events=len(sent), poison=poison, duplicates_max=terms.duplicates_max, examples=[])

    def verdict(self, samples: Sequence[Sample]) -> Findings:
        for arrival in self._arrivals:
            self._look_at(arrival)
        for _, group in groupby(self._arrivals, key=lambda arrival: (arrival.topic, arrival.generation)):
            self._look_at_order(group)
        for record in self._sent.values():
            if record.place not in self._first and not self._excused(record):
                self._tell("lost", f"{record} was found nowhere")
        self._look_at_commits(samples)
        return self.findings

    def _excused(self, record: Sent) -> bool:
        if self._terms.may_be_missing(record):
            self.findings.gone += 1
            return True
        marked = any(p == record.place.partition and a <= record.offset < b for p, a, b in self._marks)
        return marked and self._terms.may_expire(record)

    def _tell(self, what: str, example: str) -> None:
        setattr(self.findings, what, getattr(self.findings, what) + 1)
        self._told[what] += 1
        if self._told[what] <= EXAMPLES:
            self.findings.examples.append(f"{what}: {example}")

    def _look_at(self, arrival: Arrival) -> None:
        is_letter = arrival.topic == self._terms.dead_letters
        if is_letter and arrival.reason == "expired" and arrival.coordinates is not None:
            self._marks.append((*arrival.coordinates, arrival.until))
            return  # it marks a range, and is no record of ours
        record = self._sent.get(arrival.place) if arrival.place is not None else None
        if record is None:
            self._tell("astray", f"{arrival} is none of ours")
            return
        if is_letter:
            if arrival.reason != record.reason and (record.reason or arrival.reason not in self._terms.refused):
                self._tell("letters", f"{arrival} is the dead letter of {record}")
            elif arrival.coordinates != (record.place.partition, record.offset):
                self._tell("letters", f"{arrival} names another place than {record}")
        elif arrival.topic != self._terms.topic_of(record.namespace) or record.reason:
            self._tell("astray", f"{arrival} is {record}")
            return
        if not arrival.intact:
            self._tell("altered", f"{arrival} is {record}")
        self._first.setdefault(record.place, arrival)

    def _look_at_order(self, group: Iterable[Arrival]) -> None:
        """First arrivals of each partition of the source in one destination; what comes again is a duplicate."""
        seen: set[Place] = set()
        latest: dict[int, int] = {}
        for arrival in group:
            place = arrival.place
            if place is None or place not in self._sent:
                continue
            if place in seen:
                self.findings.duplicates += 1
                continue
            seen.add(place)
            # Dead letters of different destinations are sent when each of them gets to it: no order is promised.
            if arrival.topic != self._terms.dead_letters and not self._terms.refused:
                if place.sequence < latest.get(place.partition, -1):
                    self._tell("disorder", f"{arrival} came after {latest[place.partition]} of its partition")
                latest[place.partition] = max(place.sequence, latest.get(place.partition, -1))

    def _look_at_commits(self, samples: Sequence[Sample]) -> None:
        samples = _with_true_ends(samples, self._arrivals, self._terms.ends_lag_s)
        by_partition: dict[tuple[int, int], list[Sent]] = defaultdict(list)
        for record in self._sent.values():
            by_partition[record.generation, record.place.partition].append(record)
        for (generation, partition), records in by_partition.items():
            records.sort(key=lambda record: record.offset)
            settled_at = self._terms.settled_at.get(generation, 0.0)
            seen = [
                sample
                for sample in samples
                if sample.generation == generation and sample.at >= settled_at and partition in sample.committed
            ]
            self._look_for_steps_back(partition, seen)
            self._look_for_steps_ahead(partition, records, seen)

    def _look_for_steps_back(self, partition: int, samples: Sequence[Sample]) -> None:
        for before, after in pairwise(samples):
            was, now = before.committed[partition], after.committed[partition]
            if now < was:
                self._tell("back", f"partition {partition} went from {was} to {now} at {after.at:.3f}")

    def _look_for_steps_ahead(self, partition: int, records: Sequence[Sent], samples: Sequence[Sample]) -> None:
        """Whether at each sample all records below the committed offset were in their topics."""
        position = 0
        needed: dict[tuple[str, int], tuple[int, Sent]] = {}  # per topic: the furthest arrival that has to be there
        for sample in sorted(samples, key=lambda sample: sample.committed[partition]):
            while position < len(records) and records[position].offset < sample.committed[partition]:
                record = records[position]
                position += 1
                first = self._first.get(record.place)
                if first is not None:  # what is nowhere is lost, and told as such
                    where = (first.topic, first.generation)
                    needed[where] = max(needed.get(where, (-1, record)), (first.offset, record))
            for where, (offset, record) in needed.items():
                if offset >= sample.ends.get(where, offset + 1):
                    said = sample.committed[partition]
                    self._tell("ahead", f"partition {partition} at {said} at {sample.at:.3f}, {record} not in {where}")
                    break


def _with_true_ends(samples: Sequence[Sample], arrivals: Iterable[Arrival], lag_s: float) -> list[Sample]:
    """The same, with the furthest end of each topic that was seen until then, or so many seconds later.

    What was read from a topic was in it, too: of one that is deleted no sample may have seen the end.
    """
    seen: list[tuple[float, tuple[str, int], int]] = [
        (sample.at, where, end) for sample in samples for where, end in sample.ends.items()
    ]
    seen += [(arrival.at, (arrival.topic, arrival.generation), arrival.offset + 1) for arrival in arrivals]
    seen.sort(reverse=True)
    furthest: dict[tuple[str, int], int] = {}
    found = []
    for sample in sorted(samples, key=lambda sample: sample.at):
        while seen and seen[-1][0] <= sample.at + lag_s:
            _, where, end = seen.pop()
            furthest[where] = max(furthest.get(where, 0), end)
        found.append(sample._replace(ends=dict(furthest)))
    return found
