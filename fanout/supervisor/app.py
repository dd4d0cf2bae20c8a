"""The supervisor: puts membership, pool and commits together, and owns start, signals and stop."""

import asyncio
import os
import signal
import sys
import time
from collections import Counter
from functools import partial
from typing import NoReturn

import uvloop
from confluent_kafka import KafkaException

from fanout import __version__, client, link, log
from fanout.errors import ExitCode, SettingsError
from fanout.settings import Settings
from fanout.supervisor import orphans
from fanout.supervisor.certainty import Certainty
from fanout.supervisor.commits import Commits, Ownership
from fanout.supervisor.credentials import FIXED, Credentials
from fanout.supervisor.lifeline import Lifeline
from fanout.supervisor.membership import Handlers, Membership, MembershipFatalError
from fanout.supervisor.objection import objection
from fanout.supervisor.observer import Observer
from fanout.supervisor.pool import Pool
from fanout.supervisor.process import WorkerProcess
from fanout.supervisor.protocol import choose_protocol
from fanout.supervisor.rotation import Hooks as RotationHooks
from fanout.supervisor.rotation import Rotation, Timing
from fanout.supervisor.seat import Seat
from fanout.supervisor.serving import Serving
from fanout.supervisor.shutdown import LEAVE_S, Shutdown
from fanout.supervisor.slot import Hooks, Limits
from fanout.supervisor.source import SourceTopic
from fanout.supervisor.view import Parts

TICK_S = 1.0
COMMIT_NOW_S = 5.0
MEMBERSHIP_RETRY_S = 5.0

_log = log.get("supervisor")


def main(settings: Settings, credentials: Credentials = FIXED) -> NoReturn:
    """Run until told to stop by SIGTERM or SIGINT, then exit with an `ExitCode`. Blocks.

    The files that `credentials` come from are watched, and what changes there is taken up.
    """
    log.configure(settings.log_level, settings.log_format, role="supervisor")
    uvloop.run(_run(settings, credentials))


async def _run(settings: Settings, credentials: Credentials) -> NoReturn:
    try:
        code = await Supervisor(settings, credentials).run()
    except SettingsError as error:
        _log.error("a setting cannot be used", error=str(error))
        code = ExitCode.BAD_SETTINGS
    except KafkaException as error:
        _log.error("the client refuses its settings", error=str(error), advice="look at the KAFKA_* settings")
        code = ExitCode.BAD_SETTINGS
    # From here, inside the loop: its end, and the interpreter's, would wait for the threads of a client that may wait
    # for a broker which is away. There is nothing left for them to do.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


