"""A replica that is all the program's own, but for what it stands on: its time, its client, its worker processes."""

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from types import SimpleNamespace
from typing import Any

from fanout import link
from fanout.errors import ExitCode
from fanout.settings import Settings
from fanout.supervisor import app, backoff, membership, source
from fanout.supervisor.certainty import Certainty
from tests.models.group_parts import Group, GroupClient, GroupProcess
from tests.models.virtual import Clock, Patches, VirtualLoop

SIGTERM = 15
HandedOver = Callable[[membership.Membership, "asyncio.Task[None]"], None]


class Replica:
    """A supervisor on a loop that the model turns."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.loop = VirtualLoop(self.clock)
        self.group = Group(self.loop)
        self.processes: list[GroupProcess] = []
        self.slow_spawn_s = 0.0
        self._patches = patches = Patches()
        modules = [module for name, module in sys.modules.items() if name.startswith("fanout.supervisor.")]
        patches.clock(self.clock, modules)
        patches.steady_random(backoff)
        patches.set(app, "Certainty", partial(Certainty, clock=self.clock.monotonic))
        patches.set(app, "choose_protocol", _classic)
        patches.set(app, "objection", _none)
        patches.set(app, "WorkerProcess", SimpleNamespace(spawn=self._spawn))
        patches.set(membership, "AIOConsumer", self._client)
        patches.set(membership.Membership, "_handed_over", self._judged(membership.Membership._handed_over))
        patches.set(source, "AdminClient", lambda _config: _Admin(self.group))

    def begin(self, settings: Settings) -> None:
        self._lease_s = settings.lease_ms / 1000
        self.supervisor = app.Supervisor(settings)
        self._restarted = self.supervisor._source._recreated
        self.supervisor._source._recreated = self._notice
        self.running = self.loop.create_task(self.supervisor.run())
        self.loop.advance(0.3)

    def _judged(self, handed_over: HandedOver) -> HandedOver:
        """A hand-over that breaks is made good by joining anew, so that nobody would notice."""

        def judged(member: membership.Membership, task: asyncio.Task[None]) -> None:
            error = None if task.cancelled() else task.exception()
            self.group.check(error is None, f"a hand-over broke: {error!r}")
            handed_over(member, task)

        return judged

    def _client(self, config: dict[str, Any], max_workers: int) -> GroupClient:
        assert max_workers > 1
        return GroupClient(self.group, config)

    def _notice(self) -> None:
        self.group.notice_restart()
        self._restarted()

    async def _spawn(self, start: link.Start, delivered: Callable[[link.Delivered], None]) -> GroupProcess:
        self.group.check_start(start.offsets, anything_to_commit=self.supervisor._commits.anything())
        await asyncio.sleep(self.slow_spawn_s)
        process = GroupProcess(self.group, start, delivered)
        self.processes.append(process)
        if start.lease_until < self.clock.now:
            process.end(ExitCode.WORKER_LEASE_EXPIRED)
        return process

    def live(self) -> list[GroupProcess]:
        return [process for process in self.processes if process.live]

    def member(self) -> GroupClient | None:
        """The client, as long as the group has it as a member."""
        member = self.group.member
        return member if member is not None and not member.fenced and not member.closed else None

    def freeze(self, seconds: float) -> None:
        """The host runs, and the supervisor does not."""
        self.clock.now += seconds
        if seconds > self._lease_s:
            self.group.doubt()
        for process in self.live():
            if process.lease_until < self.clock.now:
                process.end(ExitCode.WORKER_LEASE_EXPIRED)

    def terminate(self) -> None:
        self.loop.signals[SIGTERM]()

    def ended(self, within_s: float) -> ExitCode:
        """The exit code. Raises AssertionError if there is none by then."""
        self.loop.run_until_complete(asyncio.wait({self.running}, timeout=within_s))
        assert self.running.done()
        return self.running.result()

    def close(self) -> None:
        self.loop.abandon()
        self._patches.undo()


class _Admin:
    """Tells of the source topic which one it is."""

    def __init__(self, group: Group) -> None:
        self._group = group

    def poll(self, _timeout_s: float) -> None:
        pass

    def describe_topics(self, collection: Any, **_options: float) -> dict[str, Future[Any]]:  # noqa: ANN401 - the client's
        return {
            name: _answer(SimpleNamespace(topic_id=self._group.topic_id, partitions=[]))
            for name in collection.topic_names
        }

    def describe_configs(self, resources: list[Any], **_options: float) -> dict[Any, Future[dict[str, Any]]]:
        return {resource: _answer({}) for resource in resources}


def _answer(what: Any) -> "Future[Any]":  # noqa: ANN401 - of the client's own types
    future: Future[Any] = Future()
    future.set_result(what)
    return future


async def _classic(_settings: object) -> str:
    return "classic"


async def _none(_settings: object) -> str:
    """Brokers would serve another member."""
    return ""
