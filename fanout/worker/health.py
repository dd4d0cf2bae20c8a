"""What the clients of a worker say of themselves: bad credentials and broken clients."""

import time

from confluent_kafka import KafkaError

from fanout import log
from fanout.errors import FailureKind, WorkerFailureError

# While certificates or passwords are being exchanged, the old ones are refused for a while.
GRACE_S = 30.0

_repeats = log.Repeats(log.get("client"))


class Health:
    """Collects the errors of all clients; `check` raises what cannot be lived with."""

    def __init__(self) -> None:
        self._refused_since: float | None = None
        self._refused_at = 0.0
        self._refusal: KafkaError | None = None
        self._fatal: KafkaError | None = None
        self._delivered = 0

    def error(self, error: KafkaError) -> None:
        """The clients' error callback."""
        if error.code() in (KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED):
            self._refusal = error
            self._refused_at = time.monotonic()
        if error.fatal():
            self._fatal = error
        _repeats.warning("client error", error.code(), error=error.str())

    def check(self, now: float, delivered: int) -> None:
        """Raise WorkerFailureError if a client is broken, or was refused for long without anything delivered since."""
        if self._fatal is not None:
            raise WorkerFailureError(FailureKind.CLIENT_FATAL, self._fatal.str())
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
