"""What the clients of a worker say of themselves: bad credentials and broken clients."""

import time

from confluent_kafka import KafkaError

from fanout import log
from fanout.errors import FailureKind, WorkerFailureError

# While certificates or passwords are being exchanged, the old ones are refused for a while.
GRACE_S = 30.0

_repeats = log.Repeats(log.get("client"))


def unreadable(topic: str, error: KafkaError) -> WorkerFailureError:
    """The source may not be read."""
    return WorkerFailureError(
        FailureKind.NOT_AUTHORIZED, f"not authorized to read {topic}: {error.str()}; grant READ on it"
    )


class Health:
    """Collects the errors of all clients; `check` raises what cannot be lived with."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._refused_since: float | None = None
        self._refused_at = 0.0
        self._refusal: KafkaError | None = None
        self._fatal: KafkaError | None = None
        self._unreadable: KafkaError | None = None
        self._delivered = 0

    def error(self, error: KafkaError) -> None:
        """The clients' error callback."""
        if error.code() in (KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED):
            self._refusal = error
            self._refused_at = time.monotonic()
        if error.fatal():
            self._fatal = error
        _repeats.warning("client error", error.code(), error=error.str())

    def reader_error(self, error: KafkaError) -> None:
        """The consumer's error callback, which may be all that is told of a source that may not be read.

        Where metadata tells it first, nothing is fetched any more, and no error comes in place of a record (`Source`).
        """
        if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            self._unreadable = error
        else:
            self.error(error)

    def check(self, now: float, delivered: int) -> None:
        """Raise WorkerFailureError if a client is broken, or was refused for long without anything delivered since."""
        if self._fatal is not None:
            raise WorkerFailureError(FailureKind.CLIENT_FATAL, self._fatal.str())
        if self._unreadable is not None:
            raise unreadable(self._source, self._unreadable)
        if self._refusal is None:
            return
        if delivered > self._delivered or now - self._refused_at > GRACE_S / 3:
            # It was one connection, or it has passed: the client tries again every second.
            self._refusal = self._refused_since = None
            self._delivered = delivered
        elif self._refused_since is None:
            self._refused_since = now
        elif now - self._refused_since > GRACE_S:
            raise WorkerFailureError(
                FailureKind.BAD_CREDENTIALS,
                f"the broker refuses the credentials: {self._refusal.str()}; look at the KAFKA_SASL_* and KAFKA_SSL_* "
                "settings and at the listener in ENDPOINT",
            )
