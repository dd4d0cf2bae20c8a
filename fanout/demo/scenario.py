"""What happens in the demo, scene by scene: start, waves of events, a kill under load, the stop, the count."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fanout.demo.arrivals import Arrivals
from fanout.demo.events import Event
from fanout.demo.poison import Poison
from fanout.demo.program import Program
from fanout.demo.reading import Tail, count_all, read_all
from fanout.demo.show import Note, Progress, View
from fanout.demo.verify import Found, Verdict, verify
from fanout.demo.writing import Waves, Writer
from fanout.errors import FanoutError

TICK_S = 0.02
DEMO_S = 50.0  # after which it gives up, whatever it is doing
WAVES = 3
EVENTS_PER_SECOND = 1_300
WAVE_MIN_S = 1.0
WAVE_MAX_S = 6.0
KILL_IN_WAVE = 1.5  # the middle of the second one, where it is busiest
# The mock drops what is over 5 MB in a partition: what is on its way must fit, whichever partition it is in.
ON_ITS_WAY_MAX_BYTES = 3_000_000
DRAIN_S = 15.0


class ScenarioError(FanoutError):
    """The demo could not be played to its end."""


@dataclass
class Kill:
    """The death of a worker and what followed. Times are seconds after it, None for what has not happened."""

    at: float
    pid: int
    partition: int
    sent: int  # records written to the source before it
    new_pid: int = 0
    replaced_s: float | None = None
    moved_s: float | None = None  # until the first event arrived that was written after the death


@dataclass
class Outcome:
    """What came of it."""

    verdict: Verdict
    kill: Kill
    exit_code: int  # of the program
    deaths: int  # of workers
    log: list[str]  # what the program complained of last
    written_records: int  # what we wrote to the source, poison too
    source_records: int  # what is in the source


class Scenario:
    """One run of the demo. `check` is called often, and raises to end it early."""

    def __init__(
        self,
        *,
        bootstrap: str,
        program: Program,
        records: Sequence[Event | Poison],
        writer: Writer,
        tail: Tail,
        progress: Progress,
        view: View,
        check: Callable[[], None],
        begun_at: float,
    ) -> None:
        self._bootstrap = bootstrap
        self._program = program
        self._records = records
        self._writer = writer
        self._tail = tail
        self._progress = progress
        self._view = view
        self._check = check
        self._begun_at = begun_at
        self._arrivals = Arrivals(records, progress.dead_letter_topic)
        self._kill: Kill | None = None
        progress.workers = program.workers
        progress.written = writer.written
        progress.arrived = self._arrivals.by_topic

    def play(self, partitions: int) -> Outcome:
        """All scenes. Blocks, 50 s at most. Raises FanoutError, or what `check` raises."""
        self._start(partitions)
        kill = self._write()
        self._drain()
        exit_code = self._stop()
        return self._count(kill, exit_code)

    def _start(self, partitions: int) -> None:
        self._progress.phase = "starting"
        self._tell("The mock Kafka cannot create topics on request: TOPIC_CREATE=broker.")
        while len(self._program.workers) < partitions:
            self._tick("some partitions have no worker")
        workers = "one worker process" if partitions == 1 else f"{partitions} worker processes"
        self._tell(f"The program runs {workers}, one for each partition of {self._progress.source}.")

    def _write(self) -> Kill:
        """Write everything, and kill a worker in the middle of it."""
        total = len(self._records)
        wave_s = min(WAVE_MAX_S, max(WAVE_MIN_S, total / WAVES / EVENTS_PER_SECOND))
        waves = Waves(total, WAVES, wave_s)
        begun_at = time.monotonic()
        while self._writer.sent < total:
            elapsed_s = time.monotonic() - begun_at
            self._progress.phase = f"wave {min(WAVES, int(elapsed_s / wave_s) + 1)} of {WAVES}"
            if self._writer.sent_bytes - self._arrivals.bytes < ON_ITS_WAY_MAX_BYTES:
                self._writer.write_to(waves.due(elapsed_s))
            if self._kill is None and elapsed_s >= KILL_IN_WAVE * wave_s and self._writer.partition_of:
                self._kill = self._kill_worker()
            self._tick("what was written does not arrive")
        self._writer.flush()
        if self._kill is None:
            raise ScenarioError("everything was written before a worker could be killed")
        return self._kill

    def _kill_worker(self) -> Kill:
        """Kill the worker of the busiest partition."""
        partition = Counter(self._writer.partition_of.values()).most_common(1)[0][0]
        pid = self._program.kill_worker(partition)
        kill = Kill(time.monotonic(), pid, partition, self._writer.sent)
        self._tell(f"Killed the worker of partition {partition} (process {pid}) with SIGKILL.", "bold red")
        return kill

    def _look_at_kill(self) -> None:
        kill = self._kill
        if kill is None or kill.replaced_s is not None:
            return
        worker = self._program.workers[kill.partition]
        if worker.pid != kill.pid:
            kill.replaced_s, kill.new_pid = worker.started_at - kill.at, worker.pid
            self._tell(
                f"A new worker (process {worker.pid}) was started {kill.replaced_s:.2f} s after the kill.", "green"
            )

    def _drain(self) -> None:
        """Wait until everything has arrived. If it never does, the count will say so."""
        self._progress.phase = "draining"
        deadline = time.monotonic() + DRAIN_S
        while not self._arrivals.complete():
            if time.monotonic() > deadline:
                self._tell(f"Not everything has arrived after {DRAIN_S:.0f} s. Stopping all the same.", "bold red")
                return
            self._tick("what was written does not arrive")

    def _stop(self) -> int:
        """Stop the program the way Kubernetes does; its exit code."""
        self._progress.phase = "stopping"
        begun_at = time.monotonic()
        self._program.terminate()
        while (code := self._program.exit_code) is None:
            self._tick("the program does not stop", stopping=True)
        self._progress.stopped = True
        self._progress.per_second = 0
        self._tell(f"SIGTERM: the program ended after {time.monotonic() - begun_at:.1f} s with exit code {code}.")
        return code

    def _count(self, kill: Kill, exit_code: int) -> Outcome:
        progress = self._progress
        progress.phase = "counting"
        self._tell("Counting: reading every record of every topic.")
        deadline = self._begun_at + DEMO_S
        found = read_all(self._bootstrap, but=progress.source, deadline=deadline, check=self._check)
        verdict = verify(
            [record for record in self._records if isinstance(record, Event)],
            [record for record in self._records if isinstance(record, Poison)],
            found,
            dead_letter_topic=progress.dead_letter_topic,
            duplicates_allowed=True,
        )
        for topic in (*(name for name, _ in progress.planned.most_common()), progress.dead_letter_topic):
            progress.checked[topic] = topic not in verdict.wrong_topics
        progress.phase = "counted"
        return Outcome(
            verdict,
            kill,
            exit_code,
            deaths=self._program.deaths,
            log=self._program.log(),
            written_records=self._writer.sent,
            source_records=count_all(self._bootstrap, progress.source),
        )

    def _tick(self, failure: str, *, stopping: bool = False) -> None:
        """Take in what happened in an instant, and show it. Raises ScenarioError with `failure` when time is up."""
        self._check()
        now = time.monotonic()
        self._progress.elapsed_s = now - self._begun_at
        if self._progress.elapsed_s > DEMO_S:
            raise self._error(f"{failure} within {DEMO_S:.0f} s")
        self._program.look()
        if not stopping and self._program.exit_code is not None:
            raise self._error(f"the program ended by itself with exit code {self._program.exit_code}")
        self._look_at_kill()
        self._writer.write_to(self._writer.sent)
        for found in self._tail.read(TICK_S):
            self._take(found)
        self._progress.dead_letters = len(self._arrivals.dead_letters)
        self._progress.per_second = self._arrivals.per_second(now)
        self._view.show(self._progress)

    def _take(self, found: Found) -> None:
        number = self._arrivals.take(found)
        kill = self._kill
        if number is None or found.value is None or kill is None or kill.moved_s is not None:
            return
        # What was written after the death of a worker can only have come through the one that replaced it.
        if number >= kill.sent and self._writer.partition_of.get(found.value) == kill.partition:
            kill.moved_s = time.monotonic() - kill.at
            self._tell(f"Partition {kill.partition} delivers again, {kill.moved_s:.2f} s after the kill.", "green")

    def _tell(self, text: str, style: str = "") -> None:
        note = Note(time.monotonic() - self._begun_at, text, style)
        self._progress.notes.append(note)
        self._view.tell(note)

    def _error(self, what: str) -> ScenarioError:
        return ScenarioError("\n".join([f"{what}. The last lines of the program's log:", *self._program.log()]))
