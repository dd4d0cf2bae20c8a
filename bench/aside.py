"""A process of its own that does what it is asked, one request after the other: what must not wait for the measuring.

What writes a load, and what looks at its arrival, would share an interpreter's lock with everything else here, and be
late for it.
"""

import contextlib
import gc
import multiprocessing
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Generic, Self, TypeVar, cast

START_S = 60.0
END_S = 10.0
LOOK_EVERY_S = 0.05

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class AsideError(RuntimeError):
    """What was asked failed there, or the process has ended; the message holds its traceback, if it had one."""


class Waiting:
    """Whether the next request is there: for who works until it comes. Asked as often as one likes, it looks seldom."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._look_s = 0.0
        self._found = False

    def __call__(self) -> bool:
        """Never blocks. It is at most `LOOK_EVERY_S` late: a look costs 20 us."""
        now = time.monotonic()
        if now >= self._look_s:
            self._look_s = now + LOOK_EVERY_S
            self._found = self._connection.poll(0)
        return self._found


class Worker(Generic[Request, Answer]):
    """What runs in the other process. Made there, from what can be pickled; a context for the time of its life."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def serve(self, request: Request, waiting: Waiting) -> Answer:
        """Do one request; what it returns is the answer. May block; what it raises is raised by `Aside.answer`."""
        raise NotImplementedError


class Aside(Generic[Request, Answer]):
    """The process, from `with` to its end; `make` and `arguments` make its Worker. It cannot outlive this process."""

    def __init__(self, name: str, make: Callable[..., Worker[Request, Answer]], *arguments: object) -> None:
        # Not forked: threads of the client library do not survive that.
        context = multiprocessing.get_context("spawn")
        self._name = name
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, make, arguments), name=name, daemon=True)
        self._theirs = theirs

    def __enter__(self) -> Self:
        self._process.start()
        self._theirs.close()
        try:
            self.answer(START_S)
        except BaseException:
            self._end(0.0)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(END_S if error is None else 0.0)

    def _end(self, timeout_s: float) -> None:
        self._ours.close()
        self._process.join(timeout_s)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()

    def begin(self, request: Request) -> None:
        """Ask, and do not wait."""
        self._ours.send(request)

    def answered(self, timeout_s: float) -> bool:
        """Whether an answer is there, within this time, or the news that none will come."""
        return self._ours.poll(timeout_s)

    def answer(self, timeout_s: float) -> Answer:
        """What came of the earliest request not answered yet. Blocks; raises AsideError, TimeoutError."""
        if not self._ours.poll(timeout_s):
            raise TimeoutError(f"no answer from the {self._name} within {timeout_s:g} s")
        try:
            answer, problem = self._ours.recv()
        except EOFError as error:
            raise AsideError(f"the {self._name} has ended") from error
        if problem:
            raise AsideError(f"the {self._name} failed:\n{problem}")
        return cast("Answer", answer)

    def ask(self, request: Request, timeout_s: float) -> Answer:
        """Ask, and wait for what comes of it."""
        self.begin(request)
        return self.answer(timeout_s)


def _serve(connection: Connection, make: Callable[..., Worker[Request, Answer]], arguments: tuple[object, ...]) -> None:
    """The other process. It ends with the connection."""
    try:
        with make(*arguments) as worker:
            # Nothing here makes cycles, and a collection would be a pause.
            gc.collect()
            gc.freeze()
            gc.disable()
            connection.send((None, ""))
            while True:
                request = connection.recv()
                connection.send((worker.serve(request, Waiting(connection)), ""))
    except (EOFError, BrokenPipeError, ConnectionResetError, KeyboardInterrupt):
        return
    except Exception:  # noqa: BLE001 - raised on the other side
        with contextlib.suppress(OSError):
            connection.send((None, traceback.format_exc()))
