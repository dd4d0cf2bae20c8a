"""What a broker's or client's error code means for a record and its destination."""

from enum import Enum, auto

from confluent_kafka import KafkaError

from fanout.errors import Reason


class Fault(Enum):
    """Whose fault a failed delivery is, and so what is done about it."""

    RECORD = auto()  # this record will never be taken: a dead letter
    DENIED = auto()  # no rights on the topic
    MISSING = auto()  # the topic is not there: create it again
    FATAL = auto()  # the client is broken: the worker has to be replaced
    PASSING = auto()  # try again, for as long as it takes
    UNKNOWN = auto()  # try again, some times


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
# The client tells of none of them in a delivery report that they may be tried again.
_PASSING = {
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.BROKER_NOT_AVAILABLE,
    KafkaError.REPLICA_NOT_AVAILABLE,
    KafkaError.NETWORK_EXCEPTION,
    KafkaError.NOT_ENOUGH_REPLICAS,
    KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    KafkaError.KAFKA_STORAGE_ERROR,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER,
    KafkaError.UNKNOWN_PRODUCER_ID,
    KafkaError.THROTTLING_QUOTA_EXCEEDED,
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError._AUTHENTICATION,
    KafkaError._SSL,
    KafkaError._RESOLVE,
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TIMED_OUT,
    KafkaError._TIMED_OUT_QUEUE,
    KafkaError._MSG_TIMED_OUT,
    KafkaError._QUEUE_FULL,
    KafkaError._PURGE_QUEUE,
    KafkaError._PURGE_INFLIGHT,
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
    if error.fatal() or code == KafkaError._FATAL:
        return Fault.FATAL
    return Fault.PASSING if code in _PASSING or error.retriable() else Fault.UNKNOWN


def reason_of(error: KafkaError) -> Reason:
    """The dead letter's reason for a fault of the record."""
    return _RECORD.get(error.code(), Reason.REFUSED_BY_BROKER)