class Supervisor:
    """One replica."""

    def __init__(self, settings: Settings, credentials: Credentials = FIXED) -> None:
        self._settings = settings
        self._commits = Commits()
        self._progress: Counter[int] = Counter()
        self._observer = Observer(settings)
        self._shutdown = Shutdown(settings.stop_timeout_ms / 1000)
        self._committed = True
        self._protocol: client.Protocol = "classic"
        self._seat = Seat(lambda: Membership(self._settings, self._protocol, self._commits, self._handlers()))
        lease_s, stall_s = settings.lease_ms / 1000, settings.stall_ms / 1000
        self._ownership = Certainty(lease_s)
        self._lifeline = Lifeline(lease_s, self._seat, lambda: objection(self._settings))
        self._source = SourceTopic(settings, self._source_recreated)
        hooks = Hooks(
            self._spawn, self._progressed, self._source_doubted, self._may_start,
            self._shutdown.give_up, self._observer.ended,
        )  # fmt: skip
        self._pool = Pool(Limits(settings.workers_max, settings.crashes_max, lease_s, stall_s), hooks)
        parts = Parts(self._commits, self._pool, self._seat, self._lifeline, self._source, self._note_gap)
        self._serving = Serving(settings, self._observer, parts)
        self._rotation = Rotation(
            settings, credentials, self._pool,
            RotationHooks(objection, self._use, self._seat.sign_in, self._seat.exchange),
            Timing(settings.credentials_look_ms / 1000, settings.drain_timeout_ms / 1000),
        )  # fmt: skip
        self._observer.unused_credentials = self._rotation.unused

    async def run(self) -> ExitCode:
        """From the first connection to the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._signalled)
        _log.info("starting", version=__version__, endpoint=self._settings.endpoint, topic=self._settings.topic)
        await self._serving.start()
        works = (
            self._rotation.run(), self._lifeline.run(), self._serve(), self._tick(), self._source.watch(),
            self._serving.run(), orphans.reap(),
        )  # fmt: skip
        tasks = [asyncio.create_task(work) for work in works]
        for task in tasks:
            task.add_done_callback(self._task_ended)
        await self._shutdown.begun.wait()
        self._observer.stopping = True
        for task in tasks[:2]:
            task.cancel()  # from now on workers are only stopped, and the member only ends
        code = await self._stop()
        for task in tasks:
            task.cancel()
        await self._serving.close()
        _log.info("stopped", exit_code=int(code), **self._observer.reported.totals)
        return code

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("the supervisor broke", exc_info=error)
            self._shutdown.give_up(f"a task of the supervisor ended: {error!r}")

    async def _serve(self) -> None:
        """Be a member of the group, again and again if its client breaks."""
        self._protocol = self._observer.protocol = await choose_protocol(lambda: self._settings)
        await self._source.learn_limits()
        while not self._shutdown.begun.is_set():
            membership = None
            try:
                membership = self._seat.take()
                await membership.run()
                if self._seat.is_handed_over and not self._shutdown.begun.is_set():
                    await self._revoked(self._commits.owned())
                    await membership.leave(COMMIT_NOW_S)
                    continue
            except (MembershipFatalError, KafkaException) as error:
                _log.error("membership broken, joining anew", error=str(error), retry_in_s=MEMBERSHIP_RETRY_S)
            if self._shutdown.begun.is_set():
                return
            self._lost(self._commits.owned())
            if membership is not None:
                await membership.leave(LEAVE_S)
            await asyncio.sleep(MEMBERSHIP_RETRY_S)

    def _use(self, settings: Settings) -> None:
        self._settings = settings
        self._source.renew(settings)

    async def _tick(self) -> None:
        """Every second: renew the leases, unless this process itself did not run for so long that they ran out."""
        while True:
            self._note_gap()
            self._pool.tick(time.monotonic(), reading=self._lifeline.holds)
            self._ownership.presume(anything_to_commit=self._commits.anything())
            await asyncio.sleep(TICK_S)

    def _note_gap(self) -> bool:
        """Notice that this process was stopped for a while, whoever runs first after it; whether workers may start."""
        gap_s = self._ownership.tick()
        if gap_s > TICK_S * 2:
            self._pool.forgive()
        if not self._ownership.certain and gap_s > TICK_S * 2:
            _log.error("the supervisor did not run; workers start again when the group confirms", seconds=round(gap_s))
            self._pool.kill_all()
        return self._ownership.certain

    async def _may_start(self) -> None:
        self._note_gap()
        await self._ownership.wait()
        await self._source.certain()

    def _handlers(self) -> Handlers:
        return Handlers(
            self._assigned, self._revoked, self._lost, lambda: self._ownership.doubt, self._ownership.confirm,
            lambda: self._source.identity, self._source.identified, self._observer.counted,
        )  # fmt: skip

    async def _assigned(self, offsets: dict[int, int]) -> None:
        if self._shutdown.begun.is_set():
            return
        self._commits.own(offsets)
        self._observer.assigned(offsets)
        await self._pool.add(offsets, time.monotonic() + self._settings.drain_timeout_ms / 1000)

    async def _revoked(self, partitions: set[int]) -> None:
        """Drain, commit, forget; then the client gives them back."""
        deadline = time.monotonic() + self._settings.drain_timeout_ms / 1000
        await self._pool.drain(partitions, min(deadline, self._shutdown.deadline))
        if self._seat.holder is not None:
            self._committed = await self._seat.holder.committer.commit_now(partitions, COMMIT_NOW_S)
        self._commits.disown(partitions)

    def _lost(self, partitions: set[int]) -> None:
        """They are another's: no drain, no commit."""
        self._pool.drop(partitions)
        self._commits.disown(partitions)

    def _source_doubted(self, partitions: frozenset[int]) -> None:
        """A worker says that its source is another one: if all of it is, all start again, and this one only once."""
        self._commits.restart(partitions)
        self._source.doubt()

    def _source_recreated(self) -> None:
        self._commits.restart(self._commits.owned())
        self._pool.kill_all()

    async def _spawn(self, partitions: frozenset[int]) -> WorkerProcess:
        if not self._note_gap():
            raise OSError("this process did not run between the decision and the start")
        start = link.Start(
            settings=self._settings,
            offsets={partition: self._commits.position(partition) for partition in sorted(partitions)},
            source_max_bytes=self._source.max_bytes,
            lease_until=time.monotonic() + self._settings.lease_ms / 1000,
        )
        return await WorkerProcess.spawn(start, partial(self._delivered, self._commits.ownership(partitions)))

    def _delivered(self, ownership: Ownership, message: link.Delivered) -> None:
        moved = self._commits.delivered(ownership, message.offsets)
        self._progress.update(moved)
        self._observer.reported.add(message, ownership, moved)

    def _progressed(self, partitions: frozenset[int]) -> int:
        return sum(self._progress[partition] for partition in partitions)

    def _signalled(self) -> None:
        if self._shutdown.signalled():
            self._pool.hurry(self._shutdown.drained_by)

    async def _stop(self) -> ExitCode:
        """Drain all, commit, leave the group, by one deadline."""
        drained = await self._pool.stop(self._shutdown.drained_by)
        self._committed = True
        if (member := self._seat.holder) is not None:
            await asyncio.wait([asyncio.create_task(member.halt())], timeout=max(0.5, self._shutdown.left_s))
            self._committed = await member.committer.commit_now(None, max(0.5, self._shutdown.left_s - LEAVE_S / 2))
            # What met a rebalance may be taken yet: leaving revokes what is still ours, and that commits again.
            await member.leave(max(0.5, self._shutdown.left_s))
        if self._shutdown.gave_up:
            return ExitCode.CRASH_LOOP
        if not drained or not self._committed:
            _log.warning("stopped with records that are not known to be delivered: they are delivered again")
            return ExitCode.STOPPED_UNDELIVERED
        return ExitCode.OK
