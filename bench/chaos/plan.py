"""The plan of a fault run: from a seed, everything that is decided beforehand. Pure; the same seed is the same plan."""

import random
from collections.abc import Sequence

import msgspec

from fanout.client import Protocol

# What can go together with what: a theme is the kinds of fault that a run draws from.
WORKER = ("worker-killed", "worker-stopped", "worker-out-of-memory", "worker-slow")
SUPERVISOR = ("supervisor-killed", "supervisor-terminated", "supervisor-stopped")
GROUP = ("replica-joins", "replica-leaves", "replicas-come-and-go", "rolling-restart")
CLEAN = ("supervisor-terminated", "replica-joins", "replica-leaves", "replicas-come-and-go", "rolling-restart")
BROKER = ("broker-restarted", "broker-killed", "broker-paused", "broker-throttled")
NETWORK = (
    "network-slow", "network-throttled", "network-cut", "network-cut-in-produce", "network-answers-dropped",
    "network-refused", "network-hangs",
)  # fmt: skip
# Errors that a real broker cannot be made to answer, by librdkafka's mock cluster.
CLIENT = (
    "client-produce-errors", "client-produce-refused", "client-answers-late", "client-fetch-errors",
    "client-commit-errors", "client-group-errors", "client-coordinator-moved", "client-leader-moved",
    "client-broker-away",
)  # fmt: skip
DATA = ("destination-deleted", "partitions-added", "records-expire-under-the-reader", "records-expired-unread")
THEMES: dict[str, tuple[str, ...]] = {
    "workers": WORKER,
    "supervisors": SUPERVISOR,
    "clean": CLEAN,
    "group": (*GROUP, *SUPERVISOR),
    "broker": BROKER,
    "network": NETWORK,
    "data": (*DATA, "worker-killed"),
    "source-made-anew": ("source-made-anew", "worker-killed", "worker-slow"),
    "leaders": ("leader-moved", "broker-killed", "broker-restarted", "worker-killed", "supervisor-killed"),
    "client": (*CLIENT, "worker-killed"),
    "mixed": (*WORKER, *SUPERVISOR, *GROUP, *BROKER, *NETWORK, *DATA),
}
KINDS: tuple[str, ...] = tuple(sorted({kind for kinds in THEMES.values() for kind in kinds}))
# The local broker's own lower limits are lowered for this; a user's has 6 s (classic) and 45 s (consumer) as shipped.
SESSION_MS = 3_000
HEARTBEAT_MS = 500
MOCK = 0
# It keeps 5 MB of a partition, and who reads must not be behind by more.
MOCK_RATES = (60, 120, 240)
RATES = (150, 300, 600, 1_200)
QUIET_START_S = 1.0
QUIET_END_S = 6.0  # the last fault is over by then, so that its recovery can be seen


class Step(msgspec.Struct, frozen=True):
    """One fault: when it begins (seconds from the start of the load), its kind, and the seed of its details."""

    at_s: float
    kind: str
    seed: int


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One run."""

    seed: int
    theme: str
    seconds: float
    nodes: int  # of the cluster; MOCK is librdkafka's mock cluster
    protocol: Protocol
    replicas: int
    partitions: int
    workers_max: int
    rates: list[float]  # records a second, each for an equal share of the time
    steps: list[Step]


def plan_of(seed: int, seconds: float, theme: str = "") -> Plan:
    """The plan that this seed stands for. A theme may be given; else the seeds take them in turn."""
    rng = random.Random(seed)
    names = list(THEMES)
    theme = theme or names[seed % len(names)]
    three = theme == "leaders" or (theme in ("broker", "mixed") and rng.random() < 0.25)
    mock = theme == "client"
    replicas = rng.choice([1, 2, 2, 3]) if theme != "workers" else rng.choice([1, 1, 2])
    return Plan(
        seed=seed,
        theme=theme,
        seconds=seconds,
        nodes=MOCK if mock else 3 if three else 1,
        protocol=rng.choice(["classic", "consumer"]),
        replicas=replicas,
        partitions=rng.randint(2, 5),
        workers_max=rng.choice([0, 0, 0, 1, 2]),
        rates=[float(rng.choice(MOCK_RATES if mock else RATES)) for _ in range(3)],
        steps=_steps(rng, seconds, THEMES[theme]),
    )


def _steps(rng: random.Random, seconds: float, kinds: Sequence[str]) -> list[Step]:
    """Faults one after another, some of them before the last one is over."""
    steps = []
    at_s = QUIET_START_S + rng.random()
    while at_s < seconds - QUIET_END_S:
        kind = rng.choice(kinds)
        steps.append(Step(round(at_s, 2), kind, rng.getrandbits(32)))
        at_s += rng.choice([0.3, 1.5, 3.0, 4.0, 5.0]) + rng.random()
    once = {"source-made-anew", "partitions-added"}
    seen: set[str] = set()
    kept = []
    for step in steps:
        if step.kind not in once or step.kind not in seen:
            kept.append(step)
        seen.add(step.kind)
    return kept
