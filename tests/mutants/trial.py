"""One mutant on trial: a copy of the project with the change in it, and the named tests, run there."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.mutants.catalogue import Mutant

ROOT = Path(__file__).parent.parent.parent
COPIED = ("fanout", "tests", "bench", "pyproject.toml")
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".*", "out")
RUN_S = 120.0


class MutantError(Exception):
    """A mutant that does not fit the program any more, or tests that tell nothing."""


class Verdict(NamedTuple):
    """What became of a mutant."""

    mutant: Mutant
    killed_by: dict[str, str]  # test -> how it failed
    survived: tuple[str, ...]  # the named tests that have not failed
    seconds: float


def mutated(mutant: Mutant, text: str) -> str:
    """The text of its file with the change in it. Raises MutantError unless there is exactly one place for it."""
    places = text.count(mutant.old)
    if places != 1:
        raise MutantError(f"{mutant.name}: {places} places in {mutant.path}, not one, for\n{mutant.old}")
    return text.replace(mutant.old, mutant.new)


@contextmanager
def copy() -> Iterator[Path]:
    """A copy of the project, as it lies there now, for as long as the context lasts."""
    with TemporaryDirectory(prefix="fanout-mutant-") as folder:
        place = Path(folder)
        for name in COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, place / name, ignore=LEFT_OUT)
            else:
                shutil.copy2(ROOT / name, place / name)
        yield place


def run(place: Path, tests: Sequence[str]) -> dict[str, str]:
    """Run these tests in this copy: of each that ran, how it failed, or an empty text. Raises MutantError."""
    told = place / "told.json"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "KAFKA_"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.mutants.told", str(told), *tests],
        cwd=place,
        # Before the installed one; and a compiled file of one mutant may not be taken for the next one's.
        env={**environment, "PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=RUN_S)
    except subprocess.TimeoutExpired:
        raise MutantError(f"the tests still run after {RUN_S:g} s: {' '.join(tests)}") from None
    finally:
        _end(process)
    if process.returncode not in (0, 1) or not told.exists():
        raise MutantError(f"the tests could not be run, exit code {process.returncode}\n{output}")
    found: dict[str, str] = json.loads(told.read_text())
    return found


def _end(process: "subprocess.Popen[str]") -> None:
    """End what is left of the run: a mutant may have left processes behind."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        process.wait()


def of(test: str, found: dict[str, str]) -> list[str]:
    """How this test went, once for each of its parameters."""
    return [how for name, how in found.items() if name == test or name.startswith(f"{test}[")]


def try_unchanged(tests: Sequence[str]) -> None:
    """Without a mutant all these tests have to pass, or their failing tells nothing. Raises MutantError."""
    with copy() as place:
        found = run(place, tests)
    wrong = [test for test in tests if not of(test, found) or any(of(test, found))]
    if wrong:
        raise MutantError("these tests do not pass without a mutant:\n" + "\n".join(wrong))


def try_mutant(mutant: Mutant) -> Verdict:
    """Run the tests that have to notice this mutant. Raises MutantError."""
    begun = time.monotonic()
    with copy() as place:
        path = place / mutant.path
        path.write_text(mutated(mutant, path.read_text()))
        found = run(place, mutant.killers)
    killed_by = {test: next(filter(None, of(test, found)), "") for test in mutant.killers}
    survived = tuple(test for test, how in killed_by.items() if not how)
    killed_by = {test: how for test, how in killed_by.items() if how}
    return Verdict(mutant, killed_by, survived, time.monotonic() - begun)
