"""The supervisor with a fault, or with workers that have one: `FAULT` and then the arguments of the program."""

import sys
from collections.abc import Callable
from unittest import mock

from fanout import cli, link
from fanout.supervisor import app
from fanout.supervisor.process import WorkerProcess
from tests.faults.original.broken import supervisor_faults


def start_broken_workers(fault: str) -> None:
    """Have the supervisor start its workers with this fault."""

    def command(fd: int) -> list[str]:
        return [sys.executable, "-m", "tests.faults.original.broken.worker", fault, str(fd)]

    async def spawn(start: link.Start, delivered: Callable[[link.Delivered], None]) -> WorkerProcess:
        return await WorkerProcess.spawn(start, delivered, command)

    mock.patch.object(app, "WorkerProcess", mock.Mock(spawn=spawn)).start()


def main() -> None:
    """Break what is named, then be the program."""
    fault, *arguments = sys.argv[1:]
    if fault in supervisor_faults.FAULTS:
        supervisor_faults.FAULTS[fault]()
    else:
        start_broken_workers(fault)
    cli.commands(arguments, prog_name=cli.PROGRAM)


if __name__ == "__main__":
    main()
