"""Whether a destination is there and takes a record: asked, and made, by what a worker does it with."""

import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from fanout import client
from fanout.cluster.answers import AskError
from fanout.cluster.asking import ask_error
from fanout.cluster.causes import Causes
from fanout.errors import Reason, WorkerFailureError
from fanout.settings import Settings
from fanout.worker.limits import judge, wall_ms
from fanout.worker.records import Record
from fanout.worker.routes import Refusal
from fanout.worker.topics import Denied, State, Topics

AGAIN_S = 0.02
Answer = TypeVar("Answer")


class _Brought(NamedTuple):
    """The topic is there, or why it cannot be."""

    refusal: Refusal | None


class Gate:
    """One for a whole replay; what a topic that may not be made says is remembered. With `dry` nothing is made."""

    def __init__(self, settings: Settings, source_max_bytes: int, *, dry: bool) -> None:
        self._dry = dry
        self._patience_s = settings.topic_create_timeout_ms / 1000
        self._compressed = client.is_compressed(settings)
        self._topics = Topics(
            AdminClient(client.admin(settings, Causes().logger)), settings, source_max_bytes, lambda: None
        )
        self._closed: dict[str, Refusal] = {}

    def open(self) -> None:
        """Learn which topics there are. Blocks; raises AskError."""
        try:
            self._topics.learn()
        except KafkaException as error:
            raise ask_error(error.args[0]) from error

    def close(self, name: str, refusal: Refusal) -> None:
        """Nothing more goes to this destination."""
        self._closed[name] = refusal

    def refusal(self, name: str, record: Record) -> Refusal | None:
        """Why the destination would not take the record; None if it takes it, and is there.

        Blocks for a broker's answer where the topic is not known yet; raises AskError.
        """
        if name in self._closed:
            return self._closed[name]
        if not self._topics.ready(name):
            if self._dry:
                return None
            brought = self._answered(name, lambda: _brought(name, self._topics.ensure(name)))
            if brought.refusal is not None:
                self.close(name, brought.refusal)
                return brought.refusal
        limits = self._answered(name, lambda: self._topics.limits.of(name))
        verdict = judge(record, limits, wall_ms(), compressed=self._compressed)
        return verdict if isinstance(verdict, Refusal) else None

    def _answered(self, name: str, ask: Callable[[], Answer | None]) -> Answer:
        deadline = time.monotonic() + self._patience_s
        while (answer := ask()) is None:
            try:
                self._topics.serve()
            except WorkerFailureError as failure:
                raise AskError(failure.reason) from failure
            if time.monotonic() > deadline:
                raise AskError(f"no broker tells of the topic {name} for {self._patience_s:g} s")
            time.sleep(AGAIN_S)
        return answer


def _brought(name: str, state: State | Refusal | Denied) -> _Brought | None:
    if isinstance(state, State):
        return _Brought(None) if state is State.READY else None
    if isinstance(state, Refusal):
        return _Brought(state)
    return _Brought(Refusal(Reason.NOT_AUTHORIZED, f"{state.operation} {name}: {state.detail}"))
