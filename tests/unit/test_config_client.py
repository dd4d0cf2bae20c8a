"""The client's own properties: `KAFKA_*` and the flags for them."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from fanout.config import load, read
from fanout.config.load import Reading
from fanout.config.properties import is_secret
from fanout.errors import SettingsError

REQUIRED = {"ENDPOINT": "kafka:9092", "TOPIC": "cluster-events"}


def reading(environ: Mapping[str, str], flags: Mapping[str, str] | None = None) -> Reading:
    return read({**REQUIRED, **environ}, flags or {})


def only_problem(environ: Mapping[str, str], flags: Mapping[str, str] | None = None) -> str:
    (problem,) = reading(environ, flags).problems
    return problem


def test_variables_become_properties_of_one_side_or_of_both() -> None:
    found = load(
        {
            **REQUIRED,
            "KAFKA_CLIENT_ID": "fanout",
            "KAFKA_CONSUMER_FETCH_MIN_BYTES": "10",
            "KAFKA_PRODUCER_COMPRESSION_TYPE": "zstd",
            "KAFKA_DEBUG": "",
        },
        {},
    )
    assert found.settings.kafka == {"client.id": "fanout"}
    assert found.settings.kafka_consumer == {"fetch.min.bytes": "10"}
    assert found.settings.kafka_producer == {"compression.type": "zstd"}
    assert found.origins["kafka_consumer.fetch.min.bytes"] == "environment KAFKA_CONSUMER_FETCH_MIN_BYTES"


def test_flags_give_properties_and_win() -> None:
    found = load({**REQUIRED, "KAFKA_CLIENT_ID": "one"}, {"kafka.client.id": "two", "kafka_producer.linger.ms": "9"})
    assert found.settings.kafka == {"client.id": "two"}
    assert found.settings.kafka_producer == {"linger.ms": "9"}
    assert found.origins["kafka.client.id"] == "flag --kafka"


def test_a_second_name_of_a_property_is_the_first() -> None:
    found = load({**REQUIRED, "KAFKA_PRODUCER_QUEUE_BUFFERING_MAX_MS": "9", "KAFKA_LOG_LEVEL": "3"}, {})
    assert found.settings.kafka_producer == {"linger.ms": "9"}
    assert found.settings.kafka == {"log_level": "3"}
    both = {"KAFKA_COMPRESSION_TYPE": "zstd", "KAFKA_COMPRESSION_CODEC": "lz4"}
    assert "both give the client's compression.type" in only_problem(both)


def test_a_secret_comes_from_a_file_and_is_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text(" hunter2 \n")
    environ = {
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "KAFKA_SASL_USERNAME": "fanout",
        "KAFKA_SASL_PASSWORD_FILE": str(path),
    }
    found = load({**REQUIRED, **environ}, {})
    assert found.settings.kafka["sasl.password"] == " hunter2 "
    row = next(row for row in reading(environ).rows() if row.name == "kafka.sasl.password")
    assert (row.value, row.origin) == ("hidden", f"file {path} (KAFKA_SASL_PASSWORD_FILE)")


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("sasl.password", True),
        ("ssl.key.password", True),
        ("ssl.keystore.password", True),
        ("ssl.key.pem", True),
        ("sasl.oauthbearer.config", True),
        ("sasl.oauthbearer.client.secret", True),
        ("sasl.oauthbearer.client.credentials.client.secret", True),
        ("sasl.oauthbearer.assertion.private.key.pem", True),
        ("sasl.oauthbearer.assertion.private.key.passphrase", True),
        ("sasl.username", False),
        ("ssl.ca.pem", False),
        ("ssl.key.location", False),
        ("sasl.oauthbearer.token.endpoint.url", False),
    ],
)
def test_secrets_are_known_by_their_names(name: str, *, secret: bool) -> None:
    assert is_secret(name) is secret


def test_a_wrong_secret_is_not_quoted() -> None:
    environ = {
        "KAFKA_SECURITY_PROTOCOL": "ssl",
        "KAFKA_SSL_KEY_PEM": "hunter2-no-key",
        "KAFKA_SSL_KEYSTORE_LOCATION": "hunter2-no-key/x",
    }
    assert "hunter2" not in only_problem({**environ, "KAFKA_SSL_KEYSTORE_LOCATION": ""})
    assert "hunter2-no-key" not in "".join(reading({"KAFKA_SASL_PASSWORD": "hunter2-no-key", **environ}).problems)


def test_a_secret_on_the_command_line_is_refused() -> None:
    problem = only_problem({}, {"kafka_consumer.sasl.password": "hunter2"})
    assert "KAFKA_CONSUMER_SASL_PASSWORD_FILE" in problem
    assert "hunter2" not in problem


def test_properties_that_end_in_file_are_no_names_of_files(tmp_path: Path) -> None:
    name = "KAFKA_SASL_OAUTHBEARER_ASSERTION_PRIVATE_KEY_FILE"
    prop = "sasl.oauthbearer.assertion.private.key.file"
    assert reading({name: "/etc/key"}).properties["kafka"] == {prop: "/etc/key"}
    path = tmp_path / "name-of-the-key"
    path.write_text("/etc/key\n")
    assert reading({name + "_FILE": str(path)}).properties["kafka"] == {prop: "/etc/key"}


def test_a_property_and_its_file_are_not_both_given(tmp_path: Path) -> None:
    problem = only_problem({"KAFKA_CLIENT_ID": "x", "KAFKA_CLIENT_ID_FILE": str(tmp_path)})
    assert problem == "KAFKA_CLIENT_ID and KAFKA_CLIENT_ID_FILE are both set; unset one of them"


def test_service_links_of_kubernetes_are_no_properties() -> None:
    links = {
        "KAFKA_SERVICE_HOST": "10.0.0.1",
        "KAFKA_SERVICE_PORT": "9092",
        "KAFKA_SERVICE_PORT_TCP_CLIENTS": "9092",
        "KAFKA_PORT": "tcp://10.0.0.1:9092",
        "KAFKA_PORT_9092_TCP": "tcp://10.0.0.1:9092",
        "KAFKA_PORT_9092_TCP_PROTO": "tcp",
        "KAFKA_PORT_9092_TCP_ADDR": "10.0.0.1",
        "KAFKA_PORT_9092_TCP_PORT": "9092",
        "KAFKA_KAFKA_BOOTSTRAP_SERVICE_HOST": "10.0.0.1",
        "KAFKA_BOOTSTRAP_SERVICE_PORT_TCP_PLAIN": "9092",
        "KAFKA_BOOTSTRAP_PORT": "tcp://10.0.0.1:9092",
        "KAFKA_CONSUMER_SERVICE_HOST": "10.0.0.2",
    }
    found = load({**REQUIRED, **links}, {})
    assert found.ignored == tuple(sorted(links))
    assert found.settings.kafka == found.settings.kafka_consumer == {}


def test_the_service_link_of_a_service_called_http_is_no_port() -> None:
    found = load({**REQUIRED, "HTTP_PORT": "tcp://10.0.0.1:80"}, {})
    assert found.ignored == ("HTTP_PORT",)
    assert found.settings.http_port == 8080


def test_every_unknown_property_and_wrong_value_is_told() -> None:
    environ = {
        "KAFKA_HOME": "/opt/kafka",
        "KAFKA_PORT": "9092",
        "KAFKA_PRODUCER_LINGER_MS": "soon",
        "KAFKA_CONSUMER_COMPRESSION_TYPE": "zstd",
        "KAFKA_PRODUCER_FETCH_MIN_BYTES": "1",
        "KAFKA_SECURITY_PROTOCOL": "tls",
    }
    found = reading(environ).problems
    assert len(found) == len(environ)
    assert all(any(problem.startswith(f"environment {name}:") for problem in found) for name in environ)


def test_properties_that_do_not_fit_together_are_told_once() -> None:
    problem = only_problem({"KAFKA_SECURITY_PROTOCOL": "sasl_ssl", "KAFKA_SASL_MECHANISM": "PLAIN"})
    assert problem == "the client's properties, taken together: sasl.username and sasl.password must be set"


def test_a_property_that_needs_another_one_passes_with_it() -> None:
    environ = {
        "KAFKA_SECURITY_PROTOCOL": "sasl_ssl",
        "KAFKA_SASL_MECHANISM": "PLAIN",
        "KAFKA_SASL_USERNAME": "u",
        "KAFKA_SASL_PASSWORD": "p",
        "KAFKA_MAX_POLL_INTERVAL_MS": "60000",
    }
    assert reading(environ).problems == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("enable.auto.commit", "true"),
        ("auto.commit.interval.ms", "1000"),
        ("enable.auto.offset.store", "true"),
        ("auto.offset.reset", "latest"),
        ("acks", "1"),
        ("request.required.acks", "0"),
        ("enable.idempotence", "false"),
        ("group.id", "x"),
        ("group.protocol", "consumer"),
        ("group.instance.id", "x"),
        ("partition.assignment.strategy", "range"),
        ("bootstrap.servers", "x:1"),
        ("metadata.broker.list", "x:1"),
        ("message.timeout.ms", "1000"),
        ("delivery.timeout.ms", "1000"),
        ("retries", "3"),
        ("message.send.max.retries", "3"),
        ("max.in.flight", "6"),
        ("max.in.flight.requests.per.connection", "6"),
        ("queuing.strategy", "lifo"),
        ("queue.buffering.max.messages", "10"),
        ("queue.buffering.max.kbytes", "10"),
        ("partitioner", "random"),
        ("delivery.report.only.error", "true"),
        ("allow.auto.create.topics", "true"),
        ("enable.partition.eof", "true"),
        ("enable.gapless.guarantee", "true"),
        ("transactional.id", "x"),
        ("test.mock.num.brokers", "1"),
        ("dr_cb", "x"),
        ("error_cb", "x"),
        ("default.topic.config", "x"),
    ],
)
def test_what_would_break_a_promise_is_refused_with_the_reason(name: str, value: str) -> None:
    problem = only_problem({}, {f"kafka.{name}": value})
    assert f"the client's {name} cannot be {value!r}: " in problem
    assert "; remove it" in problem
    variable = "KAFKA_" + name.upper().replace(".", "_")
    assert f"environment {variable}: the client's " in only_problem({variable: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("acks", "ALL"),
        ("acks", "-1"),
        ("enable.idempotence", "true"),
        ("enable.auto.commit", "False"),
        ("max.in.flight", "5"),
    ],
)
def test_what_is_so_anyway_may_be_said(name: str, value: str) -> None:
    assert reading({}, {f"kafka.{name}": value}).problems == ()


def test_with_the_consumer_protocol_the_time_outs_are_the_brokers() -> None:
    environ = {"KAFKA_SESSION_TIMEOUT_MS": "30000", "KAFKA_CONSUMER_HEARTBEAT_INTERVAL_MS": "2000"}
    found = reading({**environ, "GROUP_PROTOCOL": "consumer"}).problems
    assert len(found) == 2
    assert all("it is the broker's there" in problem for problem in found)
    assert reading({**environ, "GROUP_PROTOCOL": "classic"}).problems == ()
    assert reading(environ).problems == ()


def test_nothing_is_connected_to_and_the_client_is_not_loaded_without_need() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from fanout.config import load; load({'ENDPOINT': 'k:1', 'TOPIC': 't'}, {});"
        "sys.exit('confluent_kafka' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def test_a_problem_has_an_exception_that_names_it() -> None:
    with pytest.raises(SettingsError, match="KAFKA_ACKS"):
        load({**REQUIRED, "KAFKA_ACKS": "1"}, {})
