"""The commands of a page, run in their order by a shell with the built kubectl, and what they print beside the page."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from bench.broker.jars import tool
from tests.deploy.apiserver import ApiServer
from tests.deploy.apiserver.binaries import program
from tests.deploy.operators import Operators
from tests.deploy.page import Block

ROOT = Path(__file__).parents[2]
COMMANDS_S = 120.0  # for one block
ACT_EVERY_S = 1.0
GAP = "..."
COPIED = ("deploy", "tests/deploy/old")

# What differs from run to run: ages, and the hashes in the names of ConfigMaps.
_VARYING = ((re.compile(r"\b(\d+[smhd])+\b"), "AGE"), (re.compile(r"-[bcdfghkmt2456789]{10}\b"), "-HASH"))


class Walk:
    """A folder like the root of a checkout, with its manifests in it, where each block finds what others left."""

    def __init__(self, api: ApiServer, operators: Operators, folder: Path) -> None:
        self._operators = operators
        self.folder = folder
        for part in COPIED:
            shutil.copytree(ROOT / part, folder / part)
        path = f"{program('kubectl').parent}:{os.environ['PATH']}"
        self._environment = {**api.environment(), "PATH": path}

    def take(self, blocks: list[Block]) -> None:
        """Go through the blocks. Raises AssertionError with the line of the one that is not true."""
        said, commands = "", None
        for block in blocks:
            if block.kind == "sh":
                said, commands = self._run(block), block
            elif block.kind == "text":
                assert commands is not None, f"line {block.line}: no commands before it"
                assert alike(block.text, said), f"line {commands.line} printed, in place of line {block.line}:\n{said}"
            elif block.name:
                file = self.folder / block.name
                file.parent.mkdir(exist_ok=True)
                file.write_text(block.text)

    def _run(self, block: Block) -> str:
        process = subprocess.Popen(
            [tool("bash", "bash"), "-euo", "pipefail", "-c", block.text],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            said = self._wait(block, process)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        failed = process.returncode != 0
        assert failed == (block.name == "fails"), f"line {block.line}: exit code {process.returncode}\n{said}"
        self._operators.act()
        return said

    def _wait(self, block: Block, process: "subprocess.Popen[str]") -> str:
        began = time.monotonic()
        while True:
            try:
                said, _ = process.communicate(timeout=ACT_EVERY_S)
            except subprocess.TimeoutExpired as slow:
                if time.monotonic() - began > COMMANDS_S:
                    raise AssertionError(f"line {block.line} does not come to an end:\n{slow.output!r}") from None
                self._operators.act()
            else:
                return str(said)


def alike(page: str, said: str) -> bool:
    """Whether the page shows this output. A line `...` stands for any number of lines; widths do not count."""
    shown = [_steady(line) for line in page.splitlines()]
    pattern = "".join("(.*\n)*?" if line == GAP else re.escape(f"{line}\n") for line in shown)
    return re.fullmatch(pattern, "".join(f"{_steady(line)}\n" for line in said.splitlines())) is not None


def _steady(line: str) -> str:
    for varying, steady in _VARYING:
        line = varying.sub(steady, line)
    return " ".join(line.split())
