"""Removing what a measurement has made on a cluster that goes on, and knowing what is left."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future

from confluent_kafka import KafkaError, KafkaException

from bench.offsets import MOVES, patiently

REQUEST_S = 60.0
REMOVE_S = 60.0  # a group whose program was killed has members until its session ends, after 45 s by default
AGAIN_S = 0.5
AT_ONCE = 500  # in one request
GONE = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.GROUP_ID_NOT_FOUND}
AGAIN = MOVES | {KafkaError.NON_EMPTY_GROUP}

Futures = Mapping[str, "Future[None]"]


def errors_of(futures: Futures) -> dict[str, KafkaError]:
    """Those that failed, by name. Blocks until all are answered."""
    found = {}
    for name, future in futures.items():
        try:
            future.result()
        except KafkaException as error:
            found[name] = error.args[0]
    return found


class Removal:
    """Of all that `find` finds, by `delete`, a method of the admin client. `why` says why `left` is left.

    `why` is empty when nothing is; before `run` has ended, nobody knows.
    """

    def __init__(self, find: Callable[[], list[str]], delete: Callable[..., Futures]) -> None:
        self._find = find
        self._delete = delete
        self.left: list[str] = []
        self.why = "interrupted"

    def run(self) -> None:
        """Block until nothing is found any more, for a minute at most, or until it is refused. Raises no error."""
        deadline = time.monotonic() + REMOVE_S
        try:
            while left := patiently(self._find):
                self.left = left
                errors = self._delete_all()
                refused = [error for error in errors.values() if error.code() not in AGAIN]
                if refused or time.monotonic() > deadline:
                    self.left = list(errors) or left
                    self.why = next((error.str() for error in [*refused, *errors.values()]), "still there")
                    return
                time.sleep(AGAIN_S)
        except KafkaException as error:
            self.why = error.args[0].str()
        else:
            self.left, self.why = [], ""

    def _delete_all(self) -> dict[str, KafkaError]:
        errors: dict[str, KafkaError] = {}
        for first in range(0, len(self.left), AT_ONCE):
            errors |= errors_of(self._delete(self.left[first : first + AT_ONCE], request_timeout=REQUEST_S))
        return {name: error for name, error in errors.items() if error.code() not in GONE}
