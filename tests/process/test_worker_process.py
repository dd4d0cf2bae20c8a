"""`WorkerProcess` on real children: programs of a few lines, each with one habit, and the real worker without a broker.

The clock that `check` is given is the test's: nobody waits for a worker to be silent for fifteen seconds.
"""

import asyncio
import os
import signal
import socket
import sys
import time
from collections import Counter

import psutil
import pytest

from fanout import link
from fanout.errors import ExitCode, FailureKind
from fanout.settings import Settings
from fanout.supervisor.process import ABORT_S, STOP_GRACE_S, Command, Ended, WorkerProcess, worker_command
from tests.process.conftest import child, scenario, until

STALL_S = 15.0


class Child:
    """A worker process, and what it has said."""

    def __init__(self) -> None:
        self.offset = 0
        self.counts: Counter[str] = Counter()
        self.process: WorkerProcess
        self.ended: asyncio.Task[Ended]

    @classmethod
    async def spawn(cls, command: Command, *, lease_s: float = 60.0) -> "Child":
        self = cls()
        settings = Settings(endpoint="127.0.0.1:1", topic="cluster-events", log_level="error")
        start = link.Start(settings, {0: 0}, 1_000_000, time.monotonic() + lease_s)
        self.process = await WorkerProcess.spawn(start, self._delivered, command)
        self.ended = asyncio.create_task(self.process.run())
        return self

    @classmethod
    async def started(cls, habit: str) -> "Child":
        """A child with this habit that has taken its Start."""
        self = await cls.spawn(child(habit))
        await until(lambda: self.offset)
        return self

    def _delivered(self, message: link.Delivered) -> None:
        self.offset = max(self.offset, *message.offsets.values())
        self.counts.update(message.counters)

    async def end(self) -> Ended:
        return await asyncio.wait_for(self.ended, 20)


def block_until_dead(pid: int) -> None:
    deadline = time.monotonic() + 15
    while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_worker_gets_its_start_its_leases_and_its_stop() -> None:
    async def body() -> None:
        worker = await Child.started("obey")
        assert worker.counts["cluster-events"] == 1
        for number in range(3):
            worker.process.renew(time.monotonic() + 10, reading=True)
            await until(lambda expected=number + 1: worker.counts["Lease"] == expected)  # type: ignore[misc]
        worker.process.stop(time.monotonic() + 10)
        ended = await worker.end()
        assert ended.exit_code == 0
        assert ended.drained
        assert not ended.stalled
        assert worker.offset == 2, "its last report is heard"

    scenario(body)


def test_the_allocator_of_a_worker_is_tuned_unless_the_user_has_tuned_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def body() -> None:
        worker = await Child.started("crash")
        assert worker.counts["268435456"] == 1
        await worker.end()
        monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "77")
        worker = await Child.started("crash")
        assert worker.counts["77"] == 1
        await worker.end()

    scenario(body)


def test_a_worker_that_dies_is_reaped_and_its_exit_code_told() -> None:
    async def body() -> None:
        worker = await Child.started("crash")
        ended = await worker.end()
        assert (ended.exit_code, ended.failure, ended.drained) == (7, None, False)
        assert not psutil.pid_exists(worker.process.pid)

    scenario(body)


def test_a_worker_that_is_killed_tells_the_signal() -> None:
    async def body() -> None:
        worker = await Child.started("obey")
        worker.process.kill()
        assert (await worker.end()).exit_code == -signal.SIGKILL
        worker.process.kill()
        worker.process.renew(1.0, reading=True)
        worker.process.stop(1.0)

    scenario(body)


def test_a_silent_worker_is_told_to_show_its_stacks_and_dies_of_it() -> None:
    async def body() -> None:
        worker = await Child.started("hang")
        now = time.monotonic()
        worker.process.check(now + STALL_S / 2, STALL_S)
        assert not worker.ended.done()
        worker.process.check(now + STALL_S + 1, STALL_S)
        ended = await worker.end()
        assert ended.exit_code == -signal.SIGABRT
        assert ended.stalled

    scenario(body)


def test_a_silent_worker_that_survives_sigabrt_is_killed_soon_after() -> None:
    async def body() -> None:
        worker = await Child.started("hang hard")
        at = time.monotonic() + STALL_S + 1
        worker.process.check(at, STALL_S)
        worker.process.check(at + ABORT_S / 2, STALL_S)
        status = psutil.Process(worker.process.pid).status()
        assert status not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
        worker.process.check(at + ABORT_S + 0.1, STALL_S)
        ended = await worker.end()
        assert ended.exit_code == -signal.SIGKILL
        assert ended.stalled

    scenario(body)


