"""Our CPU per event against other programs', turn by turn on one broker: `python -m bench compare`.

For each number of destinations: a new broker, a source of two partitions filled once, destinations made beforehand.
Each turn every program drains the whole source in a group of its own, in an order that alternates, because a machine's
speed drifts by more than the programs differ: only ratios within a turn count. After each drain every destination is
counted and one is compared record by record, so that a program is never fast by leaving something out. A program that
would take an hour for the whole source (`Peer.events_max`) drains a smaller one, with the same destinations.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from bench.broker import LocalKafka
from bench.destinations import PARTS, Destinations
from bench.drain import DrainFailedError, Turn, drain
from bench.load import Shape, Written, fill
from bench.peers.peer import Peer

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


def compare(plan: Plan, peers: Sequence[Peer], output: Path, tell: Tell) -> Comparison:
    """Measure. Blocks for minutes: a turn of 400 000 events is some 10 s for each program.

    The programs' own output goes to files in `output`, what happens to `tell`. Raises DrainFailedError if a program
    fails or does not deliver every event exactly once.
    """
    for peer in peers:
        tell(f"building {peer.name}")
        peer.build()
    rounds = []
    for count in plan.destinations:
        shape = msgspec.structs.replace(plan.shape, namespaces=count)
        rounds.append(_round(msgspec.structs.replace(plan, shape=shape), peers, output, tell))
    return Comparison(plan, rounds)


def backlog(plan: Plan, peer: Peer) -> int:
    """Events that a program has to drain in a turn."""
    return plan.events if peer.events_max is None else min(plan.events, peer.events_max)


def _round(plan: Plan, peers: Sequence[Peer], output: Path, tell: Tell) -> Round:
    count = plan.shape.namespaces
    with LocalKafka(config=BROKER_CONFIG) as kafka:
        idle_source = _source(kafka, IDLE_SOURCE, PARTITIONS, plan.shape)
        wanted = {peer.name: backlog(plan, peer) for peer in peers}
        sources: dict[int, _Source] = {}
        for events in set(wanted.values()):
            sources[events] = _source(kafka, f"{SOURCE}-{events}", events, plan.shape)
            tell(f"{count} destinations: {events} events loaded in {sources[events].written.took_s:.1f} s")
        stage = _Stage(kafka, Destinations(kafka, idle_source.written.namespaces), output, tell)
        idle = [stage.turn(peer, idle_source, "start and stop") for peer in peers]
        for peer in peers:
            stage.turn(peer, sources[wanted[peer.name]], "warm-up")
        measured = []
        for number in range(plan.turns):
            order = peers if number % 2 == 0 else list(reversed(peers))
            what = f"turn {number + 1}"
            by_name = {peer.name: stage.turn(peer, sources[wanted[peer.name]], what) for peer in order}
            measured.append([by_name[peer.name] for peer in peers])
    return Round(count, idle, measured)


class _Source(msgspec.Struct, frozen=True):
    """A topic to drain, and what is in it."""

    topic: str
    written: Written


def _source(kafka: LocalKafka, topic: str, events: int, shape: Shape) -> _Source:
    kafka.create_topic(topic, PARTITIONS)
    return _Source(topic, fill(kafka.bootstrap, topic, events, shape))


class _Stage(msgspec.Struct, frozen=True):
    """Where turns are run: a broker with its destinations."""

    kafka: LocalKafka
    destinations: Destinations
    output: Path
    tell: Tell

    def turn(self, peer: Peer, source: _Source, what: str) -> Turn:
        self.destinations.empty()
        turn = drain(peer, self.kafka, source.topic, self.output / f"{peer.name}.log")
        self._check(peer, source.written)
        cpu = f"{turn.cpu_s:.2f} s CPU for {turn.events:,} events, {turn.cpu_s / turn.events * 1e6:.2f} us/event"
        self.tell(f"  {what}: {peer.name} {cpu}, {turn.events / turn.wall_s:,.0f} events/s")
        return turn

    def _check(self, peer: Peer, written: Written) -> None:
        found = self.destinations.counts()
        wrong = {name: found[name] - written.counts[name] for name in written.namespaces}
        wrong = {name: difference for name, difference in wrong.items() if difference}
        if wrong:
            some = dict(sorted(wrong.items())[:5])
            raise DrainFailedError(f"{peer.name}: {len(wrong)} destinations with events too many or too few, as {some}")
        if not self.destinations.holds(written.watched, written.events, peer.loses):
            kept = ", ".join(part for part in PARTS if part not in peer.loses)
            raise DrainFailedError(f"{peer.name} changed one of {kept} on the way")
