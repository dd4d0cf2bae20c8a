"""Real child processes that speak the link, each with one habit; and a look at what is left of them."""

import asyncio
import sys
import time
from collections.abc import Callable, Coroutine, Iterator

import psutil
import pytest
import structlog
import uvloop

# A worker of a few lines: `python -c CHILD FD HABIT`. It imports nothing of ours, so that it starts at once.
CHILD = r"""
import json, os, signal, socket, sys, time

connection = socket.socket(fileno=int(sys.argv[1]))
habit = sys.argv[2]
lines = connection.makefile("rb")

def say(tag, **fields):
    connection.sendall(json.dumps({"type": tag, **fields}).encode() + b"\n")

def delivered(offset, **counters):
    say("Delivered", offsets={"0": offset}, counters=counters, inflight_records=0, inflight_bytes=0)

start = json.loads(lines.readline())
assert start["type"] == "Start", start
if habit == "hang hard":
    signal.signal(signal.SIGABRT, signal.SIG_IGN)
delivered(1, **{start["settings"]["topic"]: 1, os.environ["MALLOC_TRIM_THRESHOLD_"]: 1})

if habit in ("hang", "hang hard"):
    time.sleep(600)
elif habit == "crash":
    os._exit(7)
elif habit == "fail":
    say("Failed", kind="not-authorized", reason="grant it")
    os._exit(10)
elif habit == "flood":
    for offset in range(2, 20_002):
        delivered(offset, flood=1)
    os._exit(0)
elif habit == "nested":
    connection.sendall(b"[" * 5_000 + b"\n")
    time.sleep(600)
elif habit == "nonsense":
    connection.sendall(b"nonsense\n")
    time.sleep(600)
elif habit == "endless line":
    connection.sendall(b"x" * 10_000_000)
    time.sleep(600)
elif habit == "half a line":
    connection.sendall(b'{"type":"Del')
    os._exit(7)
elif habit == "linger":
    lines.close()
    connection.close()
    time.sleep(600)
elif habit == "deaf":
    while True:
        say("Beat")
        time.sleep(0.01)

for line in lines:  # "obey", and what is left of the others
    message = json.loads(line)
    if message["type"] == "Stop":
        delivered(2, stop=1)
        os._exit(0)
    delivered(1, **{message["type"]: 1})
os._exit(12)
"""


def child(habit: str) -> Callable[[int], list[str]]:
    """The command of a child with this habit, for `WorkerProcess.spawn`."""
    return lambda fd: [sys.executable, "-S", "-c", CHILD, str(fd), habit]


async def until(condition: Callable[[], object], within_s: float = 15.0) -> None:
    """Wait for a condition that another process brings about."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        await asyncio.sleep(0.005)


def scenario(body: Callable[[], Coroutine[object, object, None]]) -> None:
    """Run a test's body on the loop that the program runs on."""
    uvloop.run(asyncio.wait_for(body(), 60))


@pytest.fixture(autouse=True)
def no_child_is_left() -> Iterator[None]:
    """Every process that a test started has ended and is reaped when the test ends."""
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    yield
    structlog.reset_defaults()
    left = [process for process in psutil.Process().children(recursive=True) if process.pid not in before]
    for process in left:
        process.kill()
    assert left == []
