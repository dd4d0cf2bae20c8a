"""A whole worker, put together by `fanout.worker.main`, that is taken through its loop turn by turn."""

import socket
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from fanout import client, link
from fanout.errors import WorkerFailureError
from fanout.settings import Settings
from fanout.worker import main
from fanout.worker.deadletter import DeadLetters
from fanout.worker.link import LeaseExpiredError, WorkerLink
from fanout.worker.loop import Loop
from fanout.worker.offsets import Window
from fanout.worker.records import Record
from fanout.worker.routes import Refusal
from fanout.worker.source import Expired
from fanout.worker.stranded import Stranded
from tests.models.kafka_parts import Cluster, ModelConsumer, ModelProducer
from tests.models.virtual import Clock, Patches

FOREVER_S = 1e12
START_TURNS = 50


class PausedError(Exception):
    """The loop has done as many turns as it was to do."""


class SteppedLink(WorkerLink):
    """Stops the loop at the beginning of a turn."""

    turns_left = START_TURNS

    def turn(self, now: float) -> None:
        if self.turns_left == 0:
            raise PausedError
        self.turns_left -= 1
        super().turn(now)


class HeldLoop(Loop):
    """Does not run when it is told to: the model takes its turns."""

    made: "list[HeldLoop]"
    gaps = 0

    def run(self) -> bool:
        self.made.append(self)
        return True

    def _mark_gap(self, expired: Expired) -> None:
        super()._mark_gap(expired)
        self.gaps += 1


class NotedDeadLetters(DeadLetters):
    """Tells the cluster what was refused, though its dead letter may never get there."""

    cluster: Cluster

    def send(self, records: Iterable[Record], refusal: Refusal, window: Window) -> None:
        refused = list(records)
        self.cluster.refused |= {(record.partition(), record.offset()) for record in refused}
        super().send(refused, refusal, window)


@dataclass
class Outcome:
    """How a worker ended."""

    drained: bool = False
    failure: WorkerFailureError | None = None
    lease_expired: bool = False


@dataclass
class Heard:
    """What a worker has said to its supervisor."""

    offsets: dict[int, int] = field(default_factory=dict)
    counters: Counter[str] = field(default_factory=Counter)


class ModelWorker:
    """One worker process without the process. Made new for each life."""

    def __init__(self, cluster: Cluster, settings: Settings, offsets: dict[int, int], clock: Clock) -> None:
        self.cluster = cluster
        self.clock = clock
        self.producers: list[ModelProducer] = []
        self.heard = Heard()
        self.outcome: Outcome | None = None
        self._received = b""
        self._ours, theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._link = SteppedLink(theirs)
        self._theirs = theirs
        self._say(link.Start(settings, offsets, 1_048_588, FOREVER_S))
        self.loop = self._assemble()

    def _assemble(self) -> HeldLoop:
        made: list[HeldLoop] = []
        patches = Patches()
        patches.clock(self.clock, worker_modules())
        patches.set(main, "Consumer", lambda _config: ModelConsumer(self.cluster, self.clock))
        patches.set(main, "Producer", self._producer)
        patches.set(main, "AdminClient", lambda _config: self.cluster.admin)
        patches.set(main, "Loop", type("Loop", (HeldLoop,), {"made": made}))
        patches.set(main, "DeadLetters", type("DeadLetters", (NotedDeadLetters,), {"cluster": self.cluster}))
        patches.set(main, "gc", SimpleNamespace(collect=int, freeze=int, set_threshold=lambda *_thresholds: None))
        patches.set(Stranded, "start", lambda _stranded: None)  # its thread lives in real time
        patches.set(client, "hasten", lambda _producer, _topic: None)
        self._patches = patches
        main.Worker(self._link.start(), self._link).run()
        return made[0]

    def _producer(self, config: dict[str, Any]) -> ModelProducer:
        self.producers.append(ModelProducer(self.cluster, only_errors="delivery.report.only.error" in config))
        return self.producers[-1]

    def turns(self, count: int) -> None:
        """So many turns of its loop, unless it ends before."""
        self._link.turns_left = count
        try:
            self._end(Outcome(drained=Loop.run(self.loop)))
        except PausedError:
            self._hear()
        except WorkerFailureError as failure:
            self._end(Outcome(failure=failure))
        except LeaseExpiredError:
            self._end(Outcome(lease_expired=True))

    def renew(self, until: float) -> None:
        self._say(link.Lease(until))

    def stop(self, deadline: float) -> None:
        self._say(link.Stop(deadline))

    def die(self, written: int) -> None:
        """At once; of what is under way, some arrives. What it has said is heard even so."""
        for producer in self.producers:
            producer.die(written)
        if self.outcome is None:
            self._end(Outcome())

    def close(self) -> None:
        self._patches.undo()
        self._ours.close()
        self._theirs.close()

    @property
    def idle(self) -> bool:
        """Whether nothing is in flight."""
        return self.loop._inflight.idle and not self.loop._sink.held

    def _end(self, outcome: Outcome) -> None:
        self._hear()
        self.outcome = outcome
        self.close()

    def _say(self, message: link.Down) -> None:
        self._ours.sendall(link.encode(message))

    def _hear(self) -> None:
        try:
            self._received += self._ours.recv(1 << 20)
        except BlockingIOError:
            return
        *frames, self._received = self._received.split(b"\n")
        for frame in frames:
            message = link.decode_up(frame)
            if isinstance(message, link.Delivered):
                back = {p for p, offset in message.offsets.items() if offset < self.heard.offsets.get(p, 0)}
                assert not back, f"reported backwards: {message.offsets} after {self.heard.offsets}"
                self.heard.offsets |= message.offsets
                self.heard.counters.update(message.counters)


def worker_modules() -> list[Any]:
    return [module for name, module in sys.modules.items() if name.startswith("fanout.worker.")]
