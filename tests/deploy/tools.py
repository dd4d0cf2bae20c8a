"""Where the programs are that read manifests: `make tools-deploy` installs them."""

import shutil
from pathlib import Path

FOLDER = Path(__file__).parents[2] / ".cache" / "manifests" / "bin"


def tool(name: str) -> Path:
    """Path of a program of requirements/manifests.txt or on the PATH. Raises AssertionError if it is nowhere."""
    path = FOLDER / name
    if path.is_file():
        return path
    found = shutil.which(name)
    assert found is not None, f"{name} is missing: run make tools-deploy"
    return Path(found)
