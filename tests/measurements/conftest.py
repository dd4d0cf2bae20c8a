"""What the quick forms of measurements share."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

from bench.commands import options
from bench.result import Result


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the last result goes: in bench/out it would be the newest, and a plan would be made from it."""
    path = tmp_path / "result.json"

    def keep(result: Result[Any], _: Console) -> None:
        path.write_bytes(msgspec.json.encode(result))

    monkeypatch.setattr(options, "keep", keep)
    return path
