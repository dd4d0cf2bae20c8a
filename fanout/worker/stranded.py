"""Clients that have forgotten all brokers, though others are served: found by asking through each of them.

How that comes about is with `client.strays`. As nothing else helps, their worker ends and is started anew.
"""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from confluent_kafka import KafkaException

from fanout.client import CONNECTED_S, strays
from fanout.errors import FailureKind, WorkerFailureError

LOOK_EVERY_S = 2.0


class Client(Protocol):
    """A consumer, a producer or an admin client."""

    def list_topics(self, topic: str, timeout: float) -> object:
        """Ask a broker; raises KafkaException with _TRANSPORT where none could be asked."""


class Stranded:
    """Asks in a thread of its own: an answer may wait behind a long poll on the same connection.

    `clients` are those that there are now; `fresh` makes one that knows nothing, to tell a stranded one from brokers
    that are away. Both are called in that thread.
    """

    def __init__(self, topic: str, clients: Callable[[], Iterable[Client]], fresh: Callable[[], Client]) -> None:
        self._topic = topic
        self._clients = clients
        self._fresh = fresh
        self._found = False

    def start(self) -> None:
        """Look until the process ends."""
        threading.Thread(target=self._run, name="stranded", daemon=True).start()

    def check(self) -> None:
        """Raise WorkerFailureError if a client was found to be stranded. Does not block."""
        if self._found:
            raise WorkerFailureError(
                FailureKind.CLIENT_STRANDED,
                "a client has forgotten all brokers, though they answer others; it is made anew with its worker",
            )

    def look(self) -> bool:
        """Whether any client is stranded now. Blocks for a round trip for each, and some seconds where one may be."""
        for client in self._clients():
            if self._is_served(client):
                continue
            if not self._are_others_served():
                return False  # the brokers are away
            if not self._is_served(client):  # asked again, for they may have come back just now
                return True
        return False

    def _run(self) -> None:
        while not self._found:
            time.sleep(LOOK_EVERY_S)
            self._found = self.look()

    def _are_others_served(self) -> bool:
        try:
            other = self._fresh()
        except KafkaException:
            return False  # its files are being changed just now: the next look tells
        return self._is_served(other)

    def _is_served(self, client: Client) -> bool:
        try:
            client.list_topics(self._topic, CONNECTED_S)
        except KafkaException as error:
            return not strays(error)  # any other error comes from a broker, or is its silence
        return True
