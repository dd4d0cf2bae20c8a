"""The packages that the Dockerfile installs, fetched beforehand by hash, so that a build here needs no network."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
LOCKS = (ROOT / "requirements" / "build.txt", ROOT / "requirements" / "image.txt")
_CACHE = ROOT / ".cache" / "image"
WHEELS = _CACHE / "wheels"
_DONE = _CACHE / "locks"


class NotFetchedError(RuntimeError):
    """They are not here, or those of other locks are."""


def fetch() -> None:
    """Fetch what the locks name and is not here. Raises subprocess.CalledProcessError."""
    if _done():
        return
    shutil.rmtree(_CACHE, ignore_errors=True)
    for lock in LOCKS:
        subprocess.run(
            [
                sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
                "--require-hashes", "--only-binary", ":all:", "--requirement", str(lock), "--dest", str(WHEELS),
            ],
            check=True,
        )  # fmt: skip
    _DONE.write_text(_locked())


def wheels() -> Path:
    """The folder that holds them. Raises NotFetchedError."""
    if not _done():
        raise NotFetchedError("what the image is made of is not here: run python -m tests.deploy.image fetch")
    return WHEELS


def _done() -> bool:
    return _DONE.is_file() and _DONE.read_text() == _locked()


def _locked() -> str:
    return "".join(lock.read_text() for lock in LOCKS)
