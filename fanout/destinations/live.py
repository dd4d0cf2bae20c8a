"""The list of the namespaces that there are, as `kubectl get namespaces -o name` prints it, or bare names."""

import re

from fanout.errors import FanoutError
from fanout.words import printable

_LINE = re.compile(r"(?:namespaces?/)?([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)")


class LiveListError(FanoutError):
    """The list cannot be trusted to be one of namespaces."""


def parse(text: str) -> frozenset[str]:
    """The names, one on a line; empty lines do not count. Raises LiveListError."""
    found = set()
    for number, line in enumerate(text.splitlines(), 1):
        name = line.strip()
        if not name:
            continue
        match = _LINE.fullmatch(name)
        if match is None:
            raise LiveListError(
                f"line {number} of the list of live namespaces is none: {printable(name[:80])!r}; "
                "write it with: kubectl get namespaces -o name"
            )
        found.add(match[1])
    if not found:
        raise LiveListError("the list of live namespaces is empty: nothing is pruned")
    return frozenset(found)