def test_a_worker_that_is_stopped_by_a_signal_is_killed_like_any_silent_one() -> None:
    async def body() -> None:
        worker = await Child.started("obey")
        os.kill(worker.process.pid, signal.SIGSTOP)
        at = time.monotonic() + STALL_S + 1
        worker.process.check(at, STALL_S)
        worker.process.check(at + ABORT_S + 0.1, STALL_S)
        ended = await worker.end()
        assert ended.exit_code == -signal.SIGKILL

    scenario(body)


def test_a_worker_that_beats_is_left_alone() -> None:
    async def body() -> None:
        worker = await Child.started("deaf")
        first = worker.process.heard_at
        await until(lambda: worker.process.heard_at > first + 0.1)
        worker.process.check(first + STALL_S + 0.05, STALL_S)
        assert worker.process._aborted_at is None
        worker.process.kill()
        await worker.end()

    scenario(body)


def test_silence_while_the_supervisor_itself_did_not_run_is_forgiven() -> None:
    async def body() -> None:
        worker = await Child.started("hang")
        now = time.monotonic()
        worker.process.forgive(now + 100)
        worker.process.check(now + 100 + STALL_S / 2, STALL_S)
        assert worker.process._aborted_at is None
        worker.process.kill()
        await worker.end()

    scenario(body)


def test_a_worker_that_ignores_stop_is_killed_at_its_deadline() -> None:
    async def body() -> None:
        worker = await Child.started("deaf")
        deadline = time.monotonic() + 5
        worker.process.stop(deadline)
        worker.process.check(deadline + STOP_GRACE_S / 2, STALL_S)
        assert not worker.ended.done()
        worker.process.check(deadline + STOP_GRACE_S + 0.1, 1_000)
        ended = await worker.end()
        assert ended.exit_code == -signal.SIGKILL
        assert not ended.drained

    scenario(body)


def test_a_second_stop_shortens_the_deadline() -> None:
    async def body() -> None:
        worker = await Child.started("deaf")
        now = time.monotonic()
        worker.process.stop(now + 100)
        worker.process.stop(now + 5)
        worker.process.check(now + 5 + STOP_GRACE_S + 0.1, 1_000)
        assert (await worker.end()).exit_code == -signal.SIGKILL

    scenario(body)


def test_the_end_of_the_link_reaches_the_worker() -> None:
    async def body() -> None:
        worker = await Child.started("obey")
        worker.process._writer.close()
        assert (await worker.end()).exit_code == ExitCode.WORKER_ORPHANED

    scenario(body)


def test_a_worker_that_closes_its_link_and_lives_on_is_killed() -> None:
    async def body() -> None:
        worker = await Child.started("linger")
        begun = time.monotonic()
        assert (await worker.end()).exit_code == -signal.SIGKILL
        assert time.monotonic() - begun < ABORT_S + 5

    scenario(body)


@pytest.mark.parametrize("habit", ["nonsense", "nested", "endless line"])
def test_a_worker_that_speaks_nonsense_is_killed(habit: str) -> None:
    async def body() -> None:
        worker = await Child.started(habit)
        assert (await worker.end()).exit_code == -signal.SIGKILL

    scenario(body)


def test_a_worker_that_dies_in_the_middle_of_a_report_has_died_like_any_other() -> None:
    async def body() -> None:
        worker = await Child.started("half a line")
        ended = await worker.end()
        assert ended.exit_code == 7
        assert ended.failure is None

    scenario(body)


def test_a_worker_that_fails_tells_why() -> None:
    async def body() -> None:
        worker = await Child.started("fail")
        ended = await worker.end()
        assert ended.exit_code == ExitCode.WORKER_FAILED
        assert ended.failure == link.Failed(FailureKind.NOT_AUTHORIZED, "grant it")
        assert not ended.source_recreated

    scenario(body)


def test_why_a_worker_failed_is_heard_also_when_its_lease_was_renewed_after_its_death() -> None:
    async def body() -> None:
        worker = await Child.spawn(child("fail"))
        await asyncio.sleep(0)
        block_until_dead(worker.process.pid)  # the loop does not run meanwhile: what the worker says waits
        worker.process.renew(time.monotonic() + 10, reading=True)
        worker.process.renew(time.monotonic() + 10, reading=True)
        ended = await worker.end()
        assert ended.failure == link.Failed(FailureKind.NOT_AUTHORIZED, "grant it")
        assert worker.offset == 1

    scenario(body)


