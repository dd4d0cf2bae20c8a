"""Run tests and tell of each what became of it: `python -m tests.mutants.told OUT TEST...`, in the tree to be tested.

OUT gets a JSON object: a test's id -> how it failed, or an empty text where it passed. The exit code is pytest's.
"""

import json
import sys
from pathlib import Path

import pytest

import fanout

# Nothing of one run is left for the next, and a test that hangs ends before its run does.
OPTIONS = ("-q", "-p", "no:cacheprovider", "--timeout=30")


class _Told:
    """What became of each test that was run. One that could not be set up has neither passed nor failed."""

    def __init__(self) -> None:
        self.of: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self.of[report.nodeid] = _first_line(report.longreprtext) if report.failed else ""


def _first_line(failure: str) -> str:
    """What pytest marks with an E, the first line of it."""
    marked = (line[1:].strip() for line in failure.splitlines() if line.startswith("E "))
    return next(marked, "failed")


def main() -> int:
    """Run, and tell."""
    if not Path(fanout.__file__).is_relative_to(Path.cwd()):
        raise RuntimeError(f"not the program of this folder: {fanout.__file__}")
    told = _Told()
    code = pytest.main([*OPTIONS, *sys.argv[2:]], plugins=[told])
    Path(sys.argv[1]).write_text(json.dumps(told.of))
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
