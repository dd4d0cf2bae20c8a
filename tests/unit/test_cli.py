import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fanout import __version__
from fanout.cli import commands
from fanout.config import Reload
from fanout.config.sources import FIELDS, flag, variable
from fanout.settings import Settings

REQUIRED = {"ENDPOINT": "kafka:9092", "TOPIC": "cluster-events"}


def call(*args: str, **environ: str) -> Result:
    clean = dict.fromkeys([variable(name) for name in FIELDS], "")
    return CliRunner().invoke(commands, args, env={**clean, **environ}, prog_name="events-fanout")


@pytest.fixture
def watched() -> list[Reload]:
    """The credentials that each run was told to watch."""
    return []


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch, watched: list[Reload]) -> list[Settings]:
    """The settings of each run, in place of a run that ends with exit code 3."""
    from fanout import log
    from fanout.supervisor import app

    calls: list[Settings] = []

    def main(settings: Settings, credentials: Reload) -> int:
        watched.append(credentials)
        calls.append(settings)
        log.get("test").info("ran")
        return 3

    monkeypatch.setattr(app, "main", main)
    return calls


def test_run_takes_the_environment_and_exits_as_the_supervisor_says(ran: list[Settings]) -> None:
    result = call("run", **REQUIRED)
    assert result.exit_code == 3
    assert ran[0].topic == "cluster-events"
    line = json.loads(result.stderr)
    assert (line["message"], line["fanout.role"]) == ("ran", "supervisor")


def test_run_watches_the_files_that_its_secrets_came_from(
    ran: list[Settings], watched: list[Reload], tmp_path: Path
) -> None:
    secret = tmp_path / "password"
    secret.write_text("before\n")
    call("run", "--kafka", "sasl.mechanism=PLAIN", **REQUIRED, KAFKA_SASL_PASSWORD_FILE=str(secret))
    assert ran[0].kafka["sasl.password"] == "before"
    assert watched[0].paths == {str(secret)}
    secret.write_text("after\n")
    now = watched[0].load()
    assert now.kafka == {"sasl.mechanism": "PLAIN", "sasl.password": "after"}
    assert now.topic == ran[0].topic


@pytest.mark.parametrize(
    "args", [["-logLevel=debug"], ["-logLevel", "debug"], ["--logLevel=debug"], ["run", "-logLevel=debug"]]
)
def test_the_command_line_of_the_original_means_run(args: list[str], ran: list[Settings]) -> None:
    assert call(*args, **REQUIRED).exit_code == 3
    assert ran[0].log_level == "debug"


def test_our_own_flag_for_the_level_wins_over_that_of_the_original(ran: list[Settings]) -> None:
    call("-logLevel=debug", "--log-level", "error", **REQUIRED)
    assert ran[0].log_level == "error"


def test_a_flag_alone_switches_on_and_can_switch_off(ran: list[Settings]) -> None:
    call("run", "--slim", "--drop-resync=true", "--provenance-headers", "false", **REQUIRED)
    assert (ran[0].slim, ran[0].drop_resync, ran[0].provenance_headers) == (True, True, False)


def test_properties_of_the_client_are_given_one_by_one(ran: list[Settings]) -> None:
    call("run", "--kafka", "client.id=a=b", "--kafka=debug=cgrp", "--kafka-consumer", "fetch.min.bytes=2", **REQUIRED)
    assert ran[0].kafka == {"client.id": "a=b", "debug": "cgrp"}
    assert ran[0].kafka_consumer == {"fetch.min.bytes": "2"}


def test_ignored_service_links_are_told(ran: list[Settings]) -> None:
    result = call("run", **REQUIRED, KAFKA_PORT="tcp://10.0.0.1:9092")
    first = json.loads(result.stderr.splitlines()[0])
    assert first["fanout.variables"] == ["KAFKA_PORT"]


@pytest.mark.parametrize("command", ["run", "config", "check"])
def test_wrong_settings_are_each_a_line_and_exit_code_2(command: str) -> None:
    result = call(command, ENDPOINT="http://k", TOPIC_PARTITIONS="0")
    assert result.exit_code == 2
    lines = result.stderr.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("events-fanout: ") for line in lines)


