"""What a replica says when workers or replicas die, hang, stop and go, and when topics change under it."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from bench.broker import LocalKafka
from fanout.errors import ExitCode
from fanout.status.kinds import Cause, FindingKind
from tests.status.scene import GOOD, WITHIN_S, Scene, replica
from tests.status.together import WITHIN_S as ALL_WITHIN_S
from tests.status.together import together
from tests.support.load import Load
from tests.support.topics import topics, wait_until

REQUEST_S = 30.0
# A member that hangs is given up by its group after its session.
SESSION = {
    "GROUP_PROTOCOL": "classic", "KAFKA_CONSUMER_SESSION_TIMEOUT_MS": 6_000,
    "KAFKA_CONSUMER_HEARTBEAT_INTERVAL_MS": 500, "LEASE_MS": 3_000,
}  # fmt: skip


def workers_end(kafka: LocalKafka) -> None:
    """A worker is killed, hangs, is killed again and again; at last the supervisor is killed."""
    kafka.create_topic("workers-run-source")
    with replica(kafka, "workers-run", STALL_MS=3_000, CRASHES_MAX=50) as scene:
        scene.write(*scene.events())
        scene.calm(delivered=GOOD)
        os.kill(scene.program.worker(0), signal.SIGKILL)
        scene.says(
            "worker-killed", None, metric=f'worker_restarts_total{{cause="{Cause.KILLED}"}}', log="worker died",
            caught_up=True,
        )  # fmt: skip
        scene.calm()
        os.kill(scene.program.worker(0, WITHIN_S), signal.SIGSTOP)
        scene.says(
            "worker-silent", None, metric=f'worker_restarts_total{{cause="{Cause.STALLED}"}}',
            log="worker is silent: its stacks follow, then it is replaced", caught_up=True,
        )  # fmt: skip
        scene.calm()
        kill_until_told(scene)
        scene.says("crash-loop", FindingKind.CRASH_LOOP, metric="worker_restarts_total", log="worker died")
        scene.write(*scene.events())
        scene.is_over(FindingKind.CRASH_LOOP)
        scene.calm()
        scene.program.kill()
        wait_until(lambda: not scene.program.workers(), WITHIN_S, "the workers to end without their supervisor")
        scene.is_silent("supervisor-dies")


def kill_until_told(scene: Scene) -> None:
    """Each worker before it has delivered anything."""
    pid = None
    while not any(found.kind == FindingKind.CRASH_LOOP for found in scene.replica.status().findings):
        pid = scene.program.worker(0, WITHIN_S, other_than=pid)
        os.kill(pid, signal.SIGKILL)


def replicas_share(kafka: LocalKafka) -> None:
    """Another replica joins, hangs for longer than its session, and comes back."""
    name = "replicas-run"
    kafka.create_topic(f"{name}-source", 2)
    with replica(kafka, name, **SESSION) as first:
        first.calm()
        with replica(kafka, name, **SESSION) as second:
            second.calm()
            first.says(
                "partition-revoked", None, metric='rebalances_total{kind="revoked"}', log="partitions revoked",
                besides=("worker stopped", "partitions assigned"), beside=second,
            )  # fmt: skip
            second.mark()
            second.program.signal(signal.SIGSTOP)
            wait_until(lambda: len(first.program.assigned()) == 2, WITHIN_S, "the other replica to take over")
            second.program.signal(signal.SIGCONT)
            second.says(
                "partition-lost", None, metric='rebalances_total{kind="lost"}',
                log="partitions lost: another replica has them", beside=first,
                besides=("partitions assigned", "worker started"),
            )  # fmt: skip
            second.calm()
            assert second.program.terminate() == ExitCode.OK
        assert first.program.terminate() == ExitCode.OK


def destination_deleted(kafka: LocalKafka) -> None:
    name = "deleted-run"
    kafka.create_topic(f"{name}-source")
    with replica(kafka, name, SILENCE_MS=1_000) as scene:
        with Load(kafka.bootstrap, scene.source, ["team-a"], rate=50):
            scene.calm(delivered=GOOD)
            delete(kafka, scene.destination())
            # What is behind is only this long behind while events come.
            scene.wait(lambda _: scene.told("topic created"), "the destination to be there again")
        scene.says("destination-deleted", None, metric="topics_created_total", log="topic created", caught_up=True)
        assert scene.program.terminate() == ExitCode.OK


def delete(kafka: LocalKafka, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.delete_topics([topic])[topic].result(REQUEST_S)


def source_changes(kafka: LocalKafka) -> None:
    """Partitions are added to the source; it is deleted; it is made anew."""
    name = "source-run"
    source = f"{name}-source"
    kafka.create_topic(source)
    with replica(kafka, name) as scene:
        scene.write(*scene.events())
        scene.calm(delivered=GOOD)
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
        admin.create_partitions([NewPartitions(source, 3)])[source].result(REQUEST_S)
        scene.wait(lambda now: len(now.partitions) == 3, "the new partitions")
        scene.says("partitions-added", None, metric="source_partitions", log="partitions assigned", caught_up=True)
        scene.calm()
        delete(kafka, source)
        scene.says("source-deleted", FindingKind.SOURCE_MISSING, log="source topic not described")
        wait_until(lambda: source not in topics(kafka.bootstrap), WITHIN_S, "the source to be gone")
        kafka.create_topic(source, 3)
        scene.mark()
        scene.write(*scene.events())
        scene.wait(lambda now: now.totals["delivered"] >= 2 * GOOD, "the events of the new source")
        scene.is_over(FindingKind.SOURCE_MISSING)
        scene.says(
            "source-made-anew", FindingKind.SOURCE_RECREATED, metric="findings",
            log="source topic was made anew: reading it from the start", caught_up=True,
        )  # fmt: skip
        assert scene.program.terminate() == ExitCode.OK


def broker_goes(_: LocalKafka) -> None:
    """The broker is away and comes back; the replica is told to stop while it hangs for a moment. On one of its own."""
    name = "broker-run"
    with LocalKafka() as kafka:
        kafka.create_topic(f"{name}-source", 2)
        with replica(kafka, name) as scene:
            scene.write(*scene.events())
            scene.calm(delivered=GOOD)
            kafka.stop()
            scene.says("broker-away", FindingKind.BROKER_AWAY, metric="broker_reachable",
                       log="broker not reachable, waiting for it")  # fmt: skip
            scene.mark()
            kafka.start()
            scene.is_over(FindingKind.BROKER_AWAY)
            scene.write(*scene.events())
            scene.wait(lambda now: now.totals["delivered"] >= 2 * GOOD, "deliveries after it is back")
            scene.says("broker-back", None, metric="broker_reachable", log="a broker answers again", caught_up=True)
            scene.calm()
            kafka.pause()
            try:
                scene.program.signal(signal.SIGTERM)
                scene.wait(lambda now: now.headline.startswith("Stopping"), "the stop")
                scene.says("told-to-stop", None, log="stopping")
            finally:
                kafka.resume()
            assert scene.program.wait(WITHIN_S) == ExitCode.OK


CASES: dict[str, Callable[[LocalKafka], None]] = {
    "broker-goes": broker_goes,
    "replicas-share": replicas_share,
    "workers-end": workers_end,
    "source-changes": source_changes,
    "destination-deleted": destination_deleted,
}


@pytest.fixture(scope="module")
def running(kafka: LocalKafka) -> Iterator[dict[str, Future[None]]]:
    with together(CASES, kafka) as futures:
        yield futures


@pytest.mark.timeout(ALL_WITHIN_S)
@pytest.mark.parametrize("case", CASES)
def test_it_is_told(running: dict[str, Future[None]], case: str) -> None:
    running[case].result(ALL_WITHIN_S)
