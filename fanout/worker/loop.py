"""The loop of a worker: deliveries first, for they free memory; then the report; then new work.

read -> decode -> route -> send -> acknowledged -> committable -> reported
"""

import time
from collections.abc import Callable, Mapping, Sequence

from fanout.counters import Counter
from fanout.errors import Reason
from fanout.settings import Settings
from fanout.worker.deadletter import DeadLetters, Gap, Limiter
from fanout.worker.destination import Destination, Route
from fanout.worker.limits import wall_ms
from fanout.worker.link import Load, WorkerLink
from fanout.worker.offsets import Tracker, Window
from fanout.worker.records import Record, SourceRecord
from fanout.worker.redelivery import Redelivery
from fanout.worker.rewrite import Rewrite
from fanout.worker.router import Router
from fanout.worker.routes import Refusal, Skip
from fanout.worker.sink import Sink
from fanout.worker.source import Expired, Source
from fanout.worker.topics import Topics

WAIT_S = 0.002  # while nothing may be read: short against an epoch, long against a turn of the loop
READ_BUSY_S = 0.01  # while acknowledgements are awaited
READ_IDLE_S = 0.1  # while nothing is in flight; also how late a signal from the supervisor may be seen
CLOSE_IDLE_EVERY_S = 60.0
# In flight at most, for each destination of a round: enough for full requests, and few enough to stay in the caches.
# With half as many, 5 ms to the broker took half of the throughput at 100 destinations.
RECORDS_PER_DESTINATION = 200
RECORDS_LEAST = 5_000


class Inflight:
    """What is read and not yet committable, against its bounds."""

    def __init__(self, settings: Settings, trackers: Mapping[int, Tracker]) -> None:
        self._settings = settings
        self._trackers = trackers
        self._record_bytes = 1_000.0  # of late, on average
        self._destinations = 0.0  # of a round, of late, at most

    def committable(self) -> dict[int, int]:
        """The next offset to read of each partition that has delivered anything."""
        offsets = {partition: tracker.committable() for partition, tracker in self._trackers.items()}
        return {partition: offset for partition, offset in offsets.items() if offset is not None}

    @property
    def idle(self) -> bool:
        """Whether nothing is in flight, not even the dead letter of a gap."""
        return all(tracker.idle for tracker in self._trackers.values())

    @property
    def records(self) -> int:
        """Records in flight."""
        return sum(tracker.records for tracker in self._trackers.values())

    @property
    def nbytes(self) -> int:
        """Bytes of their values."""
        return sum(tracker.nbytes for tracker in self._trackers.values())

    def open(self, partition: int, next_offset: int, records: int, nbytes: int) -> Window:
        """Account for one round of one partition."""
        if records:
            self._record_bytes += (nbytes / records - self._record_bytes) / 8
        return self._trackers[partition].open(next_offset, records, nbytes)

    def take_settled(self) -> list[Window]:
        """The rounds that were acknowledged since the last call."""
        return [window for tracker in self._trackers.values() for window in tracker.take_settled()]

    def saw(self, destinations: int) -> None:
        """A round had so many destinations: it decides how large a round pays."""
        self._destinations = max(destinations, self._destinations * 0.9)

    def room(self) -> int:
        """How many records may be read now."""
        worthwhile = max(RECORDS_LEAST, int(RECORDS_PER_DESTINATION * self._destinations))
        records = min(self._settings.inflight_records, worthwhile) - self.records
        nbytes = self._settings.inflight_bytes - self.nbytes
        if records <= 0 or nbytes <= 0:
            return 0
        return max(1, min(records, int(nbytes / max(1.0, self._record_bytes))))


