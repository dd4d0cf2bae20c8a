import pytest
from confluent_kafka import KafkaError, KafkaException

from fanout.errors import FailureKind, WorkerFailureError
from fanout.worker import stranded
from fanout.worker.stranded import Stranded
from tests.support.topics import wait_until


class Asked:
    """A client whose questions fail with these codes, one after the other; with None, and then, they are answered."""

    def __init__(self, *codes: int | None) -> None:
        self._codes = list(codes)
        self.asked = 0

    def list_topics(self, topic: str, timeout: float) -> object:
        assert (topic, timeout) == ("cluster-events", 1.0)
        self.asked += 1
        code = self._codes.pop(0) if self._codes else None
        if code is not None:
            raise KafkaException(KafkaError(code))
        return object()


NONE = KafkaError._TRANSPORT


def looking(*clients: Asked, fresh: Asked) -> Stranded:
    return Stranded("cluster-events", lambda: clients, lambda: fresh)


def test_a_client_that_finds_no_broker_twice_while_another_is_answered_is_stranded() -> None:
    assert looking(Asked(), Asked(NONE, NONE), fresh=Asked()).look()


def test_clients_that_are_answered_are_not() -> None:
    clients, fresh = [Asked(), Asked()], Asked()
    assert not looking(*clients, fresh=fresh).look()
    assert [client.asked for client in clients] == [1, 1]
    assert not fresh.asked, "no client is made for nothing"


def test_brokers_that_are_away_strand_nobody_and_are_asked_for_by_one() -> None:
    clients = [Asked(NONE, NONE), Asked(NONE, NONE)]
    assert not looking(*clients, fresh=Asked(NONE)).look()
    assert [client.asked for client in clients] == [1, 0]


def test_where_no_other_client_can_be_made_just_now_it_is_looked_again() -> None:
    ready = iter([False, True])

    def fresh() -> Asked:
        if not next(ready):
            raise KafkaException(KafkaError(KafkaError._INVALID_ARG))
        return Asked()

    found = Stranded("cluster-events", lambda: [client], fresh)
    client = Asked(NONE, NONE, NONE)
    assert [found.look(), found.look()] == [False, True]


def test_a_client_that_has_just_found_its_broker_again_is_not() -> None:
    assert not looking(Asked(NONE), fresh=Asked()).look()


@pytest.mark.parametrize("code", [KafkaError._TIMED_OUT, KafkaError.TOPIC_AUTHORIZATION_FAILED])
def test_a_client_that_knows_a_broker_which_is_silent_or_refuses_is_not(code: int) -> None:
    assert not looking(Asked(code, code), fresh=Asked()).look()


def test_what_was_found_ends_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stranded, "LOOK_EVERY_S", 0.01)
    found = looking(Asked(None, None, NONE, NONE), fresh=Asked())
    found.check()
    found.start()

    def failure() -> WorkerFailureError | None:
        try:
            found.check()
        except WorkerFailureError as error:
            return error
        return None

    ended = wait_until(failure, 5, "the finding")
    assert ended is not None
    assert ended.kind is FailureKind.CLIENT_STRANDED
