"""Send again: what a destination did not take, in source order, one record a request.

A broker refuses a whole batch for one record in it, so a record that failed in a batch is only suspect. Its
destination is held: what comes for it waits. Once nothing of it is in flight, its topic is brought about if it is
missing, and the suspects are sent alone. Only what fails alone, for a reason of its own, becomes a dead letter.

A record that its destination might not take (large, oddly dated, without a key) is held the same way before it is
sent at all, until the topic's configuration is known.
"""

from collections import deque
from collections.abc import Callable

from confluent_kafka import KafkaError, Producer

from fanout import log
from fanout.errors import FailureKind, Reason, WorkerFailureError
from fanout.settings import Settings
from fanout.worker.deadletter import DeadLetters, Letter
from fanout.worker.destination import Batch, Destination
from fanout.worker.faults import Fault, fault_of, reason_of
from fanout.worker.hold import Alone, Hold
from fanout.worker.limits import Verdict, judge, wall_ms
from fanout.worker.records import UNREADABLE, Record, UnreadableHeaders, headers_of, timestamp_to_send
from fanout.worker.routes import Refusal
from fanout.worker.shard import PRODUCE_ERRORS, refused_at_once
from fanout.worker.silence import Silence
from fanout.worker.sink import Sink
from fanout.worker.topics import Denied, State, Topics

RETRY_MIN_S = 0.1
RETRY_MAX_S = 5.0
DENIED_FOR_S = 60.0  # rights that were missing are tried again after this long
DENIED_ALL_S = 10.0  # no destination at all takes anything for this long: not one tenant's matter
UNKNOWN_FAULTS_MAX = 12  # tries of one record with an error that is not known to pass

_log = log.get("redelivery")
_repeats = log.Repeats(_log)


