"""docs/security.md says what the tests of this folder run."""

import re
from pathlib import Path
from unittest import mock

import pytest

from bench.broker.security import Certificates
from tests.security.rights import EXAMPLE, commands, table
from tests.security.ways import Secured, Settings

PAGE = (Path(__file__).parents[2] / "docs" / "security.md").read_text()
BLOCKS = [block.splitlines() for block in re.findall(r"(?:^    KAFKA_.*\n)+", PAGE, re.MULTILINE)]


def names(settings: Settings) -> set[str]:
    """The variables, with those of secrets as the page gives them: read from a file."""
    return {re.sub("PASSWORD$", "PASSWORD_FILE", name) for name in settings if name != "ENDPOINT"}


def test_the_table_of_rights_is_the_one_that_is_tested() -> None:
    [rows] = re.findall(r"^\| on \| operation \|.*\n(?:\| .*\n)+", PAGE, re.MULTILINE)
    assert rows.splitlines()[2:] == table()


def test_the_commands_grant_what_is_tested() -> None:
    [block] = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    assert block.splitlines() == commands("events-fanout", EXAMPLE)


@pytest.mark.parametrize("number", range(3), ids=["tls", "mutual-tls", "password"])
def test_the_settings_of_each_way_in_are_those_that_are_tested(number: int, tmp_path: Path) -> None:
    secured = Secured(mock.Mock(bootstrap_of=str), Certificates(tmp_path))
    tested = [secured.over_tls(), secured.with_certificate("user"), secured.with_plain()]
    assert {line.strip().partition("=")[0] for line in BLOCKS[number]} == names(tested[number])
