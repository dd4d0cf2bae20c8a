"""The stage of a fault run: broker, proxies, load, the replicas of the program, and what looks on."""

import contextlib
import random
import threading
import time
from collections.abc import Iterator
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from bench.broker import LocalKafka
from bench.chaos.ground import PROXIED, Ground
from bench.chaos.plan import HEARTBEAT_MS, MOCK, SESSION_MS, Plan
from bench.chaos.tap import Tap
from bench.chaos.traffic import PICKY_TOPICS, SOURCE_BYTES, Drafts, Traffic
from bench.chaos.watch import Names, Watch
from bench.checker import Sent
from bench.mock import MockKafka
from bench.program import Program

REQUEST_S = 20.0
STOP_S = 40.0
INFLIGHT_RECORDS = 2_000
LEASE_S = 2.0
# Well above what a start takes on a busy machine: a worker that is killed for being slow is slow again.
STALL_S = 5.0
REPLICAS_MAX = 4
LAST_WORDS = 12


class Exit(NamedTuple):
    """How a replica ended that was told to."""

    at: float
    code: int
    begun: bool  # it had said that it starts
    last_words: list[str]  # of one that did not end with 0


class Excuse(NamedTuple):
    """Records that a fault itself has taken away: those of a namespace ("" is all) before these offsets."""

    generation: int
    namespace: str
    before: dict[int, int]

    def covers(self, record: Sent) -> bool:
        """Whether this record is one of them."""
        return (
            record.generation == self.generation
            and self.namespace in ("", record.namespace)
            and record.offset < self.before.get(record.place.partition, 0)
        )


