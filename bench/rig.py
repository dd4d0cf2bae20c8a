"""What a measurement under load stands on: a broker, a source, its destinations, the program, and a writer."""

import contextlib
import math
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from bench.aside import Aside, AsideError
from bench.broker import LOCAL, OwnKafkaError, Target, terms
from bench.compare import BROKER_CONFIG
from bench.cpu import tree_cpu_s
from bench.destinations import CREATED_AT_ONCE
from bench.load import Shape
from bench.nonfinite import NonFinite, restored
from bench.offsets import REQUEST_TIMEOUT_S, GroupReader, offsets_of, patiently
from bench.program import Program
from bench.taps import Place
from bench.writer import Write, Writer, Wrote
from fanout.demo.events import namespace_names

SOURCE, GROUP = "bench-source", "bench"  # on the user's cluster with a prefix
# Two workers, for the machines that this is run on have two cores. The bench's Program commits every 200 ms.
SETTINGS = {"COMMIT_INTERVAL_MS": "200"}
# Nobody kills the broker here; on a machine at its limit it would lose the session of 3 s that tests want of it.
BROKER = BROKER_CONFIG | {"broker.session.timeout.ms": "30000"}
# So that the broker tells when it appended a record, at both ends.
TOPIC_CONFIG = {"message.timestamp.type": "LogAppendTime"}
START_S = 60.0
SETTLE_S = 120.0
LOOK_S = 0.1
# Java compiles what is called often: without this the first turn of everything is the worst.
WARM_RATE = 2_000.0
WARM_S = 8.0
WARM_FOR_EACH = 50  # events for each namespace, at least

Tell = Callable[[float], None]
T = TypeVar("T")


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured: the events, the partitions of the source, and the program's settings."""

    shape: Shape
    partitions: int = 2
    settings: dict[str, str] = {}

    def names(self, prefix: str = "") -> list[str]:
        """The destinations, of namespaces that begin with the prefix."""
        template = self.settings.get("TOPIC_TEMPLATE", "{namespace}")
        return [template.replace("{namespace}", name) for name in namespace_names(self.shape.namespaces, prefix)]


class NotSettledError(RuntimeError):
    """The program gets nowhere, or has ended."""


# What ends a measurement that cannot go on; the program's log is shown then.
BROKEN_OFF = (AsideError, NotSettledError, OwnKafkaError, KafkaException, TimeoutError)


class Cpu(msgspec.Struct, frozen=True, kw_only=True):
    """User and system seconds since the start: of all processes of the program, and of the broker.

    The latter is NaN where the broker is not local.
    """

    program_s: float
    broker_s: NonFinite

    def __post_init__(self) -> None:
        restored(self, math.nan, "broker_s")

    def since(self, earlier: "Cpu") -> "Cpu":
        """What was used between two looks."""
        return Cpu(program_s=self.program_s - earlier.program_s, broker_s=self.broker_s - earlier.broker_s)


