"""Faults of what a broker answers, by librdkafka's mock cluster: errors that a real one cannot be made to tell."""

import random
import time
from collections.abc import Callable, Sequence

from bench.chaos.faults.base import Done, Fault, nothing_after
from bench.chaos.ground import DESTINATIONS_NODE, SOURCE_NODE
from bench.chaos.stage import Stage
from bench.mock import Api
from bench.mock_errors import ERRORS, Error, Expected, apart

MET_S = 8.0  # requests of these kinds come every few hundred ms, if they come
LATE_MS = 2_500  # above the time after which the program's producers ask again
AWAY_S = 2.0
# A coordinator of the protocol `consumer` knows no generations: it says this of no commit.
CLASSIC_ALONE = {"illegal_generation"}
GROUP = {
    "classic": (Api.HEARTBEAT, Api.JOIN_GROUP, Api.SYNC_GROUP),
    "consumer": (Api.CONSUMER_GROUP_HEARTBEAT,),
}


def _answers(stage: Stage, node: int, key: Api, answers: Sequence[tuple[int, int]]) -> None:
    """Have the next requests to this node answered so, and wait until they came; what has not come is forgotten."""
    stage.mock.push_to(node, key, answers)
    deadline = time.monotonic() + MET_S
    while stage.mock.left(node, key) and time.monotonic() < deadline:
        time.sleep(0.05)


def _errors(node: int, expected: set[Expected], keys: Callable[[Stage], Sequence[Api]]) -> Fault:
    """One of the known errors of these kinds of request."""

    def fault(stage: Stage, rng: random.Random) -> Done | None:
        known = [each for each in ERRORS if each.key in keys(stage) and each.expected in expected]
        error = rng.choice([e for e in known if stage.plan.protocol == "classic" or e.name not in CLASSIC_ALONE])
        if error.reason:
            stage.refused.add(error.reason)
        _answers(stage, node, error.key, [(code, 0) for code in _codes(error)])
        return nothing_after(f"{error.key.name} {error.name}")

    return fault


def _codes(error: Error) -> Sequence[int]:
    return apart(error) if error.key is Api.PRODUCE and error.expected is not Expected.LETTERS else error.codes


def _answers_late(stage: Stage, rng: random.Random) -> Done | None:
    """The request was done, and the client has given up its answer: it asks again, and what was written comes twice."""
    count = rng.randint(1, 3)
    stage.written_twice += count
    _answers(stage, DESTINATIONS_NODE, Api.PRODUCE, [(0, LATE_MS)] * count)
    return nothing_after(f"{count} of PRODUCE after {LATE_MS} ms")


def _coordinator_moved(stage: Stage, rng: random.Random) -> Done | None:
    node = rng.choice([DESTINATIONS_NODE, SOURCE_NODE])
    stage.mock.set_coordinator(stage.group, node)
    return nothing_after(f"to node {node}")


def _leader_moved(stage: Stage, rng: random.Random) -> Done | None:
    """Of a destination, or of a partition of the source; away and back. (Without any leader the mock breaks.)"""
    topics = [(stage.topic_of(rng.choice(stage.namespaces)), 0, DESTINATIONS_NODE)]
    topics.append((stage.source, rng.randrange(stage.traffic.partitions), SOURCE_NODE))
    topic, partition, home = rng.choice(topics)
    for node in (SOURCE_NODE + DESTINATIONS_NODE - home, home):
        stage.mock.partition_set_leader(topic, partition, node)
        time.sleep(rng.choice([0.2, 1.0]))
    return nothing_after(f"{topic} {partition}")


def _broker_away(stage: Stage, rng: random.Random) -> Done | None:
    node = rng.choice([SOURCE_NODE, DESTINATIONS_NODE])
    with stage.broker_lock:
        stage.mock.broker_down(node)
        time.sleep(AWAY_S)
        stage.mock.broker_up(node)
    return nothing_after(f"node {node} for {AWAY_S:g} s")


CLIENT: dict[str, Fault] = {
    "client-produce-errors": _errors(
        DESTINATIONS_NODE, {Expected.DELIVERED, Expected.REPLACED}, lambda _: (Api.PRODUCE,)
    ),
    "client-produce-refused": _errors(DESTINATIONS_NODE, {Expected.LETTERS}, lambda _: (Api.PRODUCE,)),
    "client-answers-late": _answers_late,
    "client-fetch-errors": _errors(SOURCE_NODE, set(Expected), lambda _: (Api.FETCH,)),
    "client-commit-errors": _errors(SOURCE_NODE, set(Expected), lambda _: (Api.OFFSET_COMMIT,)),
    "client-group-errors": _errors(SOURCE_NODE, set(Expected), lambda stage: GROUP[stage.plan.protocol]),
    "client-coordinator-moved": _coordinator_moved,
    "client-leader-moved": _leader_moved,
    "client-broker-away": _broker_away,
}
