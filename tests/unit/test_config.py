from collections.abc import Mapping
from pathlib import Path

import pytest
import trustme

from fanout.config import Loaded, Reload, load, read
from fanout.config.properties import is_secret, shown
from fanout.config.sources import FIELDS
from fanout.errors import SettingsError

REQUIRED = {"ENDPOINT": "kafka:9092", "TOPIC": "cluster-events"}
AUTHORITY = trustme.CA().cert_pem.bytes().decode()


def loaded(environ: Mapping[str, str] | None = None, **flags: str) -> Loaded:
    return load({**REQUIRED, **(environ or {})}, flags)


def problems(environ: Mapping[str, str] | None = None, **flags: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        loaded(environ, **flags)
    return caught.value.problems


def only_problem(environ: Mapping[str, str] | None = None, **flags: str) -> str:
    (problem,) = problems(environ, **flags)
    return problem


def test_endpoint_and_topic_are_enough() -> None:
    found = loaded()
    assert found.settings.endpoint == "kafka:9092"
    assert found.settings.groupid == "events-fanout"
    assert found.settings.topic_template == "{namespace}"
    assert found.settings.dead_letter_topic == "cluster-events-dlq"
    assert found.origins["endpoint"] == "environment ENDPOINT"
    assert found.origins["groupid"] == "default"
    assert set(found.origins) == set(FIELDS)


def test_nothing_set_names_both_required_settings_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        load({}, {})
    assert [problem.partition(" is not set; set it")[0] for problem in caught.value.problems] == ["ENDPOINT", "TOPIC"]


def test_flags_win_over_the_environment_and_over_a_broken_environment() -> None:
    found = loaded({"TOPIC_PARTITIONS": "3", "TOPICS_MAX": "many"}, topic_partitions="4", topics_max="5")
    assert (found.settings.topic_partitions, found.settings.topics_max) == (4, 5)
    assert found.origins["topic_partitions"] == "flag --topic-partitions"


def test_an_empty_variable_is_the_default() -> None:
    found = loaded({"TOPIC_PARTITIONS": "", "SLIM": " ", "TOPICS_RESERVED": ""})
    assert found.settings.topic_partitions == 1
    assert found.settings.slim is False
    assert found.settings.topics_reserved == ("__*", "_*", "connect-*", "mm2-*", "strimzi*")
    assert found.origins["slim"] == "default"


def test_an_empty_required_variable_is_missing() -> None:
    assert only_problem({"TOPIC": ""}).startswith("TOPIC is not set")


def test_every_kind_of_value_is_read_from_text() -> None:
    settings = loaded(
        {
            "SLIM": "True",
            "DLQ_MAX_RATIO": "0.25",
            "TOPIC_REPLICATION": "-1",
            "NAMESPACES_DENY": "kube-*, dev-?,",
            "TOPICS_RESERVED": ",",
            "TOPIC_CONFIG": "cleanup.policy=compact,delete, retention.ms=5,x=",
            "TOPIC_CREATE": "NONE",
        }
    ).settings
    assert settings.slim is True
    assert settings.dlq_max_ratio == 0.25
    assert settings.topic_replication == -1
    assert settings.namespaces_deny == ("kube-*", "dev-?")
    assert settings.topics_reserved == ()
    assert settings.topic_config == {"cleanup.policy": "compact,delete", "retention.ms": "5", "x": ""}
    assert settings.topic_create == "none"


@pytest.mark.parametrize(("given", "level"), [("warn", "warning"), ("TRACE", "debug"), ("Info", "info")])
def test_the_levels_of_the_original_are_understood(given: str, level: str) -> None:
    assert loaded({"LOG_LEVEL": given}).settings.log_level == level


@pytest.mark.parametrize(
    ("name", "text", "allowed"),
    [
        ("TOPIC_PARTITIONS", "0", "a whole number from 1 to 2147483647"),
        ("TOPIC_PARTITIONS", "1.5", "a whole number from 1 to 2147483647"),
        ("COMMIT_INTERVAL_MS", "99999999999999999999", "a whole number from 1 to 2147483647"),
        ("TOPIC_REPLICATION", "40000", "a whole number from -1 to 32767"),
        ("DLQ_MAX_RATIO", "nan", "a number above 0, at most 1"),
        ("DLQ_MAX_RATIO", "0", "a number above 0, at most 1"),
        ("SLIM", "yes", "true or false"),
        ("GROUP_PROTOCOL", "new", "one of auto, classic, consumer"),
        ("TOPIC_CONFIG", "retention.ms", "key=value,key=value"),
        ("TOPIC_CONFIG", "a=1,a=2", "key=value,key=value"),
    ],
)
def test_a_wrong_value_is_told_with_what_is_allowed(name: str, text: str, allowed: str) -> None:
    assert only_problem({name: text}) == f"{name} is {text!r} (environment {name}); give {allowed}"


def test_all_wrong_settings_are_told_at_once() -> None:
    found = problems(
        {
            "ENDPOINT": "http://kafka:9092",
            "TOPIC_PARTITIONS": "none",
            "TOPIC_TEMPLATE": "events",
            "LEASE_MS": "60000",
            "KAFKA_ACKS": "1",
            "KAFKA_NONSENSE": "1",
        },
        slim="maybe",
    )
    assert len(found) == 7
    assert all("; " in problem for problem in found)  # each says what to do


@pytest.mark.parametrize("endpoint", ["kafka:9092", "kafka", "a:1,b.c:65535", "10.0.0.1:9092, k_1:2", "[::1]:9092"])
def test_brokers_are_given_as_host_and_port(endpoint: str) -> None:
    assert loaded({"ENDPOINT": endpoint}).settings.endpoint == endpoint


@pytest.mark.parametrize(
    "endpoint", ["http://k:9092", "SSL://k:9093", "k:0", "k:65536", "k:x", "a b:1", "k:9092,", "::1:9092", "user@k:1"]
)
def test_an_endpoint_that_no_client_could_use_is_refused(endpoint: str) -> None:
    assert only_problem({"ENDPOINT": endpoint}).startswith("ENDPOINT has ")


@pytest.mark.parametrize("name", ["a b", "..", "x" * 250, "a/b", "ä"])
def test_names_that_kafka_does_not_allow_are_refused(name: str) -> None:
    assert only_problem({"TOPIC": name, "DLQ_TOPIC": "dlq"}).startswith("TOPIC is ")
    assert only_problem({"DLQ_TOPIC": name}).startswith("DLQ_TOPIC is ")


def test_the_default_dead_letter_topic_has_to_have_a_legal_name_too() -> None:
    assert "give a shorter one" in only_problem({"TOPIC": "x" * 248})


def test_dead_letters_cannot_go_to_the_source() -> None:
    assert "read again without end" in only_problem({"DLQ_TOPIC": "cluster-events"})


@pytest.mark.parametrize(
    "template",
    [
        "events",
        "{namespace}-{namespace}",
        "{ns}-{namespace}",
        "{{namespace}}",
        "k8s/{namespace}",
        "x" * 187 + "{namespace}",
    ],
)
def test_a_template_names_one_legal_topic_for_each_namespace(template: str) -> None:
    assert only_problem({"TOPIC_TEMPLATE": template}).startswith("TOPIC_TEMPLATE is ")


def test_a_template_whose_topics_are_all_reserved_is_refused() -> None:
    assert "nothing could be delivered" in only_problem({"TOPIC_TEMPLATE": "_events.{namespace}"})
    assert "nothing could be delivered" in only_problem({"TOPICS_RESERVED": "*"})
    loaded({"TOPICS_RESERVED": "a*"})  # some namespaces only: their events are refused one by one


@pytest.mark.parametrize("path", [".", "a..b", "a.b.", "a. b"])
def test_a_namespace_path_is_names_with_dots_between(path: str) -> None:
    assert only_problem({"NAMESPACE_PATH": path}).startswith("NAMESPACE_PATH is ")
    assert loaded({"NAMESPACE_PATH": " a.b "}).settings.namespace_path == "a.b"


def test_a_broker_timestamp_is_refused_for_destinations() -> None:
    assert "keep their timestamps" in only_problem({"TOPIC_CONFIG": "message.timestamp.type=LogAppendTime"})


def test_the_lease_is_shorter_than_the_session() -> None:
    assert "which is 45000" in only_problem({"LEASE_MS": "45000"})
    assert "which is 9000" in only_problem({"KAFKA_CONSUMER_SESSION_TIMEOUT_MS": "9000"})
    loaded({"KAFKA_SESSION_TIMEOUT_MS": "9000", "LEASE_MS": "5000"})


def test_the_session_outlives_a_lost_heartbeat() -> None:
    environ = {"KAFKA_SESSION_TIMEOUT_MS": "5000", "LEASE_MS": "3000"}
    assert "heartbeat.interval.ms is 3000" in only_problem(environ)
    loaded({**environ, "KAFKA_HEARTBEAT_INTERVAL_MS": "1000"})


def test_a_drain_ends_before_the_group_loses_patience() -> None:
    assert "max.poll.interval.ms, which is 300000" in only_problem({"DRAIN_TIMEOUT_MS": "300000"})


def test_bounds_in_flight_fit_the_client() -> None:
    assert "10000000 at most" in only_problem({"INFLIGHT_RECORDS": "10000001"})
    environ = {"INFLIGHT_BYTES": "1000000", "KAFKA_MESSAGE_MAX_BYTES": "2000000"}
    assert "raise INFLIGHT_BYTES" in only_problem(environ)


def test_any_setting_can_be_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "topic"
    path.write_text("events-of-all\r\n")
    found = load({"ENDPOINT": "k:1", "TOPIC_FILE": str(path)}, {})
    assert found.settings.topic == "events-of-all"
    assert found.origins["topic"] == f"file {path} (TOPIC_FILE)"


def test_a_file_that_cannot_be_used_is_one_problem_and_not_a_missing_setting_too(tmp_path: Path) -> None:
    absent, empty, binary = tmp_path / "absent", tmp_path / "empty", tmp_path / "binary"
    empty.write_text("\n")
    binary.write_bytes(b"\xff\xfe")
    for path, said in ((absent, "cannot be read"), (tmp_path, "cannot be read"), (empty, "empty"), (binary, "UTF-8")):
        with pytest.raises(SettingsError) as caught:
            load({"ENDPOINT": "k:1", "TOPIC_FILE": str(path)}, {})
        (problem,) = caught.value.problems
        assert problem.startswith("TOPIC_FILE: the file ")
        assert said in problem


def test_a_setting_and_its_file_are_not_both_given(tmp_path: Path) -> None:
    assert only_problem({"TOPIC_FILE": str(tmp_path)}) == "TOPIC and TOPIC_FILE are both set; unset one of them"


def test_what_is_right_can_be_seen_beside_what_is_wrong() -> None:
    reading = read({"ENDPOINT": "k:1", "TOPICS_MAX": "x"}, {})
    rows = {row.name: row for row in reading.rows()}
    assert len(reading.problems) == 2
    assert rows["ENDPOINT"].value == "k:1"
    assert (rows["TOPIC"].value, rows["TOPIC"].origin) == ("", "missing")
    assert (rows["TOPICS_MAX"].value, rows["TOPICS_MAX"].origin) == ("", "environment TOPICS_MAX")
    assert rows["TOPICS_RESERVED"].value == "__*,_*,connect-*,mm2-*,strimzi*"


def reload_of(environ: Mapping[str, str], **flags: str) -> Reload:
    given = {**REQUIRED, **environ}
    return Reload(given, flags, load(given, flags).settings)


def test_the_files_of_credentials_are_those_of_secrets_and_those_that_the_client_reads_once(tmp_path: Path) -> None:
    for name in ("ca.crt", "user", "password", "topic", "token"):
        (tmp_path / name).write_text("x" if name != "ca.crt" else AUTHORITY)
    reload = reload_of(
        {
            "KAFKA_SSL_CA_LOCATION": str(tmp_path / "ca.crt"),
            "KAFKA_SASL_USERNAME_FILE": str(tmp_path / "user"),
            "KAFKA_CONSUMER_SASL_PASSWORD_FILE": str(tmp_path / "password"),
            "KAFKA_CLIENT_RACK_FILE": str(tmp_path / "topic"),
            "GROUPID_FILE": str(tmp_path / "topic"),
        }
    )
    assert reload.located == {str(tmp_path / "ca.crt")}
    assert reload.paths == reload.located | {str(tmp_path / "user"), str(tmp_path / "password")}
    assert reload_of({"KAFKA_SSL_CA_LOCATION": "probe"}).paths == set(), "a word, and no file"


def test_of_what_has_changed_only_credentials_are_loaded_again(tmp_path: Path) -> None:
    for name in ("password", "group", "rack"):
        (tmp_path / name).write_text("before")
    reload = reload_of(
        {
            "KAFKA_SASL_MECHANISM": "PLAIN",
            "KAFKA_SASL_PASSWORD_FILE": str(tmp_path / "password"),
            "KAFKA_CLIENT_RACK_FILE": str(tmp_path / "rack"),
            "GROUPID_FILE": str(tmp_path / "group"),
        },
        stop_timeout_ms="1234",
    )
    for name in ("password", "group", "rack"):
        (tmp_path / name).write_text("after")
    now = reload.load()
    assert now.kafka["sasl.password"] == "after"
    assert now.kafka["client.rack"] == "before"
    assert (now.groupid, now.stop_timeout_ms) == ("before", 1234)


def test_credentials_that_are_wrong_as_settings_are_not_loaded(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("before")
    reload = reload_of({"KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SASL_PASSWORD_FILE": str(file)})
    file.write_text("")
    with pytest.raises(SettingsError, match="is empty"):
        reload.load()


@pytest.mark.parametrize(
    "name",
    ["sasl.pasword", "sasl.passwort", "ssl.key.pasphrase", "sasl.jaas.config", "ssl.key", "sasl.kerberos.kinit.cmd"],
)
def test_what_may_hold_a_secret_under_a_wrong_name_is_not_shown(name: str) -> None:
    assert shown(name, "x") == "hidden"
    assert not is_secret(name), "the client may say what is wrong with it"


@pytest.mark.parametrize("name", ["sasl.username", "ssl.key.location", "ssl.ca.location", "sasl.mechanism"])
def test_what_is_no_secret_is_shown(name: str) -> None:
    assert shown(name, "x") == "x"


@pytest.mark.parametrize("series", ["off", "all", "top:1", "top:50"])
def test_metrics_by_destination_are_off_all_or_of_the_busiest(series: str) -> None:
    assert loaded({"METRICS_NAMESPACES": series}).settings.metrics_namespaces == series


@pytest.mark.parametrize("series", ["top", "top:0", "top:x", "some"])
def test_what_metrics_by_destination_may_be_is_told(series: str) -> None:
    assert "give off, all, or top:N" in only_problem({"METRICS_NAMESPACES": series})


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    assert "HTTP_PORT" in only_problem({"HTTP_PORT": port})
