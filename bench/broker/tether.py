"""Processes that cannot outlive the one that started them, however that ends: SIGKILL of a test run leaves no broker.

Run as a program, this file asks the kernel to kill it when its parent dies (PR_SET_PDEATHSIG) and becomes the command
that follows. The request survives the exec. It is not made in a `preexec_fn`, which is not safe in a process with
threads. The kernel takes the death of the parent's *thread* for the parent's death, so `Tether` starts everything
from a thread of its own, which lives as long as the tether.
"""

import os
import sys
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from subprocess import Popen


class Tether:
    """Starts processes bound to this one. `close` also ends those that still run."""

    def __init__(self) -> None:
        # Imported here: the launched half of this file has no use for it and starts twice as fast without.
        from concurrent.futures import ThreadPoolExecutor

        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tether")

    def popen(
        self,
        command: "Sequence[str]",
        *,
        stdout: "int | IO[bytes]",
        stderr: "int | IO[bytes]",
        environment: "Mapping[str, str] | None" = None,
        folder: str | None = None,
    ) -> "Popen[bytes]":
        """Start a command (looked up on the PATH) with no input, in a session of its own: Ctrl-C does not reach it."""
        import subprocess

        launcher = [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]
        return self._thread.submit(
            subprocess.Popen,
            launcher,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            env=environment,
            cwd=folder,
            start_new_session=True,
        ).result()

    def close(self) -> None:
        """End the thread, and with it what still runs. Blocks for an instant."""
        self._thread.shutdown()


def _become(parent: int, command: list[str]) -> None:
    import ctypes
    import signal

    pr_set_pdeathsig = 1
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(pr_set_pdeathsig, int(signal.SIGKILL), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        sys.exit("the parent died before this process was bound to it")
    os.execvp(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2:])
