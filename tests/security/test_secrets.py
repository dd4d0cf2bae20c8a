"""No secret comes out of the program: not in its log, its errors, its commands or its list of processes."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from fanout.cli import commands
from fanout.errors import ExitCode
from tests.security.rights import RIGHTS, SOURCE, grant, names_of
from tests.security.watching import all_words, wait_for_words
from tests.security.ways import CANARY, PLAIN_PASSWORD, PLAIN_USER, Secured, Settings, program
from tests.support import samples
from tests.support.comparing import wait_caught_up
from tests.support.topics import produce

REQUIRED = {"ENDPOINT": "127.0.0.1:1", "TOPIC": "cluster-events"}

# Settings that are wrong in one way or another, or only odd, with a secret in them.
ODD: dict[str, Settings] = {
    "of one side only": {"KAFKA_CONSUMER_SASL_PASSWORD": CANARY, "KAFKA_PRODUCER_SASL_PASSWORD": CANARY},
    "misspelt": {"KAFKA_SASL_PASWORD": CANARY},
    "for Java": {"KAFKA_SASL_JAAS_CONFIG": f'PlainLoginModule required password="{CANARY}";'},
    "a key that is none": {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_KEY_PEM": f"-----BEGIN {CANARY}"},
    "a key under a wrong name": {"KAFKA_SSL_KEY": CANARY},
    "a key store that is none": {"KAFKA_SSL_KEYSTORE_LOCATION": sys.executable, "KAFKA_SSL_KEYSTORE_PASSWORD": CANARY},
    "a key file that is none": {"KAFKA_SSL_KEY_LOCATION": sys.executable, "KAFKA_SSL_KEY_PASSWORD": CANARY},
    "OAUTHBEARER": {
        "KAFKA_SASL_OAUTHBEARER_CONFIG": CANARY,
        "KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET": CANARY,
        "KAFKA_SASL_OAUTHBEARER_ASSERTION_PRIVATE_KEY_PEM": CANARY,
        "KAFKA_SASL_OAUTHBEARER_ASSERTION_PRIVATE_KEY_PASSPHRASE": CANARY,
    },
    "Kerberos": {"KAFKA_SASL_KERBEROS_KINIT_CMD": f"echo {CANARY} | kinit"},
    "given twice": {"KAFKA_SASL_PASSWORD": CANARY, "KAFKA_SASL_PASSWORD_FILE": __file__},
}


@pytest.mark.parametrize("case", ODD)
@pytest.mark.parametrize("output", ["table", "json"])
def test_config_shows_no_secret_whatever_is_wrong(case: str, output: str, capfd: pytest.CaptureFixture[str]) -> None:
    result = CliRunner().invoke(commands, ["config", "--output", output], env={**REQUIRED, **ODD[case]})
    assert result.exit_code in (ExitCode.OK, ExitCode.BAD_SETTINGS)
    said = result.output + "".join(capfd.readouterr())  # the client library writes past Python
    assert "KAFKA_" in said
    assert CANARY not in said


def test_a_file_that_is_no_text_is_not_quoted(tmp_path: Path) -> None:
    (tmp_path / "password").write_bytes(b"\xff" + CANARY.encode())
    given = {**REQUIRED, "KAFKA_SASL_PASSWORD_FILE": str(tmp_path / "password")}
    result = CliRunner().invoke(commands, ["config"], env=given)
    assert "is not UTF-8 text" in result.output
    assert CANARY not in result.output


def test_a_secret_on_the_command_line_is_refused_without_being_repeated() -> None:
    result = CliRunner().invoke(commands, ["run", "--kafka", f"sasl.password={CANARY}"], env=REQUIRED)
    assert result.exit_code == ExitCode.BAD_SETTINGS
    assert "KAFKA_SASL_PASSWORD_FILE" in result.output
    assert CANARY not in result.output


CHECKED: dict[str, Callable[[Secured, str], Settings]] = {
    "password": lambda secured, _: secured.with_plain(),
    "wrong password": lambda secured, _: secured.with_plain(f"wrong-{CANARY}"),
    "certificate": lambda secured, prefix: secured.with_certificate(prefix),
    "wrong key password": lambda secured, prefix: {
        **secured.with_certificate(prefix),
        "KAFKA_SSL_KEY_PASSWORD": f"wrong-{CANARY}",
    },
}


@pytest.mark.parametrize("way", CHECKED)
def test_check_shows_no_secret(secured: Secured, prefix: str, way: str) -> None:
    given = {**CHECKED[way](secured, prefix), "TOPIC": f"{prefix}-source", "KAFKA_DEBUG": "all"}
    environ = {name: value for name, value in os.environ.items() if not name.startswith("KAFKA_")}
    command = [sys.executable, "-m", "fanout", "check"]
    done = subprocess.run(command, env={**environ, **given}, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode in (ExitCode.CHECK_FAILED, ExitCode.BAD_SETTINGS), done.stderr
    said = done.stdout + done.stderr
    assert said
    assert CANARY not in said


def test_neither_log_nor_process_list_shows_a_secret_even_with_all_that_the_client_can_say(
    secured: Secured, prefix: str, tmp_path: Path
) -> None:
    plain, names = secured.kafka.bootstrap, names_of(prefix)
    grant(plain, PLAIN_USER, names, RIGHTS)
    secured.kafka.create_topic(names[SOURCE], partitions=1)
    produce(plain, names[SOURCE], samples.events(["a"], 20))
    (tmp_path / "password").write_text(PLAIN_PASSWORD)
    given = {**secured.with_plain(), "KAFKA_SASL_PASSWORD_FILE": str(tmp_path / "password")}
    del given["KAFKA_SASL_PASSWORD"]
    with program(given, prefix, LOG_LEVEL="debug", KAFKA_DEBUG="all", CREDENTIALS_LOOK_MS=100) as running:
        wait_caught_up(plain, prefix, names[SOURCE])
        for process in [running.pid, running.worker(0)]:
            assert_hidden(psutil.Process(process))
        (tmp_path / "password").write_text(f"wrong-{CANARY}")
        running.wait_for("new credentials not used", 30)
        assert running.terminate() == 0
    wait_for_words(running, "SASL.*PLAIN")  # the client did say all that it can
    assert CANARY not in all_words(running)


def assert_hidden(process: psutil.Process) -> None:
    """A process has no secret where others can look: in its command line, and in the environment that it hands on."""
    assert CANARY not in " ".join(process.cmdline())
    assert CANARY not in str(process.environ())
