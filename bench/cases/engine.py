"""The measurement of cases, turn by turn on one broker.

Each different backlog is written once, to a source of its own. Each turn drains every case's source, in an order that
alternates, because a machine's speed drifts by more than most cases differ: only ratios within a turn count. All cases
have their destinations in the same cluster, so that one with few of them finds those of the others there, as in a
cluster that is used for other things. A case whose brokers are to be far away goes through a proxy, and so does one
more drain of every case, which counts produce requests; it comes first and warms the broker up.

On the user's cluster there is no proxy, for its brokers tell clients their own addresses: nothing is counted in that
drain, and a case cannot be far away.
"""

import contextlib
from collections.abc import Callable
from typing import NamedTuple

from confluent_kafka import KafkaException

from bench.broker import LOCAL, BrokerDiedError, Cluster, Listener, LocalKafka, OwnKafkaError, Target
from bench.broker.place import free_ports
from bench.cases.case import Case, Plan
from bench.cases.measured import Measured
from bench.cases.round_trip import round_trip_ms
from bench.destinations import Destinations
from bench.drain import DrainFailedError, Turn
from bench.network import ApiKey, Proxy
from bench.peers.ours import ours
from bench.rig import BROKER
from bench.stage import Backlog, Source, Stage, alternately, make_source

PROXIED = "PROXIED"
# What ends a measurement that cannot go on.
BROKEN_OFF = (DrainFailedError, BrokerDiedError, OwnKafkaError, KafkaException, TimeoutError)

Tell = Callable[[str, int], None]


class _Proxied(NamedTuple):
    """The way to the broker through a proxy."""

    proxy: Proxy
    bootstrap: str


def measure(plan: Plan, tell: Tell, target: Target = LOCAL) -> list[Measured]:
    """Measure; one Measured for each case, in their order. Blocks for some 10 s for each of `plan.drains()`.

    `tell` gets what is done now, and how many drains have ended since it was told last. Raises DrainFailedError, with
    the case's name, if the program fails or does not deliver every event exactly once, OwnKafkaError for what cannot be
    on the user's cluster, and the others of BROKEN_OFF if the broker fails.
    """
    with contextlib.ExitStack() as stack:
        proxied: _Proxied | None = None
        if target.is_local:
            tell("starting a broker", 0)
            kafka, proxied = _local(stack)
        else:
            kafka = _own(stack, plan, target)
        sources = _fill(kafka, plan, tell)
        tell("making the destinations", 0)
        names = dict.fromkeys(name for _, source in sources for name in source.written.namespaces)
        run = _Run(plan, Stage(kafka, Destinations(kafka, list(names))), proxied, sources, tell)
        return run.all()


def _local(stack: contextlib.ExitStack) -> tuple[Cluster, _Proxied]:
    [port] = free_ports(1)
    proxy = stack.enter_context(Proxy(port))
    kafka = stack.enter_context(LocalKafka(config=BROKER, listeners=[Listener(PROXIED, fronts=[port])]))
    proxy.forward_to(kafka.behind(PROXIED))
    return kafka, _Proxied(proxy, kafka.bootstrap_of(PROXIED))


def _own(stack: contextlib.ExitStack, plan: Plan, target: Target) -> Cluster:
    if far := [case.name for case in plan.cases if case.behind_proxy]:
        raise OwnKafkaError(f"{far[0]}: no proxy can be put in front of {target.bootstrap}")
    return stack.enter_context(target.open(BROKER, {name for case in plan.cases for name in case.settings}))


def _fill(kafka: Cluster, plan: Plan, tell: Tell) -> list[tuple[Backlog, Source]]:
    sources = []
    for number, wanted in enumerate(plan.backlogs()):
        tell(f"writing {wanted.events:,} events for {wanted.shape.namespaces:,} destinations", 0)
        sources.append((wanted, make_source(kafka, f"bench-source-{number}", wanted)))
    return sources


class _Run:
    """All drains of a plan."""

    def __init__(
        self,
        plan: Plan,
        stage: Stage,
        proxied: _Proxied | None,
        sources: list[tuple[Backlog, Source]],
        tell: Tell,
    ) -> None:
        self._plan = plan
        self._stage = stage
        self._proxied = proxied
        self._sources = sources
        self._tell = tell

    def all(self) -> list[Measured]:
        cases = self._plan.cases
        idle = [self._drain(case, self._plan.idle_backlog(case), "start and stop") for case in cases]
        counted = [self._count(case) for case in cases]
        round_trips = [self._round_trip_ms(case) for case in cases]
        turns: list[list[Turn]] = [[] for _ in cases]
        for number in range(self._plan.turns):
            for place in alternately(range(len(cases)), number):
                case = cases[place]
                turns[place].append(self._drain(case, self._plan.backlog(case), f"turn {number + 1}"))
        return [
            Measured(
                case=case,
                idle=idle[place],
                turns=turns[place],
                requests_per_event=counted[place],
                round_trip_ms=round_trips[place],
                value_bytes=self._source(self._plan.backlog(case)).value_bytes,
            )
            for place, case in enumerate(cases)
        ]

    def _source(self, backlog: Backlog) -> Source:
        return next(source for known, source in self._sources if known == backlog)

    def _count(self, case: Case) -> float | None:
        """Produce requests for each event; None where there is no proxy to count them."""
        if self._proxied is None:
            self._drain(case, self._plan.backlog(case), "warming up")
            return None
        proxy = self._proxied.proxy
        before = proxy.counts.requests[ApiKey.PRODUCE]
        turn = self._drain(case, self._plan.backlog(case), "counting requests", counting=True)
        return (proxy.counts.requests[ApiKey.PRODUCE] - before) / turn.events

    def _round_trip_ms(self, case: Case) -> float | None:
        """None of a case that has no proxy between."""
        if self._proxied is None or not case.behind_proxy:
            return None
        self._delay(case, self._proxied)
        return round_trip_ms(self._proxied.proxy.port)

    def _delay(self, case: Case, proxied: _Proxied) -> None:
        proxied.proxy.delay(case.rtt_ms / 2 / 1000)  # in each direction

    def _drain(self, case: Case, backlog: Backlog, what: str, *, counting: bool = False) -> Turn:
        self._tell(f"{what}: {case.name}", 0)
        bootstrap = None
        if self._proxied is not None and (counting or case.behind_proxy):
            self._delay(case, self._proxied)
            bootstrap = self._proxied.bootstrap
        try:
            turn = self._stage.turn(ours(case.settings), self._source(backlog), bootstrap)
        except DrainFailedError as error:
            raise DrainFailedError(f"{case.name}: {error}") from error
        self._tell(f"{what}: {case.name}", 1)
        return turn
