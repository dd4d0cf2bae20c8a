import pytest
from confluent_kafka import KafkaError

from fanout.errors import FailureKind, WorkerFailureError
from fanout.worker.health import GRACE_S, Health


def refused(health: Health) -> None:
    health.error(KafkaError(KafkaError._AUTHENTICATION))


def test_a_healthy_client_is_left_alone() -> None:
    health = Health("events")
    health.error(KafkaError(KafkaError._TRANSPORT))
    health.error(KafkaError(KafkaError._ALL_BROKERS_DOWN))
    for now in range(0, 1_000, 10):
        health.check(float(now), 0)


@pytest.mark.parametrize("code", [KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED])
def test_credentials_that_are_refused_for_long_stop_the_worker(code: int) -> None:
    health = Health("events")
    health.error(KafkaError(code))
    health.check(100.0, 0)
    health.check(100.0 + GRACE_S, 0)
    with pytest.raises(WorkerFailureError) as caught:
        health.check(100.0 + GRACE_S + 0.1, 0)
    assert caught.value.kind is FailureKind.BAD_CREDENTIALS
    assert "KAFKA_SASL_" in caught.value.reason


def test_a_refusal_that_deliveries_outlive_is_forgotten() -> None:
    health = Health("events")
    refused(health)
    health.check(100.0, 0)
    health.check(101.0, 5)
    health.check(100.0 + 10 * GRACE_S, 5)


def test_a_refusal_after_many_deliveries_has_the_same_grace() -> None:
    health = Health("events")
    for second in range(int(GRACE_S)):
        refused(health)
        health.check(100.0 + second, 1_000)
    refused(health)
    with pytest.raises(WorkerFailureError):
        health.check(100.0 + GRACE_S + 2, 1_000)


def test_a_client_that_is_broken_for_good_stops_the_worker_at_once() -> None:
    health = Health("events")
    health.error(KafkaError(KafkaError._FATAL, "fenced", True))
    with pytest.raises(WorkerFailureError) as caught:
        health.check(1.0, 10)
    assert caught.value.kind is FailureKind.CLIENT_FATAL


def test_a_source_that_may_not_be_read_stops_the_worker_also_where_metadata_tells() -> None:
    health = Health("events")
    health.reader_error(KafkaError(KafkaError._TRANSPORT))
    health.check(1.0, 10)
    health.reader_error(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    with pytest.raises(WorkerFailureError) as caught:
        health.check(1.0, 10)
    assert caught.value.kind is FailureKind.NOT_AUTHORIZED
    assert "grant READ" in caught.value.reason


def test_another_topic_that_may_not_be_written_is_not_the_workers_end() -> None:
    health = Health("events")
    health.error(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    health.check(1.0, 10)