class Rig:
    """All of it, from `with` to its end. Entering blocks for 20 s or so: each worker has met each namespace then.

    From then on `source` and `names` are the topics, `bootstrap` and `terms` what a client of the cluster needs.
    """

    def __init__(self, setup: Setup, target: Target = LOCAL) -> None:
        self.setup = setup
        self._target = target
        self._written = 0

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self._kafka = stack.enter_context(self._target.open(BROKER, self.setup.settings))
            self.bootstrap, self.terms = self._kafka.bootstrap, terms(self._kafka)
            prefix, client = self.terms.prefix, self.terms.client
            self.source, group, self.names = prefix + SOURCE, prefix + GROUP, self.setup.names(prefix)
            self._kafka.create_topic(self.source, self.setup.partitions, config=TOPIC_CONFIG)
            for first in range(0, len(self.names), CREATED_AT_ONCE):
                self._kafka.create_topics(self.names[first : first + CREATED_AT_ONCE], config=TOPIC_CONFIG)
            self._admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 2, **client})
            self._group = stack.enter_context(GroupReader(self.bootstrap, group, client))
            settings: dict[str, Any] = SETTINGS | self.terms.environment | self.setup.settings
            self._program = stack.enter_context(Program(self.bootstrap, self.source, group, **settings))
            for partition in range(self.setup.partitions):
                self.worker(partition)
            self._writer = stack.enter_context(
                Aside("writer", Writer, self.bootstrap, self.source, self.setup.shape, self.terms)
            )
            self.warm()
            self.empty()
            self._cleanup = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.__exit__(kind, error, trace)

    def warm(self) -> None:
        """Have everything do for some seconds what it is going to do; what was written stays."""
        self.write(max(round(WARM_RATE * WARM_S), WARM_FOR_EACH * self.setup.shape.namespaces), WARM_RATE)
        self.settle()

    def worker(self, partition: int) -> int:
        """Process id of the worker of a partition. Waits until one lives; raises TimeoutError."""
        return self._program.worker(partition, START_S)

    def stop(self) -> None:
        """End the program as in operation. Raises NotSettledError if it does not leave cleanly."""
        code = self._program.terminate()
        if code:
            raise NotSettledError(f"the program exited with {code}")

    def write(
        self, count: int, rate: float, *, tick_s: float = 0.005, look_s: float = 1.0, meanwhile: Tell | None = None
    ) -> Wrote:
        """Write a load, and wait until the source has it. Raises AsideError.

        `meanwhile` is called every `look_s`, with the seconds since the beginning; what it does is not waited for.
        """
        self._writer.begin(Write(first=self._written, count=count, rate=rate, tick_s=tick_s))
        self._written += count
        begun = next_look = time.monotonic()
        while not self._writer.answered(max(0.0, next_look - time.monotonic())):
            if meanwhile is not None:
                meanwhile(time.monotonic() - begun)
            next_look += look_s
        return self._writer.answer(START_S)

    @property
    def next_number(self) -> int:
        """Of the first event of the next load."""
        return self._written

    def source_ends(self) -> dict[Place, int]:
        """One past the last record of each partition of the source."""
        return self._ends([TopicPartition(self.source, number) for number in range(self.setup.partitions)])

    def destination_ends(self) -> dict[Place, int]:
        """The same of each destination."""
        return self._ends([TopicPartition(name, 0) for name in self.names])

    def committed(self) -> int:
        """Sum of the offsets that the group has committed."""
        return sum(self._group.committed(self.source, range(self.setup.partitions)).values())

    def cpu(self) -> Cpu:
        """So far."""
        return Cpu(program_s=tree_cpu_s(self._program.pid), broker_s=self._kafka.cpu_s())

    def settle(self) -> float:
        """Wait until everything in the source is committed; the seconds that it took.

        Raises NotSettledError if the program ends, or commits nothing for `SETTLE_S`.
        """
        begun = moved = time.monotonic()
        end, last = total(self.source_ends()), -1
        while (committed := self.committed()) != end:
            if committed != last:
                last, moved = committed, time.monotonic()
            if time.monotonic() - moved > SETTLE_S or self._program.exit_code is not None:
                raise NotSettledError(f"committed {committed} of {end} events\n" + "\n".join(self._program.tail()))
            time.sleep(LOOK_S)
        return time.monotonic() - begun

    def empty(self) -> None:
        """Delete what was written, from the source and from the destinations, once it is settled."""
        ends = self.source_ends() | self.destination_ends()
        places = [TopicPartition(*place, offset) for place, offset in ends.items()]
        self._ask(lambda: self._delete(places))

    def _delete(self, places: list[TopicPartition]) -> None:
        for future in self._admin.delete_records(places, request_timeout=REQUEST_TIMEOUT_S).values():
            future.result(REQUEST_TIMEOUT_S)

    def _ends(self, places: list[TopicPartition]) -> dict[Place, int]:
        return self._ask(lambda: offsets_of(self._admin, places, REQUEST_TIMEOUT_S))

    def _ask(self, ask: Callable[[], T]) -> T:
        """Ask until the cluster has settled: a broker that had no time loses its session, and is elected again."""

        def with_metadata() -> T:
            try:
                return ask()
            except KafkaException:
                # The admin client goes on with the leader's epoch that it knows, and is refused for minutes.
                self._admin.list_topics(timeout=REQUEST_TIMEOUT_S)
                raise

        return patiently(with_metadata)


def total(ends: Mapping[Place, int]) -> int:
    """Records up to these ends, with those that were deleted."""
    return sum(ends.values())
