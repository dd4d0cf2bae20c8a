"""The transactions: each delivers records, and the marks that their letters were replayed. All is seen, or nothing.

A replay that dies leaves a transaction open: the next one has the broker end it before it reads which letters are
marked. One that is begun while another goes on fences it in the same way.
"""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from fanout import client
from fanout.cluster.answers import AskError
from fanout.cluster.causes import Causes
from fanout.deadletters.letters import Letter, mark_of
from fanout.errors import FanoutError, Reason
from fanout.settings import Settings
from fanout.worker.faults import Fault, fault_of, reason_of
from fanout.worker.records import Record, headers_of, timestamp_to_send
from fanout.worker.routes import Refusal

ATTEMPT_S = 10.0
TRIES = 3  # of a transaction that is aborted for no fault of what is in it
PATIENCE_S = 90.0  # longer than a broker keeps a transaction that nobody ends
_FENCED = frozenset({KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH})  # noqa: SLF001  # the client's own name
_OURS = frozenset({Fault.RECORD, Fault.DENIED, Fault.MISSING})
_REASONS = {Fault.DENIED: Reason.NOT_AUTHORIZED, Fault.MISSING: Reason.UNKNOWN_TOPIC}
TOPICS_OWN = frozenset(_REASONS.values())  # refusals that are of the topic, and not of one record


class FencedError(FanoutError):
    """Another replay of this group was begun."""


class Parcel(NamedTuple):
    """A letter, and the record that is delivered for it."""

    letter: Letter
    destination: str
    record: Record


class Returned(NamedTuple):
    """A parcel that no transaction could hold, and why."""

    parcel: Parcel
    refusal: Refusal


class _AbortedError(Exception):
    """The transaction was aborted. `ours`: for the fault of a record in it, or of its destination."""

    def __init__(self, error: KafkaError, *, ours: bool) -> None:
        super().__init__(error.str())
        self.error = error
        self.ours = ours


class Outbox:
    """One transactional producer."""

    def __init__(self, settings: Settings, source_max_bytes: int) -> None:
        self._letters = settings.dead_letter_topic
        self._id = client.transactional_id(settings)
        self._producer = Producer(client.transactional(settings, source_max_bytes, Causes().logger))
        self._errors: list[KafkaError] = []

    def open(self) -> None:
        """End whatever an earlier replay left open, and fence one that goes on. Blocks; raises AskError."""
        self._insist(self._producer.init_transactions)

    def deliver(self, parcels: Sequence[Parcel]) -> list[Returned]:
        """Deliver all with their marks, but for those that are returned. Blocks; raises AskError and FencedError.

        After an error the transaction is as if it had never been, or is finished when the next replay is begun.
        """
        for left in reversed(range(TRIES)):
            try:
                self._commit(parcels)
            except _AbortedError as aborted:
                # The one after a record that a broker refused fails for the sequence numbers that went with it.
                if not aborted.ours and left:
                    continue
                if not aborted.ours:
                    raise self._stop(aborted.error) from aborted
                if len(parcels) == 1:
                    return [Returned(parcels[0], _refusal(aborted.error))]
                return self._deliver_singly(parcels)
            else:
                break
        return []

    def _deliver_singly(self, parcels: Sequence[Parcel]) -> list[Returned]:
        returned: list[Returned] = []
        closed: dict[str, Refusal] = {}
        for parcel in parcels:
            if parcel.destination in closed:
                returned.append(Returned(parcel, closed[parcel.destination]))
                continue
            for back in self.deliver([parcel]):
                returned.append(back)
                if back.refusal.reason in TOPICS_OWN:
                    closed[parcel.destination] = back.refusal
        return returned

    def _commit(self, parcels: Sequence[Parcel]) -> None:
        self._errors.clear()
        try:
            self._producer.begin_transaction()
            for parcel in parcels:
                self._produce(parcel)
                self._producer.poll(0)
        except KafkaException as error:
            self._abort(client.kafka_error(error))
        self._insist(self._producer.commit_transaction)

    def _produce(self, parcel: Parcel) -> None:
        record = parcel.record
        self._producer.produce(
            parcel.destination, record.value(), record.key(), on_delivery=self._told,
            timestamp=timestamp_to_send(record), headers=headers_of(record) or [],
        )  # fmt: skip
        # In the partition of its letter: so it comes after it there, and does not expire before it.
        self._producer.produce(
            self._letters, partition=parcel.letter.spot[0], on_delivery=self._told,
            headers=mark_of(parcel.letter, parcel.destination),
        )  # fmt: skip

    def _told(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._errors.append(error)

    def _insist(self, step: Callable[[float], None]) -> None:
        """Take the step, again and again where that may help. Raises _AbortedError if it led to an abort."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                step(ATTEMPT_S)
            except KafkaException as failed:
                error = client.kafka_error(failed)
                if error.txn_requires_abort():
                    self._abort(error)
                if not error.retriable() or time.monotonic() > deadline:
                    raise self._stop(error) from failed
            else:
                return

    def _abort(self, error: KafkaError) -> None:
        """Abort, and raise for what it is about."""
        if error.fatal() or error.code() in _FENCED:
            raise self._stop(error)
        self._insist(self._producer.abort_transaction)
        # The first cause: what follows it is only told to be purged, or that the transaction has failed.
        told = next((each for each in (*self._errors, error) if fault_of(each) in _OURS), None)
        raise _AbortedError(told or error, ours=told is not None)

    def _stop(self, error: KafkaError) -> AskError | FencedError:
        if error.code() in _FENCED:
            return FencedError(f"another replay of this group has begun ({self._id}): this one has ended")
        if error.code() == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
            return AskError(f"{error.str()}: grant WRITE and DESCRIBE on transactional id {self._id}", denied=True)
        return AskError(f"{error.str()}; nothing was sent twice or lost: run it again")


def _refusal(error: KafkaError) -> Refusal:
    fault = fault_of(error)
    return Refusal(_REASONS.get(fault) or reason_of(error), error.str())
