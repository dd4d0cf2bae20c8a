"""What the tests of this folder look for in the log of the program."""

import re
import time

import msgspec

from bench.program import Program

DEADLINE_S = 40.0


def wait_for_words(program: Program, pattern: str, deadline_s: float = DEADLINE_S) -> str:
    """Wait until a line of the log matches, whatever its message. Raises TimeoutError with the log's tail.

    Only proper lines of the log count: what a client prints past it does not.
    """
    wanted = re.compile(pattern, re.IGNORECASE)
    deadline = time.monotonic() + deadline_s
    while True:
        with program._changed:
            lines = list(program._lines)
        for line in lines:
            text = msgspec.json.encode(line).decode()
            if wanted.search(text):
                return text
        if time.monotonic() > deadline:
            raise TimeoutError(f"no line with {pattern} after {deadline_s:g} s\n" + "\n".join(program.tail()))
        time.sleep(0.02)


def all_words(program: Program) -> str:
    """Everything that its processes wrote."""
    with program._changed:
        lines = [msgspec.json.encode(line).decode() for line in program._lines]
        return "\n".join(lines + program._other_lines)


def strange_lines(program: Program) -> list[str]:
    """What its processes wrote that is no line of the log."""
    with program._changed:
        return list(program._other_lines)
