"""CPU time and memory of processes: what a process tree has used so far, and what an ended process used in all.

The kernel adds a child's times to its parent's when the parent waits for it. So the times of an ended process
hold those of all descendants that were waited for, however short they lived: exact, where sampling is not.
"""

import contextlib
import os
import select
from pathlib import Path
from subprocess import Popen
from typing import Any

import msgspec
import psutil


class Usage(msgspec.Struct, frozen=True):
    """What a process and its waited-for descendants used, in seconds."""

    user_s: float
    system_s: float

    @property
    def cpu_s(self) -> float:
        """User and system seconds."""
        return self.user_s + self.system_s


def ended(process: "Popen[Any]") -> bool:
    """Has it ended? Never blocks, and leaves it to be reaped by `reap`, which alone learns the times."""
    if process.returncode is not None:
        return True
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def reap(process: "Popen[Any]", timeout_s: float) -> Usage:
    """Wait for the end of a child of this process, and return what it used.

    Nothing else may reap it: `Popen.wait`, `poll` and `send_signal` do, and the times are gone.
    Blocks for `timeout_s` seconds at most. Raises TimeoutError, and then nothing was reaped.
    """
    descriptor = os.pidfd_open(process.pid)
    try:
        poller = select.poll()
        poller.register(descriptor, select.POLLIN)
        if not poller.poll(timeout_s * 1000):
            raise TimeoutError(f"process {process.pid} is still running after {timeout_s:g} s")
    finally:
        os.close(descriptor)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return Usage(user_s=used.ru_utime, system_s=used.ru_stime)


def tree_cpu_s(pid: int) -> float:
    """User and system seconds that a living process, its living descendants and their reaped children used so far.

    A descendant that ends while this runs is counted once or not at all. Raises psutil.NoSuchProcess if `pid`
    itself has ended.
    """
    root = psutil.Process(pid)
    spent_s = 0.0
    for process in [root, *root.children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            if process is root:
                raise
            continue
        spent_s += times.user + times.system + times.children_user + times.children_system
    return spent_s


class Running(msgspec.Struct, frozen=True):
    """What one living process has come to so far, without its children. `peak_bytes` is of resident memory.

    `connections` are its established ones over TCP. Not `ru_maxrss` for the peak: that has the memory of the process
    that forked it, from before the exec.
    """

    user_s: float
    system_s: float
    peak_bytes: int
    threads: int
    connections: int


def tree(pid: int) -> list[Running]:
    """A living process, and then each of its living descendants. Raises psutil.NoSuchProcess if `pid` has ended."""
    root = psutil.Process(pid)
    found = [_running(root)]
    for process in root.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            found.append(_running(process))
    return found


def _running(process: psutil.Process) -> Running:
    times = process.cpu_times()
    return Running(
        user_s=times.user,
        system_s=times.system,
        peak_bytes=_peak_bytes(process.pid),
        threads=process.num_threads(),
        connections=sum(known.status == psutil.CONN_ESTABLISHED for known in process.net_connections("tcp")),
    )


def _peak_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except FileNotFoundError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
