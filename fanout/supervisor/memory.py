"""How much memory this replica has, and may have: of /proc, and of the control group that a container is."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_UNLIMITED = 1 << 60  # version 1 writes a very large number where there is no limit
_ROOT = Path("/sys/fs/cgroup")


class Memory(NamedTuple):
    """Of a control group, in bytes."""

    used: int  # without files that could be dropped
    limit: int


def resident(pids: Iterable[int]) -> int:
    """Resident bytes of these processes together; of one that is gone, none."""
    total = 0
    for pid in pids:
        try:
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
        except (OSError, IndexError):
            continue
    return total


def limited(root: Path = _ROOT, own: Path = Path("/proc/self/cgroup")) -> Memory | None:
    """The tightest limit that this process is under, and what is used of it; None where there is none."""
    found = [memory for folder in _folders(root, own) if (memory := _read(folder)) is not None]
    return min(found, key=lambda memory: memory.limit - memory.used, default=None)


def _folders(root: Path, own: Path) -> Iterator[Path]:
    """The control groups that this process is in, from the innermost on."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        top = root / "memory" if controllers else root
        folder = top / path.lstrip("/")
        # In a container the path may be that of the host, and the group is mounted at the top.
        while folder != top:
            yield folder
            folder = folder.parent
        yield top


def _read(folder: Path) -> Memory | None:
    for limit, used, dropped in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        try:
            text = (folder / limit).read_text().strip()
            if text == "max" or int(text) >= _UNLIMITED:
                continue
            stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
            return Memory(int((folder / used).read_text()) - int(stat.get(dropped, 0)), int(text))
        except (OSError, ValueError):
            continue
    return None
