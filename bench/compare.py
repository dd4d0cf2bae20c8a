"""Our CPU per event against other programs', turn by turn on one broker: `python -m bench compare`.

For each number of destinations: a new broker, or new topics on the user's cluster; a source of two partitions filled
once, destinations made beforehand. Each turn every program drains the whole source in a group of its own, in an order
that alternates, because a machine's speed drifts by more than the programs differ: only ratios within a turn count.
After each drain every destination is counted and one is compared record by record, so that a program is never fast by
leaving something out. A program that would take an hour for the whole source (`Peer.events_max`) drains a smaller one,
with the same destinations.
"""

from collections.abc import Callable, Sequence

import msgspec

from bench.broker import LOCAL, Cluster, OwnKafkaError, Target
from bench.destinations import Destinations
from bench.drain import Turn
from bench.load import Shape
from bench.peers.peer import Peer
from bench.stage import Backlog, Source, Stage, alternately, make_source

OURS, EARLIER = "events-fanout", "at-"  # what the programs are called that are ours
SOURCE = "bench-source"
IDLE_SOURCE = "bench-idle"
PARTITIONS = 2
# What was emptied leaves the disk during the measurement, not minutes after it.
BROKER_CONFIG = {"log.retention.check.interval.ms": "10000", "log.segment.delete.delay.ms": "1000"}

Tell = Callable[[str], None]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to measure: numbers of destinations (they replace `shape.namespaces`), events of a backlog, turns."""

    destinations: list[int]
    events: int
    turns: int
    shape: Shape


class Round(msgspec.Struct, frozen=True):
    """All turns at one number of destinations. `idle` has for each program a drain of two events: its start and stop.

    `turns[i]` has one Turn for each program, in the order in which the programs were named, not in which they ran.
    """

    destinations: int
    idle: list[Turn]
    turns: list[list[Turn]]


class Comparison(msgspec.Struct, frozen=True):
    """Everything that was measured."""

    plan: Plan
    rounds: list[Round]


def compare(plan: Plan, peers: Sequence[Peer], tell: Tell, target: Target = LOCAL) -> Comparison:
    """Measure. Blocks for minutes: a turn of 400 000 events is some 10 s for each program.

    What happens is told to `tell`. Raises DrainFailedError if a program fails or does not deliver every event exactly
    once; OwnKafkaError if one cannot get into the user's cluster.
    """
    if locked_out := [peer.name for peer in peers if target.environment and not _takes_kafka_variables(peer)]:
        raise OwnKafkaError(
            f"{', '.join(locked_out)}: of the programs events-fanout alone is told by {', '.join(target.environment)} "
            f"how to get into {target.bootstrap}"
        )
    for peer in peers:
        tell(f"building {peer.name}")
        peer.build()
    rounds = []
    for count in plan.destinations:
        shape = msgspec.structs.replace(plan.shape, namespaces=count)
        rounds.append(_round(msgspec.structs.replace(plan, shape=shape), peers, tell, target))
    return Comparison(plan, rounds)


def _takes_kafka_variables(peer: Peer) -> bool:
    """Whether it is events-fanout, as it is or as it was (`bench.revision`)."""
    return peer.name == OURS or peer.name.startswith(EARLIER)


def backlog(plan: Plan, peer: Peer) -> int:
    """Events that a program has to drain in a turn."""
    return plan.events if peer.events_max is None else min(plan.events, peer.events_max)


def _round(plan: Plan, peers: Sequence[Peer], tell: Tell, target: Target) -> Round:
    count = plan.shape.namespaces
    with target.open(BROKER_CONFIG, {name for peer in peers for name in peer.tuned}) as kafka:
        idle_source = _source(kafka, IDLE_SOURCE, PARTITIONS, plan.shape)
        wanted = {peer.name: backlog(plan, peer) for peer in peers}
        sources: dict[int, Source] = {}
        for events in set(wanted.values()):
            sources[events] = _source(kafka, f"{SOURCE}-{events}", events, plan.shape)
            tell(f"{count} destinations: {events} events loaded in {sources[events].written.took_s:.1f} s")
        stage = Stage(kafka, Destinations(kafka, idle_source.written.namespaces))
        idle = [_turn(stage, peer, idle_source, "start and stop", tell) for peer in peers]
        for peer in peers:
            _turn(stage, peer, sources[wanted[peer.name]], "warm-up", tell)
        measured = []
        for number in range(plan.turns):
            what = f"turn {number + 1}"
            by_name = {
                peer.name: _turn(stage, peer, sources[wanted[peer.name]], what, tell)
                for peer in alternately(peers, number)
            }
            measured.append([by_name[peer.name] for peer in peers])
    return Round(count, idle, measured)


def _source(kafka: Cluster, topic: str, events: int, shape: Shape) -> Source:
    return make_source(kafka, topic, Backlog(shape=shape, events=events, partitions=PARTITIONS))


def _turn(stage: Stage, peer: Peer, source: Source, what: str, tell: Tell) -> Turn:
    turn = stage.turn(peer, source)
    cpu = f"{turn.cpu_s:.2f} s CPU for {turn.events:,} events, {turn.cpu_s / turn.events * 1e6:.2f} us/event"
    tell(f"  {what}: {peer.name} {cpu}, {turn.events / turn.wall_s:,.0f} events/s")
    return turn
