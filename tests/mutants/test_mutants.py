"""Every mutant fits the program, every test that it names is there, and what survives is told.

That each is killed is what `make mutants` shows.
"""

import ast
import subprocess
import sys

import pytest

from tests.mutants import __main__ as program
from tests.mutants import trial
from tests.mutants.catalogue import FAULTS, MUTANTS, Mutant
from tests.mutants.trial import ROOT, MutantError, mutated, try_mutant, try_unchanged

EACH = pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])

HARMLESS = Mutant(
    "none", "a comment",
    "fanout/worker/offsets.py",
    "# The round itself holds one until all it read has been handed on.",
    "# The round itself holds one.",
    ("tests/unit/test_offsets.py::test_a_window_is_done_when_its_last_ticket_is_given_back",),
)  # fmt: skip
HARMFUL = HARMLESS._replace(old="self._tickets -= 1", new="self._tickets = 0")


@EACH
def test_a_mutant_fits_in_one_place_and_is_another_program_there(mutant: Mutant) -> None:
    text = (ROOT / mutant.path).read_text()
    # Of what does not compile, any test is a killer.
    assert ast.dump(ast.parse(mutated(mutant, text))) != ast.dump(ast.parse(text))
    assert mutant.killers


def test_there_is_a_mutant_for_each_fault_and_no_two_have_one_name() -> None:
    assert list(dict.fromkeys(mutant.fault for mutant in MUTANTS)) == list(FAULTS)
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_every_test_that_a_mutant_names_is_there() -> None:
    tests = sorted({test for mutant in MUTANTS for test in mutant.killers})
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *tests],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    collected = {line.partition("[")[0] for line in found.stdout.splitlines() if "::" in line}
    assert collected == set(tests)


@pytest.mark.parametrize("places", [0, 2])
def test_a_mutant_that_does_not_fit_in_one_place_is_an_error(places: int) -> None:
    with pytest.raises(MutantError, match=f"{places} places"):
        mutated(HARMFUL, "self._tickets -= 1\n" * places)


def test_a_mutant_that_no_test_notices_survives_and_one_that_is_noticed_does_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    killed = try_mutant(HARMFUL)
    assert not killed.survived
    assert killed.killed_by.keys() == set(HARMFUL.killers)
    assert program.main([HARMLESS]) == 1
    assert program.SURVIVED in capsys.readouterr().out
    assert "def give" in (ROOT / HARMFUL.path).read_text(), "the project itself is left alone"


def test_tests_that_are_not_there_are_an_error() -> None:
    with pytest.raises(MutantError, match="could not be run"):
        try_unchanged(["tests/unit/test_offsets.py::test_of_no_such_name"])


@pytest.mark.parametrize("found", [{"a": "", "b[1]": "", "b[2]": "it failed"}, {"a": ""}], ids=["failed", "not run"])
def test_a_test_that_does_not_pass_without_a_mutant_is_an_error_and_no_killer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], found: dict[str, str]
) -> None:
    monkeypatch.setattr(trial, "run", lambda *_: found)
    assert program.main([HARMFUL._replace(killers=("a", "b"))]) == 2
    assert "do not pass without a mutant:\nb\n" in capsys.readouterr().err