class Stage:
    """One run's own topics, group and replicas on a cluster that may be shared with runs before and after."""

    def __init__(self, plan: Plan, ground: Ground, name: str) -> None:
        self.plan = plan
        self.bootstrap = ground.bootstrap
        self.proxies = ground.proxies
        self.name = name
        self.source = f"{name}.events"
        self.dead_letters = f"{self.source}-dlq"
        self.group = f"{name}-group"
        self.exits: list[Exit] = []
        self.programs: list[Program] = []  # all that ever ran
        self.deleted: list[Excuse] = []
        self.expired: list[Excuse] = []
        self.generation = 0
        self.settled_at: dict[int, float] = {}
        self.refused: set[str] = set()  # reasons for which a good record may be a dead letter
        self.written_twice = 0  # produce requests that were done, and not answered in time
        # Held by who stops a broker or changes topics: a topic that is half deleted would prove nothing.
        self.broker_lock = threading.Lock()
        self._lock = threading.Lock()
        self._replicas: list[Program] = []
        self._ground = ground
        self._proxied = any(step.kind.startswith("network-") for step in plan.steps)
        drafts = Drafts(plan.seed, ["events", "events-dlq"], picky=plan.nodes != MOCK)
        self.namespaces = drafts.namespaces
        self._make_topics()
        self.traffic = Traffic(self.bootstrap, self.source, plan.partitions, drafts, plan.rates[0])
        self.tap = Tap(self.bootstrap, [*map(self.topic_of, self.namespaces), self.dead_letters])
        self.watch = Watch(
            self.bootstrap,
            Names(
                self.group,
                self.source,
                lambda: self.generation,
                lambda: self.traffic.partitions,
                lambda: {topic: self.tap.generation(topic) for topic in self._destinations()},
            ),
        )

    def topic_of(self, namespace: str) -> str:
        """The destination of a namespace."""
        return f"{self.name}.{namespace}"

    def _destinations(self) -> list[str]:
        return [*map(self.topic_of, self.namespaces), self.dead_letters]

    def admin(self) -> AdminClient:
        """A client past the proxies. Keep it in a variable: its requests end with it."""
        return AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 2, "reconnect.backoff.max.ms": 500})

    @property
    def kafka(self) -> LocalKafka:
        """The real cluster. Raises TypeError if there is none."""
        return self._ground.kafka

    @property
    def mock(self) -> MockKafka:
        """The mock cluster. Raises TypeError if there is none."""
        return self._ground.mock

    def _make_topics(self) -> None:
        self.make_source(self.plan.partitions)
        destinations = {self.topic_of(name): PICKY_TOPICS.get(name, {}) for name in self.namespaces}
        self._ground.make_destinations(destinations, self.dead_letters, self.group)

    def make_source(self, partitions: int) -> None:
        """Create the source topic; it takes what the picky destinations refuse."""
        config = {
            "max.message.bytes": str(SOURCE_BYTES),
            "message.timestamp.after.max.ms": str(2**62),
        }
        self._ground.make_source(self.source, partitions, config)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Load, replicas and onlookers, from here to the end of the context; whatever still runs then is killed."""
        with self.tap, self.watch, contextlib.ExitStack() as stack:
            self._stack = stack
            try:
                for _ in range(self.plan.replicas):
                    self.start_replica()
                with self.traffic:
                    yield
            finally:
                for proxy in self.proxies:
                    proxy.clear()
                for program in self.programs:
                    program.kill()

    def start_replica(self) -> Program:
        """One replica more."""
        settings: dict[str, object] = {
            "GROUP_PROTOCOL": self.plan.protocol,
            "LOG_LEVEL": "debug",
            "TOPIC_TEMPLATE": f"{self.name}.{{namespace}}",
            "WORKERS_MAX": self.plan.workers_max,
            "INFLIGHT_RECORDS": INFLIGHT_RECORDS,
            "LEASE_MS": round(LEASE_S * 1_000),
            "STALL_MS": round(STALL_S * 1_000),
            "SILENCE_MS": 1_500,
            "DRAIN_TIMEOUT_MS": 5_000,
            "STOP_TIMEOUT_MS": 10_000,
        }
        if self.plan.protocol == "classic":
            settings |= {"KAFKA_SESSION_TIMEOUT_MS": SESSION_MS, "KAFKA_HEARTBEAT_INTERVAL_MS": HEARTBEAT_MS}
        settings |= self._ground.settings
        bootstrap = self.kafka.bootstrap_of(PROXIED) if self._proxied else self.bootstrap
        program = Program(bootstrap, self.source, self.group, **settings).may_break()
        with self._lock:
            self._stack.enter_context(program)
            self.programs.append(program)
            self._replicas.append(program)
        return program

    def replicas(self) -> list[Program]:
        """Those that run and that no fault has taken for itself."""
        with self._lock:
            return list(self._replicas)

    def take_replica(self, rng: random.Random, *, least: int = 1) -> Program | None:
        """Take a replica for a fault of its own, if there are at least so many; nobody else touches it then."""
        with self._lock:
            if len(self._replicas) < least:
                return None
            return self._replicas.pop(rng.randrange(len(self._replicas)))

    def give_back(self, program: Program) -> None:
        """The fault is over, and the replica lives."""
        with self._lock:
            self._replicas.append(program)

    def terminate(self, program: Program) -> None:
        """SIGTERM to a replica that was taken; its exit code is remembered."""
        at = time.monotonic()
        code = program.terminate(STOP_S)
        self.exits.append(Exit(at, code, bool(program.lines("starting")), program.tail(LAST_WORDS) if code else []))

    def source_ends(self) -> dict[int, int]:
        """One past the last record of each partition of the source, as far as it is acknowledged."""
        ends: dict[int, int] = {}
        for record in self.traffic.ledger():
            if record.generation == self.generation:
                ends[record.place.partition] = max(ends.get(record.place.partition, 0), record.offset + 1)
        return ends

    def topic_id(self, topic: str) -> str | None:
        """The broker's id of a topic; None if there is none."""
        admin = self.admin()
        try:
            answer = admin.describe_topics(TopicCollection([topic]), request_timeout=REQUEST_S)[topic].result()
        except KafkaException as error:
            if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                return None
            raise
        return str(answer.topic_id)

    def delete_topic(self, topic: str) -> None:
        """Delete a topic and wait until it is gone, or another one."""
        admin = self.admin()
        identity = self.topic_id(topic)
        admin.delete_topics([topic], request_timeout=REQUEST_S)[topic].result()
        deadline = time.monotonic() + REQUEST_S
        while self.topic_id(topic) == identity:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{topic} is not gone after {REQUEST_S:g} s")
            time.sleep(0.02)

    def topics(self) -> list[str]:
        """The destinations that are there, the dead letters among them."""
        admin = self.admin()
        return sorted(admin.list_topics(timeout=REQUEST_S).topics.keys() & set(self._destinations()))

    def delete_all_topics(self) -> None:
        """Leave nothing behind on a cluster that goes on."""
        self._ground.delete_topics([*self.topics(), self.source])
