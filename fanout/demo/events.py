"""A seeded generator of records like those of Eventrouter: the same seed and options give the same bytes.

Used by the demo and by the bench, so it is fast.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import accumulate
from typing import NamedTuple

import msgspec

from fanout.demo.poison import Poison, poison
from fanout.demo.templates import CLUSTER_SCOPED, NAMESPACED, Life

__all__ = ["Event", "Generator", "Headers", "Origin", "Poison", "namespace_names", "poison", "read_origin"]

Headers = tuple[tuple[str, bytes | None], ...]

START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z, where no other start is given
_CHUNK = 4_096
_ADDED = b'{"verb":"ADDED","event":}'

_KNOWN_NAMES = (
    "team-a", "kube-system", "default", "payments", "checkout", "ml-pipeline", "team-b", "observability",
    "batch-jobs-2026", "ingress-nginx", "cert-manager", "search", "team-c", "billing", "data-lake",
    "gitlab-runners", "argocd", "kafka", "staging", "sandbox-7",
)  # fmt: skip
_EXTRA_HEADERS: tuple[Headers, ...] = (
    (("cluster", b"eu-west-1"),),
    (("cluster", b"us-east-2"), ("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")),
    (("hop", b"1"), ("hop", b"2"), ("empty", b""), ("null", None), ("raw", b"\x00\xff")),
)


class Event(NamedTuple):
    """One record of the source topic, and what is known about it."""

    key: bytes | None  # involvedObject.name, as Eventrouter does; may be empty
    value: bytes
    headers: Headers
    timestamp_ms: int
    namespace: str
    sequence: int  # from 1 in each (namespace, key); also in the value, see `read_origin`


class Origin(NamedTuple):
    """Where in its object's history an event belongs."""

    namespace: str
    name: str
    sequence: int


class _Metadata(msgspec.Struct):
    namespace: str


class _Involved(msgspec.Struct):
    resource_version: str = msgspec.field(name="resourceVersion")
    name: str = ""


class _Event(msgspec.Struct):
    metadata: _Metadata
    involved: _Involved = msgspec.field(name="involvedObject")


class _Record(msgspec.Struct):
    event: _Event


_decoder = msgspec.json.Decoder(_Record)


def read_origin(value: bytes) -> Origin:
    """Namespace, object name and sequence number of a generated value. Raises msgspec.DecodeError on any other."""
    event = _decoder.decode(value).event
    return Origin(event.metadata.namespace, event.involved.name, int(event.involved.resource_version))


def namespace_names(count: int, prefix: str = "") -> list[str]:
    """Distinct names of namespaces, busiest first, like those of real clusters; "default" is always among them.

    Each begins with `prefix`, of at most 48 characters: a namespace has 63.
    """
    names = ["default", "team-a"] if count < 3 else [*_KNOWN_NAMES]
    names += (f"tenant-{number:04d}" for number in range(len(names), count))
    return [f"{prefix}{name}" for name in names[:count]]


class _Object:
    """A Kubernetes object that events are about: its names are decided once, the rest is set for each event."""

    __slots__ = ("body", "fields", "key", "life", "sequence", "step", "uid_tail")

    def __init__(self, life: Life, namespace: bytes, key: bytes, uid: str, host: str) -> None:
        self.life = life
        self.key = key
        self.uid_tail = uid[8:].encode()
        self.step = 0  # events since its life began
        self.sequence = 0
        self.body = b""  # of its latest event: the old_event of an UPDATED one
        self.fields: dict[bytes, bytes | int] = {
            b"name": key,
            b"ns": namespace,
            b"host": host.encode(),
            b"ouid": uid.encode(),
            b"pad": b"",
        }


class _Namespace:
    __slots__ = ("encoded", "name", "picks")

    def __init__(self, name: str, lives: Sequence[Life]) -> None:
        self.name = name
        self.encoded = name.encode()
        slots: list[list[_Object | None]] = [[None] * life.slots for life in lives]
        # One entry for each percent of weight, so that a random index is a weighted choice.
        self.picks = [
            pick for pick, life in zip(zip(lives, slots, strict=True), lives, strict=True) for _ in range(life.weight)
        ]


