"""What a cluster answers while it is on the move is asked for again."""

from collections.abc import Callable

import pytest
from confluent_kafka import KafkaError, KafkaException

from bench.offsets import patiently


def _refusing(times: int, code: int) -> Callable[[], str]:
    answers = iter([code] * times)

    def ask() -> str:
        for refusal in answers:
            raise KafkaException(KafkaError(refusal))
        return "told"

    return ask


@pytest.mark.parametrize("code", [KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.OFFSET_NOT_AVAILABLE])
def test_a_leader_that_moves_is_waited_for(code: int) -> None:
    assert patiently(_refusing(2, code), timeout_s=5) == "told"


def test_what_does_not_settle_is_told_in_the_end() -> None:
    with pytest.raises(KafkaException, match="NOT_LEADER"):
        patiently(_refusing(1_000, KafkaError.NOT_LEADER_FOR_PARTITION), timeout_s=0.1)


def test_another_error_is_told_at_once() -> None:
    ask = _refusing(1, KafkaError.TOPIC_AUTHORIZATION_FAILED)
    with pytest.raises(KafkaException, match="TOPIC_AUTHORIZATION_FAILED"):
        patiently(ask, timeout_s=60)
    assert ask() == "told"
