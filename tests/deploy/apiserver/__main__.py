"""`python -m tests.deploy.apiserver build`: make kube-apiserver and kubectl, unless they are there.

The exit code is 1 if they cannot be built here, and the last lines say why.
"""

import sys

from tests.deploy.apiserver.binaries import BuildFailedError, build


def say(line: str) -> None:
    """Show progress at once, also where the output is a file."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1:] != ["build"]:
        sys.exit("usage: python -m tests.deploy.apiserver build")
    try:
        build(say)
    except (BuildFailedError, FileNotFoundError) as error:
        sys.exit(str(error))
