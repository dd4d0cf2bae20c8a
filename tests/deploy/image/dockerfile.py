"""The Dockerfile as data: its stages and their steps, as they stand there. What is not understood here is refused."""

import json
import re
from pathlib import Path
from typing import NamedTuple

KNOWN = frozenset(
    {"ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "LABEL", "RUN", "STOPSIGNAL", "USER", "WORKDIR"}
)
_PAIR = re.compile(r'(\S+?)=("(?:[^"\\]|\\.)*"|\S*)\s*')
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


class DockerfileError(ValueError):
    """An instruction that is not understood here; the message names it."""


class Step(NamedTuple):
    """One instruction: its word in capitals, and what follows it, on one line."""

    word: str
    text: str


class Stage(NamedTuple):
    """One stage: its name (or its number), what it begins FROM, and its steps in order."""

    name: str
    base: str
    steps: tuple[Step, ...]


def read(path: Path) -> list[Stage]:
    """The stages of a Dockerfile, in order. Raises DockerfileError."""
    stages: list[Stage] = []
    for step in _steps(path.read_text()):
        if step.word == "FROM":
            base, *named = step.text.split()
            stages.append(Stage(named[1] if named[:1] == ["AS"] else str(len(stages)), base, ()))
        elif not stages:
            raise DockerfileError(f"before the first FROM: {step.word} {step.text}")
        else:
            stages[-1] = stages[-1]._replace(steps=(*stages[-1].steps, step))
    return stages


def _steps(text: str) -> list[Step]:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    steps = []
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        rest = " ".join(rest.split()) if word != "RUN" else rest.strip()
        if word not in KNOWN or "<<" in rest or (word == "RUN" and rest.startswith(("--", "["))):
            raise DockerfileError(f"not understood: {line}")
        steps.append(Step(word, rest))
    return steps


def pairs(text: str) -> dict[str, str]:
    """The names and values of an ENV or a LABEL."""
    found = {name: value.strip('"') for name, value in _PAIR.findall(text)}
    if _PAIR.sub("", text):
        raise DockerfileError(f"not NAME=VALUE: {text}")
    return found


def words(text: str) -> list[str]:
    """The words of an ENTRYPOINT or a CMD, which must be in the form that starts no shell."""
    found = json.loads(text) if text.startswith("[") else None
    if not isinstance(found, list):
        raise DockerfileError(f"not in exec form: {text}")
    return [str(word) for word in found]


def expand(text: str, variables: dict[str, str]) -> str:
    """The text with $NAME and ${NAME} replaced; one that is not set is empty, as with docker."""
    return _VARIABLE.sub(lambda found: variables.get(found[1] or found[2], ""), text)
