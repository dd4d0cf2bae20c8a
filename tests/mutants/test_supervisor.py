"""What of the supervisor only a mutant showed to be untested."""

import asyncio
import sys
import time

import psutil
import pytest

from fanout import link
from fanout.supervisor import source
from fanout.supervisor.app import Supervisor
from fanout.supervisor.process import WorkerProcess
from tests.unit.fakes import FakeAdmin, settings


def test_what_a_lost_partition_had_delivered_is_never_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "AdminClient", lambda _config: FakeAdmin().as_admin())
    supervisor = Supervisor(settings())
    commits = supervisor._commits
    commits.own({0: 7, 1: 7})
    commits.delivered(commits.ownership([0, 1]), {0: 9, 1: 8})
    supervisor._handlers().lost({0})
    for ticket in (commits.due(), commits.due([0, 1]), commits.everything()):
        assert ticket is not None
        assert ticket.offsets == {1: 8}


def test_a_worker_is_a_program_of_its_own_and_not_a_copy_of_its_supervisor() -> None:
    """A copy would have the supervisor's memory, its locks as they were, and none of its threads."""

    async def body() -> list[str]:
        start = link.Start(settings(log_level="error"), {0: 0}, 1_000_000, time.monotonic() + 60.0)
        worker = await WorkerProcess.spawn(start, lambda _: None)
        ended = asyncio.create_task(worker.run())
        try:
            return psutil.Process(worker.pid).cmdline()
        finally:
            worker.kill()
            await asyncio.wait_for(ended, 20)

    interpreter, *command = asyncio.run(body())
    assert interpreter == sys.executable
    assert command[:2] == ["-m", "fanout.worker"]