class Redelivery:
    """Looks after the held destinations of a sink."""

    def __init__(
        self,
        sink: Sink,
        topics: Topics,
        settings: Settings,
        make_producer: Callable[[], Producer],
        dead_letters: DeadLetters,
        *,
        compressed: bool,
    ) -> None:
        self._sink = sink
        self._topics = topics
        self._silence = Silence(sink, topics, settings)
        self._make_producer = make_producer
        self._dead_letters = dead_letters
        self._compressed = compressed
        self._producer: Producer | None = None
        self._holds: dict[Destination, Hold] = {}
        self.redelivered = 0

    def serve(self, now: float) -> None:
        """Take every held destination a step further. Does not block; raises WorkerFailureError."""
        if self._sink.failures:
            self._sort_in_failures(now)
        if self._producer is not None:
            self._producer.poll(0)
        for destination in list(self._sink.held):
            self._advance(destination, self._holds.setdefault(destination, Hold(now, self._sink.delivered)), now)
        self._silence.look(now)

    def busy(self) -> bool:
        """Whether anything is to be expected soon, so that the loop should not sleep for long."""
        return any(hold.denied is None for hold in self._holds.values())

    def _sort_in_failures(self, now: float) -> None:
        failures, self._sink.failures = self._sink.failures, []
        for failure in failures:
            destination = failure.destination
            self._holds.setdefault(destination, Hold(now, self._sink.delivered)).failed.append(failure)
            if isinstance(failure.cause, KafkaError):
                fault = fault_of(failure.cause)
                if fault is Fault.FATAL:
                    raise WorkerFailureError(FailureKind.CLIENT_FATAL, failure.cause.str())
                if fault is Fault.MISSING:
                    self._topics.gone(destination)
                _repeats.warning(
                    "delivery failed, sending again", destination.name,
                    topic=destination.name, error=failure.cause.str(),
                )  # fmt: skip

    def _advance(self, destination: Destination, hold: Hold, now: float) -> None:
        if hold.alone is not None and not self._settle_alone(destination, hold, hold.alone, now):
            return
        if hold.denied is not None and now < hold.denied_until:
            self._refuse_all(destination, hold, hold.denied)
            return
        if now < hold.retry_at:
            return
        state = self._topics.ensure(destination.name)
        if isinstance(state, Denied):
            self._deny(destination, hold, state, now)
        elif isinstance(state, Refusal):
            # Held on: nothing may be produced to a topic that is not there.
            self._deny_for_now(destination, hold, state, now)
        elif state is State.READY and not destination.in_flight():
            if hold.introducing:
                hold.introducing, destination.introduced = False, not hold.failed
            self._requeue(destination, hold)
            while destination.waiting:
                if not self._next(destination, hold, now):
                    return
            self._release(destination, hold)

    def _requeue(self, destination: Destination, hold: Hold) -> None:
        """Nothing is in flight, so all failures are in: they go before what waits, in source order."""
        if hold.failed:
            hold.failed.sort(key=lambda failure: (failure.record.partition(), failure.record.offset()), reverse=True)
            for failure in hold.failed:
                destination.waiting.appendleft(Batch(deque([failure.record]), failure.window, failure.cause))
            hold.failed = []

    def _release(self, destination: Destination, hold: Hold) -> None:
        if not hold.failed and not destination.waiting:
            self._sink.release(destination)
            del self._holds[destination]

    def _next(self, destination: Destination, hold: Hold, now: float) -> bool:
        """The next waiting record: send, send alone, or refuse. False if something has to be waited for."""
        batch = destination.waiting[0]
        record = batch.records[0]
        verdict: Verdict | Refusal | None = Verdict.ALONE
        if isinstance(batch.cause, Refusal):
            verdict = batch.cause
        elif batch.cause is None:
            verdict = self._judge(destination, record)
        if verdict is None:
            return False
        if isinstance(verdict, Refusal):
            self._refuse_first(destination, verdict)
            return True
        if verdict is Verdict.SEND:
            return self._send_fit(destination, batch) if destination.introduced else self._introduce(destination, hold)
        if not destination.in_flight():
            self._send_alone(destination, hold, record, now)
        return False

    def _judge(self, destination: Destination, record: Record) -> Verdict | Refusal | None:
        """What its topic says to this record; None while the topic's configuration is being asked for."""
        limits = self._topics.limits.of(destination.name)
        if limits is None:
            return None
        destination.know(limits)
        try:
            return judge(record, limits, wall_ms(), compressed=self._compressed)
        except UNREADABLE:
            destination.waiting[0].records[0] = UnreadableHeaders(record)
            return Refusal(Reason.BAD_HEADERS, "the name of a header is not UTF-8")

    def _send_fit(self, destination: Destination, batch: Batch) -> bool:
        """Send as many of this batch as are found fit, together."""
        fit: list[Record] = []
        while batch.records and self._judge(destination, batch.records[0]) is Verdict.SEND:
            fit.append(batch.records.popleft())
        left = self._sink.send_vetted(destination, fit, batch.window)
        batch.records.extendleft(reversed(left))
        self._drop_if_empty(destination, batch)
        return not left

    def _introduce(self, destination: Destination, hold: Hold) -> bool:
        """Send one record and nothing behind it until it is acknowledged.

        A broker takes any sequence number from a producer that it does not know. Were the first request refused, for a
        topic that is just being made or whose leader moves, and the second taken, then the client would conclude that
        the first had been written, too, and tell of its success: it was lost.
        """
        batch = destination.waiting[0]
        left = self._sink.send_vetted(destination, [batch.records.popleft()], batch.window)
        batch.records.extendleft(reversed(left))
        self._drop_if_empty(destination, batch)
        hold.introducing = True
        return False

    def _drop_if_empty(self, destination: Destination, batch: Batch) -> None:
        if not batch.records:
            destination.waiting.popleft()
            batch.window.give()

    def _send_alone(self, destination: Destination, hold: Hold, record: Record, now: float) -> None:
        if self._producer is None:
            self._producer = self._make_producer()
        hold.alone = alone = Alone(record)
        try:
            self._producer.produce(
                destination.name, record.value(), record.key(), -1, alone.called_back, None,
                timestamp_to_send(record), headers_of(record),
            )  # fmt: skip
        except PRODUCE_ERRORS as error:
            alone.finished = True
            destination.waiting[0].records[0], _, alone.error = refused_at_once(
                record, error, destination.waiting[0].window
            )
        self._producer.poll(0)
        hold.retry_at = now

    def _settle_alone(self, destination: Destination, hold: Hold, alone: Alone, now: float) -> bool:
        """Whether the record that was sent alone is done with, so that the next may go."""
        if not alone.finished:
            return False
        hold.alone = None
        batch = destination.waiting[0]
        if alone.error is None:
            batch.records.popleft()
            self._drop_if_empty(destination, batch)
            hold.attempts = 0
            self.redelivered += 1
            if destination.is_dead_letters:
                self._sink.dead_letters += 1
            else:
                self._sink.delivered += 1
            return True
        if isinstance(alone.error, Refusal):
            self._refuse_first(destination, alone.error)
            return True
        return self._settle_failed(destination, hold, alone.error, now)

    def _settle_failed(self, destination: Destination, hold: Hold, error: KafkaError, now: float) -> bool:
        fault = fault_of(error)
        if fault is Fault.FATAL:
            raise WorkerFailureError(FailureKind.CLIENT_FATAL, error.str())
        if fault is Fault.DENIED:
            self._deny(destination, hold, Denied("write", error.str()), now)
            return False
        hold.attempts += 1
        if fault is Fault.RECORD or (fault is Fault.UNKNOWN and hold.attempts >= UNKNOWN_FAULTS_MAX):
            hold.attempts = 0
            self._refuse_first(destination, Refusal(reason_of(error), error.str()))
            return True
        if fault is Fault.MISSING:
            self._topics.gone(destination)
        hold.retry_at = now + min(RETRY_MAX_S, RETRY_MIN_S * 2**hold.attempts)
        return False

    def _refuse_first(self, destination: Destination, refusal: Refusal) -> None:
        """The first waiting record becomes a dead letter; a dead letter is made smaller, or stops the worker."""
        batch = destination.waiting[0]
        record = batch.records[0]
        if isinstance(record, Letter):
            shrunk = refusal.reason is Reason.TOO_LARGE and record.shrink()
            undated = refusal.reason is Reason.BAD_TIMESTAMP and record.undate()
            if not shrunk and not undated:
                raise WorkerFailureError(
                    FailureKind.DEAD_LETTER_REFUSED,
                    f"the dead-letter topic {destination.name} does not take a dead letter: {refusal.detail}; "
                    "look at its max.message.bytes, cleanup.policy and message.timestamp.* limits",
                )
            return
        batch.records.popleft()
        self._dead_letters.send([record], refusal, batch.window)
        self._drop_if_empty(destination, batch)

    def _refuse_all(self, destination: Destination, hold: Hold, refusal: Refusal) -> None:
        if not destination.in_flight():
            self._requeue(destination, hold)
        while destination.waiting:
            self._refuse_first(destination, refusal)

    def _deny_for_now(self, destination: Destination, hold: Hold, refusal: Refusal, now: float) -> None:
        """Everything for this destination becomes a dead letter, until it is tried again."""
        hold.denied, hold.denied_until = refusal, now + DENIED_FOR_S
        self._refuse_all(destination, hold, refusal)

    def _deny(self, destination: Destination, hold: Hold, denied: Denied, now: float) -> None:
        """No rights: dead letters if other destinations show that this is one tenant's matter, else wait, then stop."""
        advice = f"not authorized to {denied.operation} the topic {destination.name}: {denied.detail}"
        if destination.is_dead_letters:
            raise WorkerFailureError(FailureKind.NOT_AUTHORIZED, f"{advice}; nothing is skipped, grant the right")
        _repeats.error("not authorized", destination.name, topic=destination.name, operation=denied.operation,
                       advice="grant the right; until then its events are dead letters if other destinations take "
                       "theirs, and if none does the worker stops and tries again")  # fmt: skip
        # What was delivered before tells nothing: the rights may have been taken away since.
        if self._sink.delivered > hold.delivered_before:
            self._deny_for_now(destination, hold, Refusal(Reason.NOT_AUTHORIZED, advice), now)
        elif now - hold.since > DENIED_ALL_S:
            raise WorkerFailureError(
                FailureKind.NOT_AUTHORIZED, f"{advice}; no destination takes anything, grant the right"
            )
        else:
            hold.retry_at = now + RETRY_MIN_S
