"""What the Dockerfile can copy from: the project, as far as .dockerignore lets it through."""

import shutil
from pathlib import Path

from tests.deploy.image.dockerfile import DockerfileError


def allowed(root: Path) -> list[str]:
    """The paths that .dockerignore lets through. Raises DockerfileError if it is no list of what is allowed."""
    lines = [line.strip() for line in (root / ".dockerignore").read_text().splitlines()]
    rules = [line for line in lines if line and not line.startswith("#")]
    if rules[:1] != ["*"]:
        raise DockerfileError(".dockerignore must keep everything out first: *")
    let_in = [rule.removeprefix("!") for rule in rules if rule.startswith("!")]
    if any("*" in path for path in let_in) or rules[1 + len(let_in) :] != ["**/__pycache__"]:
        raise DockerfileError(f".dockerignore: not understood: {rules}")
    return let_in


def copy_context(root: Path, target: Path) -> None:
    """Copy what is allowed to a folder that is not there yet."""
    target.mkdir()
    for name in allowed(root):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        copy(root / name, target / name, "__pycache__")


def copy(source: Path, target: Path, *ignored: str) -> None:
    """Copy a file, or what is in a folder, as COPY does it: modes and times are kept."""
    if source.is_dir():
        ignore = shutil.ignore_patterns(*ignored)
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True, ignore=ignore)
    else:
        shutil.copy2(source, target)