def test_everything_that_a_worker_reports_is_taken_in_order() -> None:
    async def body() -> None:
        worker = await Child.started("flood")
        assert (await worker.end()).exit_code == 0
        assert worker.counts["flood"] == 20_000
        assert worker.offset == 20_001

    scenario(body)


def test_a_program_that_is_not_there_leaves_nothing_open() -> None:
    async def body() -> None:
        async def spawn() -> None:
            with pytest.raises(OSError, match="No such file"):
                await Child.spawn(lambda fd: ["/not-there", str(fd)])

        await spawn()  # the loop opens what it needs for its first child
        before = psutil.Process().num_fds()
        for _ in range(5):
            await spawn()
        assert psutil.Process().num_fds() <= before

    scenario(body)


def test_workers_do_not_inherit_each_others_links() -> None:
    async def body() -> None:
        first = await Child.started("obey")
        second = await Child.started("obey")
        first.process._writer.close()
        assert (await first.end()).exit_code == ExitCode.WORKER_ORPHANED
        second.process.stop(time.monotonic() + 5)
        assert (await second.end()).exit_code == 0

    scenario(body)


def test_the_real_worker_is_started_with_exec_on_this_interpreter() -> None:
    assert worker_command(7) == [sys.executable, "-m", "fanout.worker", "7"]


async def real(*, lease_s: float = 60.0) -> Child:
    """The real worker, with its broker away; it beats."""
    worker = await Child.spawn(worker_command, lease_s=lease_s)
    started = worker.process.heard_at
    await until(lambda: worker.process.heard_at > started)
    return worker


async def beats(worker: Child) -> None:
    """Wait until it has beaten once more."""
    heard = worker.process.heard_at
    await until(lambda: worker.process.heard_at > heard)


def test_the_real_worker_ends_at_once_when_its_supervisor_is_gone() -> None:
    async def body() -> None:
        worker = await real()
        worker.process._writer.close()
        # It may be within a request to the broker for a second.
        ended = await asyncio.wait_for(worker.ended, ABORT_S)
        assert ended.exit_code == ExitCode.WORKER_ORPHANED

    scenario(body)


def test_the_real_worker_ends_when_its_supervisor_is_gone_before_it_has_read_its_start() -> None:
    async def body() -> None:
        ours, theirs = socket.socketpair()
        command = worker_command(theirs.fileno())
        worker = await asyncio.create_subprocess_exec(*command, pass_fds=[theirs.fileno()])
        theirs.close()
        ours.close()
        assert await asyncio.wait_for(worker.wait(), 20) == ExitCode.WORKER_ORPHANED

    scenario(body)


def test_the_real_worker_stops_when_its_lease_is_not_renewed() -> None:
    async def body() -> None:
        worker = await real(lease_s=3.0)
        begun = time.monotonic()
        assert (await worker.end()).exit_code == ExitCode.WORKER_LEASE_EXPIRED
        assert time.monotonic() - begun < 10

    scenario(body)


def test_the_real_worker_goes_on_while_its_lease_is_renewed_and_leaves_signals_to_its_supervisor() -> None:
    async def body() -> None:
        worker = await real(lease_s=3.0)
        begun = time.monotonic()
        while time.monotonic() < begun + 4:
            worker.process.renew(time.monotonic() + 3, reading=True)
            for number in (signal.SIGINT, signal.SIGTERM):
                os.kill(worker.process.pid, number)
            await beats(worker)
        worker.process.stop(time.monotonic() + 10)
        ended = await worker.end()
        assert ended.exit_code == 0
        assert ended.lived_s > 4

    scenario(body)


def test_the_real_worker_hears_a_stop_that_came_while_it_was_still_loading() -> None:
    async def body() -> None:
        worker = await Child.spawn(worker_command)
        worker.process.stop(time.monotonic() + 30)
        assert (await worker.end()).exit_code == 0

    scenario(body)


def test_the_real_worker_shows_its_stacks_when_it_is_found_silent(capfd: pytest.CaptureFixture[str]) -> None:
    async def body() -> None:
        worker = await real()
        worker.process.check(time.monotonic() + STALL_S + 1, STALL_S)
        assert (await worker.end()).exit_code == -signal.SIGABRT

    scenario(body)
    told = capfd.readouterr().err
    assert "Fatal Python error: Aborted" in told
    assert "fanout/worker/main.py" in told