class Loop:
    """The stages of one worker, put together."""

    def __init__(
        self,
        settings: Settings,
        *,
        link: WorkerLink,
        source: Source,
        router: Router,
        rewrite: Rewrite | None,
        sink: Sink,
        redelivery: Redelivery,
        topics: Topics,
        inflight: Inflight,
        dead_letters: DeadLetters,
        check_health: Callable[[float, int], None],
    ) -> None:
        self._settings = settings
        self._link = link
        self._tally = link.tally
        self._source = source
        self._router = router
        self._rewrite = rewrite
        self._sink = sink
        self._redelivery = redelivery
        self._topics = topics
        self._inflight = inflight
        self._dead_letters = dead_letters
        self._check_health = check_health
        self._limiter = Limiter(settings)
        self._counted = {Counter.DELIVERED: 0, Counter.DEAD_LETTERS: 0, Counter.REDELIVERED: 0}
        self._close_idle_at = time.monotonic() + CLOSE_IDLE_EVERY_S

    def run(self) -> bool:
        """Until told to stop; whether all that was read is delivered. Raises WorkerFailureError and link errors."""
        while True:
            now = time.monotonic()
            self._link.turn(now)
            self._deliver(now)
            self._report(now)
            stop = self._link.stop
            if stop is not None:
                drained = self._inflight.idle
                if drained or now > stop.deadline:
                    self._report(now, final=True)
                    return drained
                time.sleep(WAIT_S)
                continue
            room = self._inflight.room() if self._link.may_read and self._sink.feeding(now) else 0
            if room:
                self._round(self._source.read(room, self._patience_s()))
                for expired in self._source.take_expired():
                    self._mark_gap(expired)
            else:
                time.sleep(WAIT_S)

    def _deliver(self, now: float) -> None:
        self._sink.poll()
        self._topics.serve()
        self._redelivery.serve(now)
        self._check_health(now, self._sink.delivered)
        if now > self._close_idle_at:
            self._close_idle_at = now + CLOSE_IDLE_EVERY_S
            self._router.forget(self._sink.close_idle(now))

    def _patience_s(self) -> float:
        """How long to block for a record: short while there is news to expect from elsewhere."""
        if self._redelivery.busy():
            return WAIT_S
        return READ_BUSY_S if self._inflight.records else READ_IDLE_S

    def _report(self, now: float, *, final: bool = False) -> None:
        totals = {
            Counter.DELIVERED: self._sink.delivered,
            Counter.DEAD_LETTERS: self._sink.dead_letters,
            Counter.REDELIVERED: self._redelivery.redelivered,
        }
        for counter, total in totals.items():
            self._tally.count(counter, total - self._counted[counter])
        self._counted = totals
        self._observe()
        self._tally.wrote(self._dead_letters.take_written())
        offsets = self._inflight.committable()
        load = Load(self._inflight.records, self._inflight.nbytes, self._sink.producer_count)
        self._link.report(offsets, load, now, final=final)

    def _observe(self) -> None:
        """How long the rounds took that are acknowledged by now."""
        settled = self._inflight.take_settled()
        if not settled:
            return
        now, now_ms = time.monotonic(), wall_ms()
        for window in settled:
            if window.read_at is not None:
                age_s = None if window.oldest_ms is None else max(0.0, (now_ms - window.oldest_ms) / 1000)
                self._tally.observe(now - window.read_at, age_s)

    def _round(self, groups: Mapping[int, Sequence[SourceRecord]]) -> None:
        now = time.monotonic()
        for partition, group in groups.items():
            nbytes = sum(map(len, group))
            window = self._inflight.open(partition, group[-1].offset() + 1, len(group), nbytes)
            window.read_at = now
            kind, timestamp_ms = group[0].timestamp()
            window.oldest_ms = timestamp_ms if kind else None
            self._tally.count(Counter.RECORDS_IN, len(group))
            self._tally.count(Counter.BYTES_IN, nbytes)
            self._hand_on(group, window)
            window.give()

    def _hand_on(self, records: Sequence[SourceRecord], window: Window) -> None:
        """Decode, route and send one round of one partition."""
        groups, undecodable = self._router.grouped(records)
        self._limiter.note(len(records), undecodable)
        self._inflight.saw(len(groups))
        for route, group in sorted(groups.items(), key=_producer_number):
            if isinstance(route, Destination):
                self._sink.send(route, self._rewrite(group) if self._rewrite else group, window)
                self._tally.hand(route.name, len(group))
            elif isinstance(route, Skip):
                self._tally.count(route.counter, len(group))
            else:
                self._dead_letters.send(group, route, window)

    def _mark_gap(self, expired: Expired) -> None:
        """Mark a range of the source that expired unread: with a dead letter, and by going on behind it."""
        count = expired.next_offset - expired.first
        window = self._inflight.open(expired.partition, expired.next_offset, 0, 0)
        detail = f"{count} records, offsets {expired.first} to {expired.next_offset - 1}, expired before they were read"
        self._dead_letters.send([Gap(expired.partition, expired.first)], Refusal(Reason.EXPIRED, detail), window)
        self._tally.count(Counter.EXPIRED, count)
        window.give()


def _producer_number(item: tuple[Route, list[Record]]) -> int:
    """One producer after the other: at 1 000 destinations a tenth of the CPU, for fewer threads are awake at once."""
    route = item[0]
    return route.shard.number if isinstance(route, Destination) else -1
