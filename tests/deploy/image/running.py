"""The image as a context manager: built when it is entered, gone when it is left; its program run as a container is."""

import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import msgspec

from bench.broker.tether import Tether
from tests.deploy.image.build import Built
from tests.deploy.image.wheels import ROOT, wheels


class BuildError(RuntimeError):
    """The Dockerfile's steps could not be taken; the message holds what was said."""


class Image:
    """Entering it takes the Dockerfile's steps, half a minute, as root, in a mount namespace of its own."""

    def __init__(self, arguments: Mapping[str, str]) -> None:
        self._arguments = arguments
        self._cleanup = contextlib.ExitStack()

    def __enter__(self) -> Self:
        wheels()
        with contextlib.ExitStack() as stack:
            self.tether = Tether()
            stack.callback(self.tether.close)
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="events-fanout-image-"))
            said = stack.enter_context((Path(folder) / "said").open("w+b"))
            (Path(folder) / "stages").mkdir()
            given = [f"{name}={value}" for name, value in self._arguments.items()]
            self._holder = subprocess.Popen(
                [
                    _tool("unshare"), "--mount", "--propagation", "private", "--fork", "--kill-child=SIGKILL",
                    sys.executable, "-m", "tests.deploy.image", "build", f"{folder}/stages", *given,
                ],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, cwd=ROOT,
            )  # fmt: skip
            stack.callback(self._release)
            assert self._holder.stdout is not None
            line = self._holder.stdout.readline()
            if not line:
                said.seek(0)
                raise BuildError(said.read().decode(errors="replace"))
            self.built = msgspec.json.decode(line, type=Built)
            self._cleanup = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    def _release(self) -> None:
        self._holder.communicate()

    def inside(self, *command: str) -> list[str]:
        """The command line that runs a command where the build's file systems are seen, as root."""
        return [_tool("nsenter"), f"--mount=/proc/{self._holder.pid}/ns/mnt", "--", *command]

    def container(self, command: Sequence[str], environment: Mapping[str, str] = {}) -> list[str]:
        """The command line that runs a command as Kubernetes would.

        As process 1 of a PID namespace, as the image's user, with no capability and no way to more, on the image's
        file system, of which nothing can be written; there is no other, not even /tmp. The network is this machine's.
        """
        user, group = self.built.user.split(":")
        given = {**self.built.environment, **environment}
        return self.inside(
            _tool("unshare"), "--mount", "--pid", "--fork", "--kill-child=SIGKILL", f"--root={self.built.root}",
            "--mount-proc",
            "/usr/bin/setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--no-new-privs",
            "--inh-caps=-all", "--bounding-set=-all",
            "--pdeathsig", "keep",  # a change of user clears it, and with it what --kill-child means
            "/usr/bin/env", "-i", *(f"{name}={value}" for name, value in given.items()), *command,
        )  # fmt: skip

    def run(self, *arguments: str, environment: Mapping[str, str] = {}) -> "subprocess.CompletedProcess[str]":
        """Run its entrypoint with these arguments to its end; blocks for 60 s at most."""
        return self.execute([*self.built.entrypoint, *arguments], environment)

    def execute(
        self, command: Sequence[str], environment: Mapping[str, str] = {}
    ) -> "subprocess.CompletedProcess[str]":
        """The same for any command."""
        return subprocess.run(
            self.container(command, environment), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=60, check=False,
        )  # fmt: skip


def _tool(name: str) -> str:
    """Where a program of util-linux is. Raises FileNotFoundError."""
    found = shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"{name} is missing: it comes with util-linux")
    return found
