"""What a broker's or client's error code means for a record and its destination."""

from enum import Enum, auto

from confluent_kafka import KafkaError, KafkaException

from fanout.errors import Reason


class Fault(Enum):
    """Whose fault a failed delivery is, and so what is done about it."""

    RECORD = auto()  # this record will never be taken: a dead letter
    DENIED = auto()  # no rights on the topic
    MISSING = auto()  # the topic is not there: create it again
    FATAL = auto()  # the client is broken: the worker has to be replaced
    PASSING = auto()  # try again


_RECORD = {
    KafkaError.MSG_SIZE_TOO_LARGE: Reason.TOO_LARGE,
    KafkaError.RECORD_LIST_TOO_LARGE: Reason.TOO_LARGE,
    KafkaError.INVALID_TIMESTAMP: Reason.BAD_TIMESTAMP,
    KafkaError.INVALID_RECORD: Reason.REFUSED_BY_BROKER,
    KafkaError.INVALID_MSG: Reason.REFUSED_BY_BROKER,
    KafkaError.INVALID_MSG_SIZE: Reason.REFUSED_BY_BROKER,
    KafkaError.POLICY_VIOLATION: Reason.REFUSED_BY_BROKER,
    KafkaError.UNSUPPORTED_FOR_MESSAGE_FORMAT: Reason.REFUSED_BY_BROKER,
    KafkaError._INVALID_ARG: Reason.REFUSED_BY_BROKER,
}
_DENIED = {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED}
_MISSING = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.UNKNOWN_TOPIC_ID,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
}


def fault_of(error: KafkaError) -> Fault:
    """Whose fault this is."""
    code = error.code()
    if code in _RECORD:
        return Fault.RECORD
    if code in _DENIED:
        return Fault.DENIED
    if code in _MISSING:
        return Fault.MISSING
    return Fault.FATAL if error.fatal() or code == KafkaError._FATAL else Fault.PASSING


def reason_of(error: KafkaError) -> Reason:
    """The dead letter's reason for a fault of the record."""
    return _RECORD.get(error.code(), Reason.REFUSED_BY_BROKER)


def kafka_error(exception: BaseException) -> KafkaError:
    """The error inside an exception of the client."""
    if isinstance(exception, KafkaException) and exception.args and isinstance(exception.args[0], KafkaError):
        return exception.args[0]
    return KafkaError(KafkaError._FAIL, str(exception))
