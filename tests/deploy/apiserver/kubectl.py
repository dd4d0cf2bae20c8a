"""The built kubectl, as a person would use it, and what it answered."""

import os
import subprocess
from pathlib import Path

import msgspec

from tests.deploy.apiserver.binaries import program

ROOT = Path(__file__).parents[3]
TIMEOUT_S = 90.0


class Answer(msgspec.Struct, frozen=True):
    """What kubectl wrote, and how it ended. `err` holds warnings as well, which are no failure."""

    code: int
    out: str
    err: str


class KubectlError(AssertionError):
    """It ended with another exit code than 0; the message holds what it said, and so does `answer`."""

    def __init__(self, arguments: tuple[str, ...], answer: Answer) -> None:
        super().__init__(f"kubectl {' '.join(arguments)}: exit code {answer.code}\n{answer.err}{answer.out}")
        self.answer = answer


def environment(kubeconfig: Path, cache: Path) -> dict[str, str]:
    """What a kubectl (or a client) of this kubeconfig runs with. `cache` keeps what servers can do, by address."""
    return {**os.environ, "KUBECONFIG": str(kubeconfig), "KUBECACHEDIR": str(cache), "KUBERC": "off"}


def ask(arguments: tuple[str, ...], stdin: str, variables: dict[str, str]) -> Answer:
    """Run it to its end, in the root of the project. Raises NotBuiltError, subprocess.TimeoutExpired."""
    done = subprocess.run(
        [str(program("kubectl")), *arguments],
        input=stdin,
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=variables,
        timeout=TIMEOUT_S,
        check=False,
    )
    return Answer(done.returncode, done.stdout, done.stderr)
