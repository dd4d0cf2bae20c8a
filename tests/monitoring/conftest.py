import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Promtool = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def promtool() -> Promtool:
    """Runs Prometheus's own tool with these arguments; its output is text, and its end is the caller's to judge."""
    path = shutil.which("promtool")
    assert path is not None, "promtool is missing: `make tools` installs it (Debian's package prometheus)"

    def run(*arguments: str | Path, given: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run([path, *arguments], input=given, capture_output=True, text=True, timeout=60, check=False)

    return run
