"""`events-fanout demo`: the real program on a mock Kafka, with nothing to install and nothing left behind.

The mock cluster, the program and its workers are processes of their own; this one writes, reads, shows and counts.
"""

import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from types import FrameType, TracebackType
from typing import Self

from rich.console import Console

from fanout.demo.cluster import AUTO_PARTITIONS, PARTITION_BYTES, Cluster
from fanout.demo.events import Event, Generator
from fanout.demo.poison import Poison, poison
from fanout.demo.program import Program
from fanout.demo.reading import Tail
from fanout.demo.scenario import Outcome, Scenario
from fanout.demo.show import Progress, make_view
from fanout.demo.summary import problems, sentences
from fanout.demo.writing import Writer, mixed
from fanout.errors import ExitCode, FanoutError

TOPIC = "cluster-events"
DEAD_LETTER_TOPIC = f"{TOPIC}-dlq"
EVENTS_MIN = 100
EVENTS_MAX = 100_000
PARTITIONS_MAX = 32
HEADERS_SHARE = 0.2
TIMESTAMPS_PER_SECOND = 2_000
GRACE_S = 5.0


class InterruptedDemo(BaseException):
    """A signal asked the demo to end. Not an Exception: nothing on the way out may take it for a fault."""


class Signals:
    """Notes SIGINT and SIGTERM while entered, instead of what they do; `check` is called where it is safe to stop."""

    def __init__(self) -> None:
        self.number = 0  # of the first signal that came

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.number = self.number or number

    def check(self) -> None:
        """Raise InterruptedDemo if a signal came."""
        if self.number:
            raise InterruptedDemo


def main(*, namespaces: int = 12, events: int = 24_000, partitions: int = 4, seed: int = 7, plain: bool = False) -> int:
    """Run the demo, about 20 s; the exit code: 0, 1 if the count is wrong, 2 for wrong arguments, 130 for Ctrl-C."""
    begun_at = time.monotonic()
    wrong = _impossible(namespaces, events, partitions)
    made = make_events(seed, namespaces, events) if not wrong else []
    if wrong or (wrong := _too_much(made)):
        print("\n".join(wrong), file=sys.stderr)
        return ExitCode.BAD_SETTINGS
    records = mixed(made, poison(seed, timestamp_ms=time.time_ns() // 1_000_000))
    console = Console(highlight=False)
    with Signals() as signals:
        try:
            outcome = _play(records, partitions, console, begun_at, plain=plain, check=signals.check)
        except InterruptedDemo:
            console.print("Interrupted. The program and the mock Kafka are stopped, nothing is left behind.")
            return 128 + signals.number
        except FanoutError as error:
            console.print(f"The demo failed: {error}", style="bold red", markup=False, soft_wrap=True)
            return ExitCode.CHECK_FAILED
    return _conclude(outcome, console, time.monotonic() - begun_at)


def _play(
    records: Sequence[Event | Poison],
    partitions: int,
    console: Console,
    begun_at: float,
    *,
    plain: bool,
    check: Callable[[], None],
) -> Outcome:
    """Start everything, play the scenario, stop everything: also when it fails."""
    with ExitStack() as stack:
        cluster = stack.enter_context(Cluster({TOPIC: partitions}))
        program = Program(_settings(cluster.bootstrap))
        cluster.guard(program.pid)
        stack.callback(cluster.release, program.pid)
        stack.callback(program.close, GRACE_S)
        planned = Counter(record.namespace for record in records if isinstance(record, Event))
        progress = Progress(TOPIC, DEAD_LETTER_TOPIC, planned, len(records) - planned.total())
        view = make_view(console, plain=plain)
        stack.callback(view.close, progress)
        scenario = Scenario(
            bootstrap=cluster.bootstrap,
            program=program,
            records=records,
            writer=stack.enter_context(closing(Writer(cluster.bootstrap, TOPIC, records))),
            tail=stack.enter_context(closing(Tail(cluster.bootstrap, but=TOPIC))),
            progress=progress,
            view=view,
            check=check,
            begun_at=begun_at,
        )
        return scenario.play(partitions)


def _conclude(outcome: Outcome, console: Console, took_s: float) -> int:
    """Say how it went; the exit code."""
    console.print()
    for sentence in sentences(outcome, took_s):
        console.print(sentence, markup=False, soft_wrap=not console.is_terminal)
    wrong = problems(outcome)
    for problem in wrong:
        console.print(f"WRONG: {problem}", style="bold red", markup=False, soft_wrap=True)
    return ExitCode.CHECK_FAILED if wrong else ExitCode.OK


def make_events(seed: int, namespaces: int, count: int) -> list[Event]:
    """The events of the demo, in the order in which they are written; their timestamps end now."""
    generator = Generator(
        seed,
        namespaces,
        headers=HEADERS_SHARE,
        start_ms=time.time_ns() // 1_000_000 - count * 1_000 // TIMESTAMPS_PER_SECOND,
        per_second=TIMESTAMPS_PER_SECOND,
    )
    return list(generator.records(count))


def _settings(bootstrap: str) -> dict[str, str]:
    return {
        "ENDPOINT": bootstrap,
        "TOPIC": TOPIC,
        "GROUPID": "events-fanout-demo",
        "TOPIC_CREATE": "broker",
        "LOG_FORMAT": "json",
        # The mock answers a fetch that finds nothing only after the whole wait; a real broker answers with the record.
        "KAFKA_CONSUMER_FETCH_WAIT_MAX_MS": "20",
    }


def _impossible(namespaces: int, events: int, partitions: int) -> list[str]:
    """Which arguments make no sense, a sentence each."""
    wrong = []
    if namespaces < 1:
        wrong.append("at least one namespace is needed")
    if not EVENTS_MIN <= events <= EVENTS_MAX:
        wrong.append(
            f"{EVENTS_MIN:,} to {EVENTS_MAX:,} events are possible: there must be something to see, and to keep"
        )
    if not 1 <= partitions <= PARTITIONS_MAX:
        wrong.append(f"1 to {PARTITIONS_MAX} partitions are possible: each has a process of its own")
    return wrong


def _too_much(events: Sequence[Event]) -> list[str]:
    """Why the mock could not keep these events until they are counted; empty if it can.

    A topic has AUTO_PARTITIONS partitions and keeps PARTITION_BYTES of each. Keys spread over them unevenly, and the
    framing and the copies that follow the kill take room too: a third is left for that.
    """
    sizes: Counter[str] = Counter()
    for event in events:
        sizes[event.namespace] += len(event.value)
    largest, size = sizes.most_common(1)[0]
    room = AUTO_PARTITIONS * PARTITION_BYTES * 2 // 3
    if size <= room:
        return []
    fitting = len(events) * room // size // 1_000 * 1_000
    problem = (
        f"too many events for the mock Kafka, which keeps {PARTITION_BYTES >> 20} MB of a partition: the namespace "
        f"{largest} alone would have {size / 1e6:.0f} MB. Use {fitting:,} events at most, or more namespaces."
    )
    return [problem]