def test_a_malformed_property_flag_is_a_usage_error() -> None:
    result = call("config", "--kafka", "client.id", **REQUIRED)
    assert result.exit_code == 2
    assert "--kafka" in result.stderr


def test_config_shows_every_setting_with_its_origin_and_no_secret() -> None:
    result = call(
        "config",
        "--topic-partitions=3",
        **REQUIRED,
        KAFKA_SECURITY_PROTOCOL="SASL_SSL",
        KAFKA_SASL_MECHANISM="PLAIN",
        KAFKA_SASL_USERNAME="u",
        KAFKA_SASL_PASSWORD="hunter2",
        KAFKA_SERVICE_HOST="10.0.0.1",
    )
    assert result.exit_code == 0
    rows = {line.split()[0]: line for line in result.stdout.splitlines()}
    assert all(variable(name) in rows for name in FIELDS)
    assert re.fullmatch(r"TOPIC_PARTITIONS +3 +flag --topic-partitions", rows["TOPIC_PARTITIONS"])
    assert re.fullmatch(r"kafka.sasl.password +hidden +environment KAFKA_SASL_PASSWORD", rows["kafka.sasl.password"])
    assert "KAFKA_SERVICE_HOST is ignored" in result.stdout
    assert "hunter2" not in result.output


def test_config_as_json_holds_settings_and_problems() -> None:
    result = call("config", "--output", "json", ENDPOINT="k:1", KAFKA_PORT="udp://x")
    assert result.exit_code == 2
    shown = json.loads(result.stdout)
    assert {"name": "ENDPOINT", "value": "k:1", "origin": "environment ENDPOINT"} in shown["settings"]
    assert shown["ignored"] == ["KAFKA_PORT"]
    (problem,) = shown["problems"]
    assert problem.startswith("TOPIC is not set")
    assert result.stderr == f"events-fanout: {problem}\n"


def test_config_shows_the_table_even_if_required_settings_are_missing() -> None:
    result = call("config", TOPICS_MAX="7")
    assert result.exit_code == 2
    assert re.search(r"^ENDPOINT +missing$", result.stdout, re.MULTILINE)
    assert re.search(r"^TOPICS_MAX +7 +environment TOPICS_MAX$", result.stdout, re.MULTILINE)


def test_help_tells_every_flag_with_its_variable_and_default() -> None:
    text = " ".join(call("run", "--help").stdout.split())
    for name in FIELDS:
        assert f"{flag(name)} " in text
        assert f"[{variable(name)}; " in text
    assert "[TOPICS_MAX; default 10000]" in text
    assert "[ENDPOINT; required]" in text
    assert "--kafka KEY=VALUE" in text


def test_the_program_tells_its_version_and_its_commands() -> None:
    assert call("--version").stdout == f"events-fanout, version {__version__}\n"
    text = call("--help").stdout
    assert all(f"\n  {command} " in text for command in ("run", "config", "check", "demo"))
    assert "Examples:" in text


def test_an_unknown_command_is_a_usage_error() -> None:
    assert call("fly").exit_code == 2


def test_the_demo_gets_only_what_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    from fanout.demo import run

    calls: list[dict[str, object]] = []

    def main(**given: object) -> int:
        calls.append(given)
        return 1

    monkeypatch.setattr(run, "main", main)
    assert call("demo", "--events", "100", "--plain").exit_code == 1
    assert calls == [{"events": 100, "plain": True}]


def test_run_never_loads_rich() -> None:
    code = (
        "import sys; from fanout.supervisor import app; app.main = lambda *given: 'rich' in sys.modules;"
        "from fanout.cli import main; main()"
    )
    command = [sys.executable, "-c", code, "run", "--endpoint=k:1", "--topic=t"]
    assert subprocess.run(command, check=False, timeout=60).returncode == 0


def test_python_m_is_the_same_program() -> None:
    command = [sys.executable, "-m", "fanout", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == f"events-fanout, version {__version__}\n"
