"""Faults of the topics: deleted, expired, made anew, wider."""

import random
import time

from confluent_kafka import TopicPartition
from confluent_kafka.admin import NewPartitions

from bench.chaos.faults.base import Done, Fault, nothing_after
from bench.chaos.stage import REQUEST_S, Excuse, Stage
from bench.chaos.traffic import PICKY_TOPICS
from bench.offsets import GroupReader
from fanout.supervisor.source import LOOK_EVERY_S

UNREAD_S = 1.0
MADE_AGAIN_S = 10.0
# The group has offsets of the old topic until the supervisor's next look at it, and a start from 0 follows.
SETTLED_S = LOOK_EVERY_S + REQUEST_S


def _destination_deleted(stage: Stage, rng: random.Random) -> Done | None:
    """Not one of those that were configured beforehand: the program would make it anew without that."""
    namespace = rng.choice([name for name in stage.namespaces[:6] if name not in PICKY_TOPICS])
    topic = stage.topic_of(namespace)
    with stage.broker_lock:
        if stage.topic_id(topic) is None:
            return None
        stage.tap.let_go(topic)
        stage.delete_topic(topic)
        stage.tap.take_up(topic)
        healed = time.monotonic()
        _await(stage, topic)
    # What was written before the next one was there may have been delivered to it, and went with it; or it was in
    # flight (see "Known limits" in ARCHITECTURE.md).
    stage.deleted.append(Excuse(stage.generation, namespace, stage.source_ends()))
    return Done(namespace, healed, topic=topic)


def _await(stage: Stage, topic: str) -> None:
    """Wait for the program to make a topic again, as it does when it has something for it; not for longer than that."""
    deadline = time.monotonic() + MADE_AGAIN_S
    while stage.topic_id(topic) is None and time.monotonic() < deadline:
        time.sleep(0.02)


def _partitions_added(stage: Stage, rng: random.Random) -> Done | None:
    partitions = stage.traffic.partitions + rng.randint(1, 2)
    admin = stage.admin()
    wider = NewPartitions(stage.source, partitions)
    with stage.broker_lock:
        admin.create_partitions([wider], request_timeout=REQUEST_S)[stage.source].result()
    added = frozenset(range(stage.traffic.partitions, partitions))
    stage.traffic.widen(partitions)
    return Done(f"now {partitions}", time.monotonic(), added)


def _delete_records(stage: Stage, rng: random.Random) -> int:
    """Have the source's records expire up to a little before its end; how many partitions that were."""
    ends = stage.source_ends()
    before = {partition: max(0, end - rng.choice([0, 5, 50])) for partition, end in ends.items()}
    with GroupReader(stage.bootstrap, stage.group) as group:
        known = group.committed(stage.source, before)
    # Of a partition that the group has never heard of nobody can know what was there.
    stage.expired.append(Excuse(stage.generation, "", {p: end for p, end in before.items() if p in known}))
    stage.deleted.append(Excuse(stage.generation, "", {p: end for p, end in before.items() if p not in known}))
    admin = stage.admin()
    places = [TopicPartition(stage.source, partition, offset) for partition, offset in before.items()]
    with stage.broker_lock:
        for future in admin.delete_records(places, request_timeout=REQUEST_S).values():
            future.result()
    return len(places)


def _expire_under_the_reader(stage: Stage, rng: random.Random) -> Done | None:
    count = _delete_records(stage, rng)
    return nothing_after(f"in {count} partitions")


def _expired_unread(stage: Stage, rng: random.Random) -> Done | None:
    """While no replica runs."""
    stopped = 0
    while (program := stage.take_replica(rng)) is not None:
        stage.terminate(program)
        stopped += 1
    time.sleep(UNREAD_S)
    count = _delete_records(stage, rng)
    for _ in range(stopped):
        stage.start_replica()
    return Done(f"in {count} partitions", time.monotonic())


def _source_made_anew(stage: Stage, _: random.Random) -> Done | None:
    with stage.broker_lock, stage.traffic.between_generations():
        stage.traffic.new_generation()
        stage.delete_topic(stage.source)
        stage.deleted.append(Excuse(stage.generation, "", dict.fromkeys(range(stage.traffic.partitions), 2**62)))
        stage.generation += 1
        stage.make_source(stage.traffic.partitions)
    stage.settled_at[stage.generation] = time.monotonic() + SETTLED_S
    return Done("", time.monotonic())


DATA: dict[str, Fault] = {
    "destination-deleted": _destination_deleted,
    "partitions-added": _partitions_added,
    "records-expire-under-the-reader": _expire_under_the_reader,
    "records-expired-unread": _expired_unread,
    "source-made-anew": _source_made_anew,
}
