"""What this replica knows of itself: told by its parts as things happen, and asked of them when somebody looks.

It is what HTTP serves: `fanout.http.server.Replica`. Nothing here blocks, and nothing that delivers waits for it.
"""

import os
from collections.abc import Callable

from fanout import __version__
from fanout.metrics.catalogue import DUPLICATES_POSSIBLE, WORKER_RESTARTS
from fanout.metrics.tallies import Tallies
from fanout.settings import Settings
from fanout.status.facts import Facts, Trouble
from fanout.status.judge import Onsets, judge
from fanout.status.kinds import Severity
from fanout.status.phrases import headline
from fanout.status.shown import shown_settings
from fanout.status.state import Gauges, Status
from fanout.supervisor import memory, view
from fanout.supervisor.lag import LagWatch
from fanout.supervisor.reported import Reported
from fanout.supervisor.view import Parts
from fanout.supervisor.wall import wall_s

REPLACED_S = 10.0  # on top of STALL_MS: by then a worker that hangs has been killed


class Observer:
    """One replica, as it is seen. `watch` has to be called once before anything is asked."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.counted = Tallies()
        self._onsets = Onsets()
        self._started_at = wall_s()
        self._apart_since = self._started_at  # from the group
        self._has_joined = False
        self._memory: memory.Memory | None = None
        self._shown = shown_settings(settings)
        self.reported = Reported(self.counted, settings.metrics_namespaces)
        self.protocol = ""
        self.unused_credentials: Callable[[], Trouble | None] = lambda: None
        self.stopping = False

    def watch(self, parts: Parts, lag: LagWatch) -> None:
        """These are the parts of this replica."""
        self._parts = parts
        self._lag = lag

    # Told.

    def assigned(self, partitions: dict[int, int]) -> None:
        """They are ours, and nothing of them is delivered yet."""
        self.reported.progressed_at.update(dict.fromkeys(partitions, wall_s()))
        self._lag.look_soon()

    def ended(self, cause: str, in_flight: int) -> None:
        """A worker is gone: why, or empty if it was told to end; what it had in its hands may come twice."""
        if cause:
            self.counted.count(WORKER_RESTARTS, 1, cause)
        self.counted.count(DUPLICATES_POSSIBLE, in_flight)

    def tick(self) -> None:
        """Every second: what can only be seen by looking."""
        now = wall_s()
        if self._parts.seat.joined:
            self._has_joined, self._apart_since = True, now
        self._memory = memory.limited()
        for number, seen in self._lag.figures.items():
            if not seen.records:
                self.reported.progressed_at[number] = max(seen.looked_at, self.reported.progressed_at.get(number, 0.0))
        judge(self._facts(now), self._onsets)

    # Asked.

    def status(self) -> Status:
        """Its state now."""
        now = wall_s()
        facts = self._facts(now)
        findings = judge(facts, self._onsets)
        settings, source, reported = self._settings, self._parts.source, self.reported
        return Status(
            version=__version__,
            at=now,
            started_at=self._started_at,
            state=findings[0].severity if findings else Severity.OK.value,
            headline=headline(facts, findings),
            findings=findings,
            topic=settings.topic,
            group=settings.groupid,
            protocol=self.protocol,
            joined=facts.joined,
            broker_reachable=not source.silence,
            source_partitions=source.partitions,
            retention_s=source.retention_s,
            partitions=facts.partitions,
            workers=view.workers(self._parts.pool),
            rates=reported.rates(self._started_at, now),
            namespaces=reported.namespaces(now),
            dead_letters=list(reported.letters),
            totals=dict(reported.totals),
            refused=dict(reported.refused),
            settings=self._shown,
        )

    def tallies(self) -> Tallies:
        """What it has counted."""
        return self.reported.tallies()

    def gauges(self) -> Gauges:
        """Memory and producers now."""
        return Gauges(
            memory_bytes={
                "supervisor": memory.resident([os.getpid()]),
                "workers": memory.resident(self._parts.pool.pids()),
            },
            memory_limit_bytes=self._memory.limit if self._memory is not None else None,
            producers=sum(view.load(slot).producers for slot in self._parts.pool.slots()),
        )

    def alive(self) -> str:
        """Empty, or which worker hangs and was not replaced. That it answers at all shows that the loop turns."""
        self._parts.note_gap()  # silence of a time in which this process did not run itself
        numbers = view.hanging(self._parts.pool, self._settings.stall_ms / 1000 + REPLACED_S)
        return f"the workers of the partitions {numbers} hang, and were not replaced" if numbers else ""

    def ready(self) -> str:
        """Empty, or why it does not do its work. A replica without partitions is ready."""
        if self.stopping:
            return "it is stopping"
        if self._parts.source.silence:
            return f"no broker answers: {self._parts.source.silence}"
        return "" if self._parts.seat.joined else "it has not joined the group"

    def started(self) -> str:
        """Empty, or what its start waits for."""
        if self._has_joined or self._parts.seat.joined:
            return ""
        silence = self._parts.source.silence
        return f"it waits for a broker: {silence}" if silence else "it has not joined the group yet"

    def _facts(self, now: float) -> Facts:
        parts, source, seat = self._parts, self._parts.source, self._parts.seat
        refused, refused_since = self.reported.refused_lately(now)
        unserved_s = seat.unserved_s()
        return Facts(
            now=now,
            topic=self._settings.topic,
            group=self._settings.groupid,
            dead_letter_topic=self._settings.dead_letter_topic,
            joined=seat.joined,
            stopping=self.stopping,
            crashes_max=self._settings.crashes_max,
            source_partitions=source.partitions,
            retention_s=source.retention_s,
            partitions=view.partitions(parts, self._lag, self.reported.progressed_at, now),
            running=view.running(parts.pool),
            broker_silent=Trouble(source.answered_at or self._started_at, source.silence) if source.silence else None,
            not_let_in=source.not_let_in,
            credentials_unused=self.unused_credentials(),
            not_joined=None if seat.joined else Trouble(self._apart_since, seat.problem),
            group_silent=None if parts.lifeline.holds else Trouble(now - unserved_s, ""),
            source_absent=Trouble(source.absent_since, source.absence) if source.absence else None,
            lag_problem=self._lag.problem,
            failing=view.failing(parts.pool),
            expired=list(self.reported.expired),
            source_recreated_at=source.recreated_at,
            refused=refused,
            refused_since=refused_since,
            memory_share=self._memory.used / self._memory.limit if self._memory is not None else None,
        )