class Generator:
    """An endless stream of events of many namespaces, some of them much busier than others.

    skew: exponent of the Zipf distribution over namespaces; 0 makes them equal.
    updated: share of repeated events that are written as UPDATED with old_event (0 to 1); the rest are ADDED again.
    resync: share of the UPDATED ones whose old_event equals the event, as Eventrouter's resync writes them.
    size_bytes: least size of an ADDED value; messages are made longer to reach it (an UPDATED is twice that).
    headers: share of records with headers (Eventrouter writes none).
    start_ms, per_second: timestamp of the first record in Unix milliseconds, and how many records share a second.
    prefix: what the name of each namespace begins with (`namespace_names`).
    """

    def __init__(
        self,
        seed: int,
        namespaces: int,
        skew: float = 1.1,
        *,
        updated: float = 1.0,
        resync: float = 0.1,
        size_bytes: int = 0,
        headers: float = 0.0,
        start_ms: int = START_MS,
        per_second: int = 1_000,
        prefix: str = "",
    ) -> None:
        self._random = random.Random(seed)
        self.namespaces = namespace_names(namespaces, prefix)
        every = (*NAMESPACED, *CLUSTER_SCOPED)
        self._states = [
            _Namespace(name, every if name == f"{prefix}default" else NAMESPACED) for name in self.namespaces
        ]
        self._weights = list(accumulate(1 / (rank + 1) ** skew for rank in range(namespaces)))
        self._updated = updated
        self._resync = resync
        self._size_bytes = size_bytes
        self._headers = headers
        self._start_ms = start_ms
        self._per_second = per_second
        self._written = 0
        self._made = 0
        self._second = -1
        self._time = b""

    def records(self, count: int) -> Iterator[Event]:
        """The next `count` events. Called again, it goes on where it stopped."""
        for first in range(0, count, _CHUNK):
            for state in self._random.choices(self._states, cum_weights=self._weights, k=min(_CHUNK, count - first)):
                yield self._next(state)

    def _next(self, state: _Namespace) -> Event:
        chance = self._random.random
        life, slots = state.picks[int(chance() * len(state.picks))]
        slot = int(chance() * life.slots)
        thing = slots[slot]
        if thing is None:
            thing = slots[slot] = self._make(life, state.encoded, slot)
        timestamp_ms = self._start_ms + self._written * 1_000 // self._per_second
        self._written += 1
        value = self._render(thing, timestamp_ms)
        if thing.step >= len(life.stages) + life.repeats:
            if life.lasting:
                thing.step = 0
            else:
                slots[slot] = None
        headers = self._random.choice(_EXTRA_HEADERS) if self._headers and chance() < self._headers else ()
        return Event(thing.key, value, headers, timestamp_ms, state.name, thing.sequence)

    def _make(self, life: Life, namespace: bytes, slot: int) -> _Object:
        self._made += 1
        digits = f"{self._random.getrandbits(80):020x}"
        uid = f"{digits[:8]}-{digits[8:12]}-4{digits[12:15]}-8{digits[15:18]}-{self._made:012x}"
        name = life.object_name.format(slot=slot, serial=f"{self._made:05x}", digits=digits[-5:])
        return _Object(life, namespace, name.encode(), uid, host=f"ip-10-0-3-{slot % 12}.ec2.internal")

    def _render(self, thing: _Object, timestamp_ms: int) -> bytes:
        """The value of the next event of an object."""
        stages = thing.life.stages
        repeated = thing.step >= len(stages)
        template = stages[-1] if repeated else stages[thing.step]
        thing.step += 1
        thing.sequence += 1
        fields = thing.fields
        self._fill(thing, timestamp_ms, repeated=repeated)
        body = template % fields
        short = self._size_bytes - len(body) - len(_ADDED)
        if short > 0:
            fields[b"pad"] = b"." * short
            body = template % fields
            fields[b"pad"] = b""
        old, thing.body = thing.body, body
        if not repeated or self._random.random() >= self._updated:
            return b'{"verb":"ADDED","event":%b}' % body
        if self._random.random() < self._resync:
            old = body
        return b'{"verb":"UPDATED","event":%b,"old_event":%b}' % (body, old)

    def _fill(self, thing: _Object, timestamp_ms: int, *, repeated: bool) -> None:
        second, millis = divmod(timestamp_ms, 1_000)
        if second != self._second:
            self._second = second
            self._time = f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}".encode()
        now = self._time + b"Z"
        fields = thing.fields
        fields[b"rv"] = 100_000 + self._written
        fields[b"seq"] = thing.sequence
        fields[b"last"] = now
        fields[b"micro"] = b"%b.%03d%03dZ" % (self._time, millis, self._written % 1_000)
        if repeated:
            fields[b"count"] = thing.step
            return
        fields[b"count"] = 1
        fields[b"made"] = fields[b"first"] = now
        fields[b"hex"] = b"%016x" % (timestamp_ms * 1_000_000 + self._written % 1_000_000)
        fields[b"uid"] = b"%08x%b" % (self._written & 0xFFFFFFFF, thing.uid_tail)
