"""A worker from reading to reporting, under every order of acknowledgements, failures, deaths and stops."""

import pytest
from confluent_kafka import KafkaError
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fanout.counters import Counter
from fanout.errors import FailureKind
from tests.models.kafka_parts import DLQ, SMALL, At, Cluster, ModelProducer, Spec
from tests.models.profile import examples
from tests.models.specs import TOPICS, specs, topics
from tests.models.virtual import Clock
from tests.models.worker_parts import ModelWorker
from tests.unit.fakes import settings

pytestmark = pytest.mark.timeout(600)  # what fails is made small, which takes a while

NO_COMMIT = -2
SETTLE_TURNS = 600
LIFE_TURNS = 15  # or workers would do little else but die
PASSING = (KafkaError._MSG_TIMED_OUT, KafkaError.NOT_ENOUGH_REPLICAS, KafkaError._UNKNOWN_TOPIC)
CONFIGS: tuple[dict[str, str], ...] = (
    {},
    {"max.message.bytes": str(SMALL)},
    {"cleanup.policy": "compact"},
    {"message.timestamp.after.max.ms": "3600000"},
)
REFUSALS = (
    KafkaError.TOPIC_EXCEPTION,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError._TIMED_OUT,
    KafkaError.INVALID_REPLICATION_FACTOR,
)

few = st.integers(0, 4)


