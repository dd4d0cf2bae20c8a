"""Which cluster is measured on: what --bootstrap and KAFKA_* come to, what is refused, and what a result says of it."""

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import TypeVar

import click
import msgspec
import pytest
from click.testing import CliRunner
from confluent_kafka import KafkaError, KafkaException
from rich.table import Table

from bench import result
from bench.__main__ import main
from bench.broker import LOCAL, LocalKafka, OwnKafka, OwnKafkaError, Target, Terms, terms
from bench.broker.target import LOCAL_TOLD, target_of
from bench.cases import Case, Plan, measure
from bench.commands import options
from bench.compare import Plan as ComparePlan
from bench.compare import compare
from bench.load import Shape
from bench.peers.ours import ours
from bench.peers.peer import Job, Peer, Started
from bench.rig import Cpu
from bench.tables.compare import table as compare_table
from bench.tables.latency import machine_table
from bench.tables.scale import scale_table
from bench.tables.sustain import sustain_table
from bench.tables.sweep import sweep_tables
from bench.tables.throughput import throughput_table
from bench.throughput import Throughput
from fanout.errors import SettingsError
from tests.unit import results
from tests.unit.measuring import shown

T = TypeVar("T")
ADDRESS = "kafka.example:9092"
SECURE = {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SASL_USERNAME": "me"}
OWN = Target(ADDRESS)


def target(environ: Mapping[str, str]) -> Target:
    return target_of(ADDRESS, environ, print)


def test_without_an_address_a_local_broker_is_started_and_nothing_else_holds() -> None:
    kafka = LOCAL.open({"log.retention.ms": "1"}, ["TOPIC_TEMPLATE"])
    assert isinstance(kafka, LocalKafka)
    assert terms(kafka) == Terms()
    assert LOCAL.told() == LOCAL_TOLD == "local broker"


def test_kafka_variables_say_how_to_get_in_to_the_bench_and_to_the_program(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("hunter2\n")
    environ = SECURE | {"KAFKA_SASL_PASSWORD_FILE": str(password), "PATH": "/bin", "TOPIC": "events", "KAFKA_DEBUG": ""}
    found = target(environ)
    assert found.client == {
        "security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN", "sasl.username": "me", "sasl.password": "hunter2",
    }  # fmt: skip
    assert found.environment == SECURE | {"KAFKA_SASL_PASSWORD_FILE": str(password)}
    kafka = found.open({})
    assert isinstance(kafka, OwnKafka)
    assert (kafka.bootstrap, kafka.terms.client) == (ADDRESS, found.client)
    assert kafka.terms.environment == found.environment
    assert "hunter2" not in repr(found) + repr(kafka.terms)


def test_what_kubernetes_sets_beside_a_service_named_kafka_is_no_property() -> None:
    links = {"KAFKA_SERVICE_HOST": "10.0.0.1", "KAFKA_PORT": "tcp://10.0.0.1:9092"}
    assert target(links).environment == {}


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"KAFKA_PRODUCER_LINGER_MS": "20"}, "environment KAFKA_PRODUCER_LINGER_MS: it says more than how to get in"),
        ({"KAFKA_FETCH_MIN_BYTES": "1000"}, "KAFKA_FETCH_MIN_BYTES: it says more than how to get in"),
        ({"KAFKA_CONSUMER_SASL_USERNAME": "other"}, "KAFKA_CONSUMER_SASL_USERNAME: it says more"),
        ({"KAFKA_HEAP_OPTS": "-Xmx1g"}, "KAFKA_HEAP_OPTS"),
        ({"KAFKA_SECURITY_PROTOCOL": "PLAIN"}, "KAFKA_SECURITY_PROTOCOL"),
        ({"KAFKA_SASL_PASSWORD_FILE": "nowhere"}, "KAFKA_SASL_PASSWORD_FILE: the file nowhere cannot be read"),
    ],
)
def test_variables_that_say_more_or_are_wrong_are_refused(environ: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        target(environ)


@pytest.mark.parametrize("address", ["kafka:port", "http://kafka:9092", "kafka:9092,"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    done = CliRunner().invoke(main, ["throughput", "--bootstrap", address])
    assert done.exit_code == 2
    assert "give host:port" in " ".join(done.output.split())


@pytest.mark.parametrize(
    "name", ["TOPIC_TEMPLATE", "DLQ_TOPIC", "DLQ_TOPIC_FILE", "NAMESPACE_PATH", "GROUPID", "TOPIC", "ENDPOINT"]
)
def test_settings_that_would_lead_the_program_to_other_topics_are_refused(name: str) -> None:
    with pytest.raises(OwnKafkaError, match=f"^{name}: not on {ADDRESS}"):
        OWN.open({}, ["INFLIGHT_RECORDS", name])
    plan = Plan(cases=[Case(name="a", shape=Shape(namespaces=1), settings={name: "x"})], events=1, turns=1)
    with pytest.raises(OwnKafkaError, match=name):
        measure(plan, lambda *_: None, OWN)


def test_a_case_that_is_to_be_far_away_is_refused_there() -> None:
    plan = Plan(cases=[Case(name="5 ms away", shape=Shape(namespaces=1), rtt_ms=5.0)], events=1, turns=1)
    with pytest.raises(OwnKafkaError, match="5 ms away: no proxy can be put in front"):
        measure(plan, lambda *_: None, OWN)


def never(_: Job) -> Started:
    raise AssertionError("nothing is started here")


def test_programs_that_cannot_take_the_variables_are_refused_before_anything_is_built() -> None:
    def build() -> None:
        pytest.fail("built")

    plan = ComparePlan(destinations=[1], events=1, turns=1, shape=Shape(namespaces=1))
    programs = [ours({}), Peer("at-1234567", lambda: None, never), Peer("franz-go", build, never)]
    told = "^franz-go: of the programs events-fanout alone is told by KAFKA_SECURITY_PROTOCOL"
    with pytest.raises(OwnKafkaError, match=told):
        compare(plan, programs, print, target({"KAFKA_SECURITY_PROTOCOL": "SSL"}))


def answering(monkeypatch: pytest.MonkeyPatch, brokers: int) -> None:
    """With so many brokers; without one, not at all."""

    def list_topics(timeout: float) -> SimpleNamespace:
        if not brokers:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        return SimpleNamespace(brokers=dict.fromkeys(range(brokers)))

    monkeypatch.setattr("bench.broker.target.AdminClient", lambda _: SimpleNamespace(list_topics=list_topics))


def test_a_result_says_on_which_cluster_it_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result, "kafka_version", lambda: "4.3.1")
    answering(monkeypatch, 3)
    made = options.measuring("throughput", OWN).result([1])
    assert made.cluster == f"{ADDRESS}, 3 brokers, topics with its default replication"
    assert "kafka" not in made.versions, "it is that of the local broker"
    local = options.measuring("throughput", LOCAL).result([1])
    assert (local.cluster, local.versions["kafka"]) == ("local broker", "4.3.1")
    old = msgspec.to_builtins(local)
    del old["cluster"]
    assert msgspec.convert(old, result.Result[list[int]]).cluster == "local broker"


def test_a_cluster_that_does_not_answer_is_told_before_anything_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, 0)
    done = CliRunner().invoke(main, ["throughput"], env={"EVENTS_FANOUT_BENCH_BOOTSTRAP": ADDRESS})
    assert done.exit_code == 1
    assert f"Error: no answer from {ADDRESS}" in done.output


def test_the_cluster_of_the_environment_is_no_mistake_of_a_plan(tmp_path: Path) -> None:
    there = {"EVENTS_FANOUT_BENCH_BOOTSTRAP": ADDRESS}
    given = ["plan", "--story", "small", "--from", str(tmp_path / "none")]
    assert "does not exist" in CliRunner().invoke(main, given, env=there).output
    (tmp_path / "none").write_text("{}")
    assert "is no result" in CliRunner().invoke(main, given, env=there).output
    assert "--bootstrap: only with --check" in CliRunner().invoke(main, [*given, "--bootstrap", ADDRESS]).output


@pytest.mark.parametrize(
    "name", ["throughput", "sweep", "scale", "recover", "compare", "ab", "latency", "sustain", "plan"]
)
def test_every_measurement_can_be_made_there(name: str) -> None:
    assert "EVENTS_FANOUT_BENCH_BOOTSTRAP" in CliRunner().invoke(main, [name, "--help"]).output


def test_a_secret_is_not_taken_from_the_command_line_which_stands_in_the_result() -> None:
    done = CliRunner().invoke(main, ["throughput", "--set", "KAFKA_SASL_PASSWORD=hunter2"])
    assert done.exit_code == 2
    assert "KAFKA_SASL_PASSWORD is a secret" in done.output
    assert "hunter2" not in done.output
    context = click.Context(main)
    given = ("KAFKA_SASL_PASSWORD_FILE=there", "KAFKA_SSL_CA_LOCATION=here")
    assert len(options.settings(context, click.Option(["--set"]), given)) == 2


def of_own(data: T) -> T:
    """The same as it is read again when it was measured on the user's cluster: JSON has null for what is not known."""
    text, count = re.subn(rb'"(broker_cpu_s|broker_s)":[0-9.e-]+', rb'"\1":null', msgspec.json.encode(data))
    assert count > 1
    return msgspec.json.decode(text, type=type(data))


def test_what_is_not_known_of_the_broker_can_be_written_and_read_again() -> None:
    found = of_own(results.throughput())
    [turn, *_] = found.measured[0].turns
    assert math.isnan(turn.broker_cpu_s)
    assert all(map(math.isnan, found.measured[0].broker_us()))
    text = msgspec.json.encode(found)
    assert text.count(b'"broker_cpu_s":null') == 12, "NaN is written as null"
    assert msgspec.json.encode(msgspec.json.decode(text, type=Throughput)) == text
    cpu = msgspec.json.decode(msgspec.json.encode(Cpu(program_s=1.0, broker_s=math.nan)), type=Cpu)
    assert math.isnan(cpu.since(cpu).broker_s)
    assert cpu.since(cpu).program_s == 0.0


@pytest.mark.parametrize(
    ("tables", "times"),
    [
        (lambda: [throughput_table(of_own(results.throughput()))], 3),
        (lambda: sweep_tables(of_own(results.sweep())), 21),
        (lambda: [scale_table(of_own(results.scale(2, fitted=False)))], 2),
        (lambda: [machine_table(of_own(results.latency()))], 4),
        (lambda: [sustain_table(of_own(results.sustain()))], 4),
        (lambda: [compare_table(of_own(results.compared()))], 8),
    ],
)
def test_tables_say_of_the_broker_that_it_is_not_known(tables: Callable[[], list[Table]], times: int) -> None:
    text = shown(*tables())
    assert text.count("not known") == times
    assert not re.search(r"\bnan\b", text)


def test_requests_that_were_not_counted_are_told_as_not_measured() -> None:
    found = msgspec.structs.replace(results.case("20 destinations", 8.0), requests_per_event=None)
    text = shown(throughput_table(Throughput(events=1, measured=[found])))
    [row] = [line for line in text.splitlines() if "records a request" in line]
    assert "not measured" in row
