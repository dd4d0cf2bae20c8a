"""A long run under an even load, by `python -m bench soak`: memory, open files and threads must not grow.

Two partitions; what could leak is done again and again: the worker of the first partition is killed, and namespaces
come, are busy for some minutes, and go with their topics. The supervisor and the worker of the second partition live
through all of it, and theirs are the figures that count.
"""

import contextlib
import os
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

import msgspec
import psutil
from confluent_kafka import KafkaError, Message, Producer
from confluent_kafka.admin import AdminClient

from bench.broker import LocalKafka
from bench.growth import Sample, Trend, trend
from bench.offsets import GroupReader, spans
from bench.pace import Schedule
from bench.program import Program
from fanout.demo.events import Event, Generator

SOURCE, GROUP, PREFIX = "soak-source", "soak", "soak."
PARTITIONS = 2
# Producers fill up and are closed several times in half an hour, as they do in a day with the defaults.
SETTINGS = {"TOPIC_TEMPLATE": f"{PREFIX}{{namespace}}", "PRODUCER_TOPICS": 64, "PRODUCER_IDLE_MS": 60_000}
STEADY, PASSING = 50, 10  # namespaces that stay; that come and go
SAMPLE_S = 5.0
CHANGE_S = 60.0  # others come
KILL_S = 120.0
LIFE_S = 180.0  # topics of those that have gone are deleted after this
CATCH_UP_S = 60.0
TICK_S = 0.02
BROKER_CONFIG = {
    "log.retention.ms": "600000",
    "log.roll.ms": "120000",
    "log.retention.check.interval.ms": "10000",
    "log.segment.delete.delay.ms": "1000",
}

Tell = Callable[[str], None]


class Soak(msgspec.Struct, kw_only=True):
    """What was seen: samples by process, and what became of those that lived long enough."""

    minutes: float
    rate: float
    written: int
    arrived: int
    kills: int
    samples: dict[str, list[Sample]]
    trends: dict[str, Trend]
    failed: list[str]


