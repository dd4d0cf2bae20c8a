"""`python -m tests.deploy.image fetch`: get what the image is made of; `build`: take the Dockerfile's steps.

`build FOLDER` mounts a tmpfs there and is to be started in a mount namespace of its own, as `running.Image` does: what
it built is there as long as the namespace is, and it waits for the end of its input. Only root can do that.
"""

import subprocess
import sys
from pathlib import Path

import msgspec

from tests.deploy.image.build import Terms, build
from tests.deploy.image.dockerfile import DockerfileError
from tests.deploy.image.tree import StepError
from tests.deploy.image.wheels import ROOT, fetch, wheels

USAGE = "usage: python -m tests.deploy.image fetch | build FOLDER NAME=VALUE..."


def _say(line: str) -> None:
    sys.stderr.write(f"{line.rstrip()}\n")


def _build(folder: Path, given: list[str]) -> None:
    subprocess.run(["/bin/mount", "-t", "tmpfs", "tmpfs", str(folder)], check=True)
    arguments = {name: value for name, _, value in (argument.partition("=") for argument in given)}
    # In place of the network: what was fetched, and only that.
    environment = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels())}
    built = build(folder, Terms(ROOT, arguments, environment, _say))
    sys.stdout.write(f"{msgspec.json.encode(built).decode()}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    try:
        match sys.argv[1:]:
            case ["fetch"]:
                fetch()
            case ["build", folder, *given]:
                _build(Path(folder), given)
            case _:
                sys.exit(USAGE)
    except (StepError, DockerfileError, subprocess.CalledProcessError) as error:
        sys.exit(str(error))