class DeliveryMachine(RuleBasedStateMachine):
    """What Kafka, the supervisor and chance do to a worker; whatever is written, `Cluster` looks at."""

    @initialize(
        partitions=st.integers(1, 2),
        topic_create=st.sampled_from(["admin", "admin", "broker", "none"]),
        inflight_records=st.sampled_from([1, 5, 50]),
        producer_topics=st.integers(1, 3),
        existing=st.sets(topics),
    )
    def begin(
        self, partitions: int, topic_create: str, inflight_records: int, producer_topics: int, existing: set[str]
    ) -> None:
        self.clock = Clock()
        self.cluster = Cluster(topic_create, partitions)
        self.cluster.admin.topics |= {topic: {} for topic in existing}
        self.settings = settings(
            topic_create=topic_create, inflight_records=inflight_records, producer_topics=producer_topics,
            producers_max=2, namespaces_deny=("unwanted",), dlq_max_ratio=1.0, dlq_max_run=10**6,
        )  # fmt: skip
        self.reported = dict.fromkeys(range(partitions), NO_COMMIT)
        self.injected: set[FailureKind] = set()
        self._start()

    def _start(self) -> None:
        # Where nothing was ever committed, the start is the earliest record there is then.
        for partition in [p for p, offset in self.reported.items() if offset == NO_COMMIT]:
            self.cluster.done |= {(partition, offset) for offset in range(self.cluster.low[partition])}
        self.turns = 0
        self.worker = ModelWorker(self.cluster, self.settings, dict(self.reported), self.clock)

    def _producers(self) -> list[tuple[ModelProducer, str]]:
        return [(producer, topic) for producer in self.worker.producers for topic in producer.topics()]

    @rule(made=specs, data=st.data())
    def append(self, made: list[Spec], data: st.DataObject) -> None:
        self.cluster.source[data.draw(st.sampled_from(sorted(self.cluster.source)))] += made

    @rule(count=st.integers(1, 12))
    def turn(self, count: int) -> None:
        self.worker.turns(count)
        self.turns += count
        self._look_at_the_end()

    @rule(rounds=st.integers(1, 4))
    def go_on(self, rounds: int) -> None:
        """Undisturbed for a while."""
        for _ in range(rounds):
            self.turn(3)
            self.acknowledge_all()

    @rule(seconds=st.sampled_from([0.05, 0.3, 3.0, 70.0]), count=few)
    def wait(self, seconds: float, count: int) -> None:
        self.clock.now += seconds
        self.turn(count)

    @precondition(lambda self: self._producers())
    @rule(data=st.data(), count=st.none() | st.integers(1, 3))
    def acknowledge(self, data: st.DataObject, count: int | None) -> None:
        producer, topic = data.draw(st.sampled_from(self._producers()))
        producer.answer(topic, count)

    @rule()
    def acknowledge_all(self) -> None:
        for producer, topic in self._producers():
            producer.answer(topic)

    @precondition(lambda self: self._producers())
    @rule(data=st.data(), code=st.sampled_from([*PASSING, KafkaError.UNKNOWN]), written=few)
    def fail(self, data: st.DataObject, code: int, written: int) -> None:
        producer, topic = data.draw(st.sampled_from(self._producers()))
        self.cluster.unknown_faults += code == KafkaError.UNKNOWN
        producer.break_off(topic, code, written)

    @precondition(lambda self: self._producers())
    @rule(data=st.data())
    def break_a_client(self, data: st.DataObject) -> None:
        self.injected.add(FailureKind.CLIENT_FATAL)
        producer, topic = data.draw(st.sampled_from(self._producers()))
        producer.fail(KafkaError._FATAL, topic=topic)

    @rule(topic=st.sampled_from([*TOPICS, DLQ]))
    def delete(self, topic: str) -> None:
        self.cluster.admin.topics.pop(topic, None)
        if topic == DLQ and self.settings.topic_create == "none":
            self.injected.add(FailureKind.TOPIC_NOT_CREATED)

    @rule(topic=st.sampled_from([*TOPICS, DLQ]), config=st.sampled_from(CONFIGS))
    def configure(self, topic: str, config: dict[str, str]) -> None:
        if topic != DLQ or "max.message.bytes" in config:
            self.cluster.configure(topic, config)

    @rule(topic=st.sampled_from([*TOPICS, DLQ]), denied=st.booleans())
    def change_rights(self, topic: str, denied: bool) -> None:
        if denied:
            self.cluster.denied.add(topic)
            self.cluster.was_denied.add(topic)
            self.injected.add(FailureKind.NOT_AUTHORIZED)
        else:
            self.cluster.denied.discard(topic)

    @rule(topic=topics, code=st.none() | st.sampled_from(REFUSALS))
    def refuse_creation(self, topic: str, code: int | None) -> None:
        self.cluster.admin.refusals.pop(topic, None)
        if code is not None:
            self.cluster.admin.refusals[topic] = code
            self.cluster.was_refused.add(topic)
            self.injected |= {FailureKind.TOPIC_NOT_CREATED, FailureKind.NOT_AUTHORIZED}

    @rule(silent=st.booleans())
    def silence_the_admin(self, silent: bool) -> None:
        self.cluster.admin.silent = silent
        if not silent:
            self.cluster.admin.answer()

    @rule(data=st.data(), count=st.integers(1, 10))
    def expire(self, data: st.DataObject, count: int) -> None:
        partition = data.draw(st.sampled_from(sorted(self.cluster.source)))
        if self.reported[partition] != NO_COMMIT:
            low = self.cluster.low[partition] + count
            self.cluster.low[partition] = min(low, len(self.cluster.source[partition]))

    @precondition(lambda self: self.turns > LIFE_TURNS)
    @rule(how=st.sampled_from(["crash", "stop", "lease"]), written=few, within_s=st.floats(0, 5))
    def end(self, how: str, written: int, within_s: float) -> None:
        if how == "stop":
            self.worker.stop(self.clock.now + within_s)
            self.turn(written)
            return
        if how == "lease":
            self._let_the_lease_run_out()
        self.worker.die(written)  # or it is lost: what it has said until then is heard
        self._look_at_the_end()

    def _let_the_lease_run_out(self) -> None:
        self.worker.renew(self.clock.now - 1)
        sent = [len(producer.produced) for producer in self.worker.producers]
        self.worker.turns(5)
        assert self.worker.outcome is not None
        assert self.worker.outcome.lease_expired
        assert sent == [len(producer.produced) for producer in self.worker.producers], "produced without a lease"

    def _look_at_the_end(self) -> None:
        """A worker that has ended is replaced, from what it reported last."""
        self._hear()
        outcome = self.worker.outcome
        if outcome is None:
            return
        if outcome.failure is not None:
            assert outcome.failure.kind in self.injected, outcome.failure
        if outcome.drained:
            assert not any(producer.outstanding for producer in self.worker.producers), "it left something behind"
        self._start()

    def _hear(self) -> None:
        for partition, offset in self.worker.heard.offsets.items():
            assert offset >= self.reported[partition], f"back to {offset} from {self.reported[partition]}"
            self.reported[partition] = offset

    @invariant()
    def what_is_reported_is_delivered(self) -> None:
        for partition, end in getattr(self, "reported", {}).items():
            missing = [at for at in self._range(partition, end) if not self._settled(at)]
            assert not missing, f"reported {end} of {partition} without {missing}"

    @invariant()
    def no_more_is_in_flight_than_may_be(self) -> None:
        if hasattr(self, "worker"):
            assert self.worker.loop._inflight.records <= self.settings.inflight_records

    def _range(self, partition: int, end: int) -> list[At]:
        return [(partition, offset) for offset in range(end)]

    def _settled(self, at: At) -> bool:
        return at in self.cluster.done or self.cluster.spec(at).skipped

    def teardown(self) -> None:
        if hasattr(self, "worker"):
            try:
                self._settle()
            finally:
                self.worker.close()

    def _settle(self) -> None:
        """With no more faults, all that can still be read arrives, is counted, and is reported."""
        admin = self.cluster.admin
        self.cluster.denied.clear()
        admin.refusals.clear()
        admin.topics.setdefault(DLQ, {})
        admin.silent = False
        admin.answer()
        ends = {partition: len(specs) for partition, specs in self.cluster.source.items() if specs}
        for _ in range(SETTLE_TURNS):
            self.clock.now += 0.5
            self.turn(2)
            self.acknowledge_all()
            if self.worker.idle and ends.items() <= self.reported.items():
                break
        assert ends.items() <= self.reported.items(), f"{self.reported} of {ends}"
        told = self.worker.heard.counters
        came = told[Counter.RECORDS_IN] - told[Counter.SKIPPED] + self.worker.loop.gaps
        assert came == told[Counter.DELIVERED] + told[Counter.DEAD_LETTERS], told


DeliveryMachine.TestCase.settings = examples(200, 50)
TestDelivery = DeliveryMachine.TestCase
