"""The file system of one stage: what stands in for the base below, what the steps of the stage wrote above.

What stands in for the base is this machine's own root, with its Python at /usr/local as in the real base, and treated
as that one is: its library without tests and bytecode, and of packages only what `ensurepip` installs. Both are only
read: what is written goes to folders on a tmpfs.
"""

import os
import shutil
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

PREFIX = Path("usr/local")  # of Python, in the base
BASE_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
_PACKAGES = Path(sysconfig.get_path("stdlib")).relative_to(sys.base_prefix) / "site-packages"


class StepError(RuntimeError):
    """A command of a stage failed; the message holds what it said."""


class Layer(NamedTuple):
    """What was written above the base: outside Python's prefix, and in it."""

    root: Path
    prefix: Path

    def size(self) -> int:
        """Bytes of all files, as an image counts them."""
        return sum(_size(folder) for folder in self)


class Tree:
    """A stage's file system at `root`, above the layers that are given, the topmost first. It is never unmounted."""

    def __init__(self, folder: Path, *below: Layer) -> None:
        folder.mkdir()
        self.root = folder / "root"
        self.root.mkdir()
        self.layer = Layer(folder / "own", folder / "prefix")
        if not below:
            # The machine's own packages are hidden before anything is mounted: a device 0/0 is overlayfs for "deleted".
            hidden = self.layer.prefix / _PACKAGES
            hidden.parent.mkdir(parents=True)
            os.mknod(hidden, stat.S_IFCHR, os.makedev(0, 0))
        _overlay(self.root, self.layer.root, [layer.root for layer in below], Path("/"))
        _overlay(self.root / PREFIX, self.layer.prefix, [layer.prefix for layer in below], Path(sys.base_prefix))
        _mount("-t", "proc", "proc", str(self.root / "proc"))
        _mount("--bind", "/dev", str(self.root / "dev"))

    def run(self, command: list[str], environment: Mapping[str, str], folder: str = "/") -> str:
        """Run a command in it, as root, and return what it wrote. Raises StepError if it fails."""
        if not self.root.is_mount():
            raise StepError(f"{self.root} is nothing of its own: what is run there would write to this machine")
        chroot = shutil.which("chroot") or "/usr/sbin/chroot"
        done = subprocess.run(
            [chroot, self.root, "/usr/bin/env", f"--chdir={folder}", *command],
            env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise StepError(f"{' '.join(command)}\nended with exit code {done.returncode}:\n{done.stdout}")
        return done.stdout

    def seal(self) -> None:
        """Let nothing be written to it from now on."""
        for place in (self.root / PREFIX, self.root):
            _mount("-o", "remount,ro", str(place))


def stand_in(folder: Path) -> Layer:
    """What has to be changed on this machine's root for it to be like the base."""
    tree = Tree(folder)
    (tree.root / PREFIX / _PACKAGES).mkdir()
    environment = BASE_ENVIRONMENT | {"PYTHONDONTWRITEBYTECODE": "1"}
    library = f"/{PREFIX / _PACKAGES.parent}"
    removed = r"find %s -depth \( -name __pycache__ -o -name test -o -name tests -o -name idle_test \) -exec rm -r {} +"
    tree.run(["sh", "-c", f"ldconfig && {removed % library}"], environment)
    tree.run(["python3", "-m", "ensurepip"], environment)
    for name in ("python", "pip"):
        link = tree.root / PREFIX / "bin" / name
        link.unlink(missing_ok=True)
        link.symlink_to(f"{name}3")
    return tree.layer


def _overlay(at: Path, upper: Path, layers: list[Path], lowest: Path) -> None:
    work = upper.with_name(f"{upper.name}.work")
    upper.mkdir(exist_ok=True)
    work.mkdir()
    lower = ":".join(str(path) for path in [*layers, lowest])
    _mount("-t", "overlay", "overlay", "-o", f"lowerdir={lower},upperdir={upper},workdir={work}", str(at))


def _mount(*arguments: str) -> None:
    subprocess.run([shutil.which("mount") or "/bin/mount", *arguments], check=True)


def _size(folder: Path) -> int:
    files = (path.lstat() for path in folder.rglob("*"))
    return sum(file.st_size for file in files if stat.S_ISREG(file.st_mode) or stat.S_ISLNK(file.st_mode))