class Load:
    """Writes `rate` events a second from `with` to its end; `written` counts them by destination."""

    def __init__(self, bootstrap: str, rate: float) -> None:
        self._rate = rate
        self._generator = Generator(5, STEADY + PASSING, size_bytes=1_100, updated=0.3)
        self._producer = Producer(
            {"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 5, "log_level": 2}
        )
        self._names = dict(zip(self._generator.namespaces, self._generator.namespaces, strict=True))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write, name="load", daemon=True)
        self._errors: list[str] = []
        self.written: Counter[str] = Counter()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Write no more, and wait until all is acknowledged. Raises RuntimeError if a record was refused."""
        self._stop.set()
        self._thread.join()
        left = self._producer.flush(CATCH_UP_S)
        if left or self._errors:
            raise RuntimeError(f"the source does not take the load: {left} records left, {self._errors[:1]}")

    def change(self, number: int) -> list[str]:
        """Let those namespaces that come and go have names never seen before; the names of those that go."""
        passing = self._generator.namespaces[STEADY:]
        gone = [self._names[name] for name in passing]
        self._names.update({name: f"job-{number}-{place}" for place, name in enumerate(passing)})
        return gone

    def _write(self) -> None:
        schedule = Schedule(time.monotonic(), self._rate, made_up_s=1.0)
        while not self._stop.wait(TICK_S):
            for event in self._generator.records(schedule.due(time.monotonic())):
                self._produce(event)
            self._producer.poll(0)

    def _produce(self, event: Event) -> None:
        name = self._names[event.namespace]
        value = event.value.replace(event.namespace.encode(), name.encode()) if name != event.namespace else event.value
        self._producer.produce(SOURCE, value, event.key, on_delivery=self._told)
        self.written[PREFIX + name] += 1

    def _told(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._errors.append(error.str())


def soak(minutes: float, rate: float, tell: Tell) -> Soak:
    """Run for so long. Blocks for that time and some seconds; what happens goes to `tell`."""
    with LocalKafka(config=BROKER_CONFIG) as kafka:
        kafka.create_topic(SOURCE, PARTITIONS)
        program = Program(kafka.bootstrap, SOURCE, GROUP, **SETTINGS)
        with program.may_break(), Load(kafka.bootstrap, rate) as load:
            program.worker(PARTITIONS - 1, 60.0)
            run = _Run(kafka, program, load, tell)
            run.go(minutes * 60)
            load.stop()
            problem = _settle(kafka)
            code = program.terminate()
            arrived = run.arrived()
    written = sum(load.written.values())
    failed = [problem] if problem else []
    failed += [f"it exited with {code}"] if code else []
    failed += [f"{written - arrived} of {written} events have not arrived"] if arrived < written else []
    trends = {name: found for name, samples in run.samples.items() if (found := trend(samples)) is not None}
    failed += [f"{what} of the {name} grows" for name, found in trends.items() for what in found.broken()]
    failed += [f"too short to tell of the {name}" for name in ("supervisor", run.steady) if name not in trends]
    return Soak(
        minutes=minutes, rate=rate, written=written, arrived=arrived, kills=run.kills,
        samples=run.samples, trends=trends, failed=failed,
    )  # fmt: skip


class _Run:
    def __init__(self, kafka: LocalKafka, program: Program, load: Load, tell: Tell) -> None:
        self._kafka = kafka
        self._program = program
        self._load = load
        self._tell = tell
        self._changes = 0
        self._gone: deque[tuple[float, list[str]]] = deque()
        self._deleted: Counter[str] = Counter()
        self.steady = f"worker of partition {PARTITIONS - 1}"
        self.samples: dict[str, list[Sample]] = {}
        self.kills = 0

    def go(self, seconds: float) -> None:
        """Look, and do what is due."""
        begun = time.monotonic()
        due = {self._look: begun, self._change: begun + CHANGE_S, self._kill: begun + KILL_S}
        every = {self._look: SAMPLE_S, self._change: CHANGE_S, self._kill: KILL_S}
        while (now := time.monotonic()) < begun + seconds:
            for do, at in due.items():
                if at <= now:
                    do(now - begun)
                    due[do] = at + every[do]
            threading.Event().wait(max(0.0, min(due.values()) - time.monotonic()))

    def _look(self, at_s: float) -> None:
        pids = {"supervisor": self._program.pid, self.steady: self._program.worker(PARTITIONS - 1)}
        for name, pid in pids.items():
            process = psutil.Process(pid)
            with process.oneshot():
                rss, files, threads = process.memory_info().rss, process.num_fds(), process.num_threads()
            self.samples.setdefault(name, []).append(Sample(round(at_s, 1), rss, files, threads))
        told = ", ".join(
            f"{name} {s[-1].rss / 1e6:.0f} MB {s[-1].files} files {s[-1].threads} threads"
            for name, s in self.samples.items()
        )
        self._tell(f"{at_s / 60:5.1f} min: {sum(self._load.written.values()):,} written; {told}")

    def _kill(self, _: float) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._program.worker(0), signal.SIGKILL)
            self.kills += 1

    def _change(self, at_s: float) -> None:
        self._changes += 1
        self._gone.append((at_s, [PREFIX + name for name in self._load.change(self._changes)]))
        while self._gone and self._gone[0][0] < at_s - LIFE_S:
            self._delete(self._gone.popleft()[1])

    def _delete(self, topics: list[str]) -> None:
        admin = AdminClient({"bootstrap.servers": self._kafka.bootstrap, "log_level": 2})
        for topic, count in _counts(admin, topics):
            self._deleted[topic] += count
        for future in admin.delete_topics(topics).values():
            future.result()

    def arrived(self) -> int:
        """How many records there are and were in all destinations."""
        admin = AdminClient({"bootstrap.servers": self._kafka.bootstrap, "log_level": 2})
        there = [topic for topic in admin.list_topics(timeout=30).topics if topic.startswith(PREFIX)]
        return sum(count for _, count in _counts(admin, there)) + sum(self._deleted.values())


def _counts(admin: AdminClient, topics: list[str]) -> Iterator[tuple[str, int]]:
    for (topic, _), span in spans(admin, topics).items():
        yield topic, span.high


def _settle(kafka: LocalKafka) -> str:
    """Wait until all is committed; what is not, in words."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap, "log_level": 2})
    ends = {partition: span.high for (_, partition), span in spans(admin, [SOURCE]).items()}
    deadline = time.monotonic() + CATCH_UP_S
    with GroupReader(kafka.bootstrap, GROUP) as group:
        while (committed := group.committed(SOURCE, ends)) != ends:
            if time.monotonic() > deadline:
                return f"committed {committed} of {ends} after {CATCH_UP_S:g} s"
            time.sleep(0.1)
    return ""
