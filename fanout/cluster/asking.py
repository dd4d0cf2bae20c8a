"""How an answer of the cluster is awaited, and what its errors mean."""

from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from fanout.cluster.answers import AskError

ANSWER_S = 10.0
_DENIED = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    }
)
_ABSENT = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError.GROUP_ID_NOT_FOUND,
    }
)


def answer(future: "Future[Any]") -> Any:  # noqa: ANN401  # each question has its own
    """The result of a request; blocks for it, `ANSWER_S` at most. Raises AskError."""
    try:
        return future.result(ANSWER_S + 1)
    except KafkaException as error:
        raise ask_error(error.args[0]) from error
    except TimeoutError as error:
        raise AskError(f"no answer within {ANSWER_S:g} s") from error


def ask_error(error: KafkaError) -> AskError:
    """The client's error in our own words."""
    code = error.code()
    return AskError(
        error.str(),
        denied=code in _DENIED,
        absent=code in _ABSENT,
        exists=code == KafkaError.TOPIC_ALREADY_EXISTS,
        invalid_config=code == KafkaError.INVALID_CONFIG,
    )


def operations_of(answered: Any) -> frozenset[str] | None:  # noqa: ANN401  # a list that the stubs call otherwise
    """Names of the operations that we may do; None where the broker does not tell."""
    return None if answered is None else frozenset(operation.name for operation in answered)
