"""Rotation: certificates and passwords whose files change are taken up while the program runs.

Watch: the files are read every few seconds; a content that two looks agree on is acted on. Decide: the broker is asked
first, over a connection of its own, whether it takes the new credentials; then one worker is replaced, and only when
that one gets somewhere, the rest. Nothing that works is given up for something that was not seen to work.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NamedTuple

from fanout import log
from fanout.errors import FailureKind, SettingsError
from fanout.settings import Settings
from fanout.status.facts import Trouble
from fanout.supervisor.credentials import Credentials, Digests, Held, Watch, password_alone
from fanout.supervisor.pool import Pool
from fanout.supervisor.slot import Slot, next_life
from fanout.supervisor.wall import wall_s

POLL_S = 0.1
# A worker that has nothing to deliver has to do without failing: the first for longer than the grace in which refused
# credentials do not end a worker, the others, whose credentials are known to work, for as long as a start takes.
FIRST_PROOF_S = 40.0
NEXT_PROOF_S = 5.0
RETRY_FIRST_S = 5.0
RETRY_MAX_S = 300.0

_OF_CREDENTIALS = {FailureKind.BAD_CREDENTIALS, FailureKind.NOT_AUTHORIZED, FailureKind.CLIENT_FATAL}
_ADVICE = (
    "correct the files, or what the broker lets them do: they are tried again when they change, and from time to time"
)

_log = log.get("rotation")


class Hooks(NamedTuple):
    """What is asked and told."""

    objection: Callable[[Settings], Awaitable[str]]  # why the broker would not serve a client with these; or empty
    use: Callable[[Settings], None]  # workers and clients that are made from now on have these
    sign_in: Callable[[str, str], Awaitable[None]]  # user and password for the next connections of the group's member
    exchange: Callable[[], Awaitable[str]]  # another member in place of ours; why not, or empty


class Timing(NamedTuple):
    """How often to look and how long a worker may drain, in seconds; the clock is monotonic."""

    look_every_s: float
    drain_s: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep


class Rotation:
    """Takes changed credentials from the files to the workers and to the member of the group."""

    def __init__(self, settings: Settings, credentials: Credentials, pool: Pool, hooks: Hooks, timing: Timing) -> None:
        self._credentials = credentials
        self._pool = pool
        self._hooks = hooks
        self._timing = timing
        self._watch = Watch(credentials.paths)
        self._watch.look()
        seen = self._watch.look()
        self._settled: Digests | None = seen  # what everything runs with; None where that is not one and the same
        self._given = self._member = Held(settings, self._located(seen or {}))  # to workers; to the member
        self._life = 0  # workers from this life on have what is given
        self._proven = True  # one of them was seen to work
        self._failed: Digests | None = None
        self._failures = 0
        self._retry_at = 0.0
        self._unused: Trouble | None = None

    def unused(self) -> Trouble | None:
        """Since when the files hold credentials that are not used, and why; None if all is well."""
        return self._unused

    def _located(self, seen: Digests) -> Digests:
        return {path: digest for path, digest in seen.items() if path in self._credentials.located}

    async def run(self) -> None:
        """Look until cancelled."""
        while self._credentials.paths:
            await self._timing.sleep(self._timing.look_every_s)
            seen = await asyncio.to_thread(self._watch.look)
            if seen is not None and seen == self._settled:
                self._unused = None
            if seen is None or seen == self._settled:
                continue
            if seen != self._failed:
                self._failures = 0
            elif self._timing.clock() < self._retry_at:
                continue
            problem = await self._take_up(seen)
            if problem:
                self._tell_failure(seen, problem)
            else:
                self._settled, self._failed, self._unused = seen, None, None

    def _tell_failure(self, seen: Digests, problem: str) -> None:
        delay_s = min(RETRY_MAX_S, RETRY_FIRST_S * 2 ** min(self._failures, 10))
        self._failed, self._failures = seen, self._failures + 1
        self._unused = Trouble(self._unused.since if self._unused is not None else wall_s(), problem)
        self._retry_at = self._timing.clock() + delay_s
        _log.error("new credentials not used", reason=problem, retry_in_s=delay_s, advice=_ADVICE)

    async def _take_up(self, seen: Digests) -> str:
        """Exchange whatever has other credentials than the files have now; why that was not completed, or empty."""
        try:
            settings = await asyncio.to_thread(self._credentials.load)
        except SettingsError as error:
            return str(error)
        wanted = Held(settings, self._located(seen))
        if self._settled is not None and wanted == self._given:
            return ""  # other bytes and the same meaning
        begun = self._timing.clock()
        _log.info("credentials changed")
        problem = await self._hooks.objection(settings)
        problem = problem or await self._exchange(wanted)
        if not problem:
            _log.info("credentials exchanged", seconds=round(self._timing.clock() - begun, 1))
        return problem

    async def _exchange(self, wanted: Held) -> str:
        given, life, settled = self._given, self._life, self._settled
        if given != wanted:
            self._give(wanted, next_life())
            self._settled, self._proven = None, False
        password = password_alone(self._member, wanted)
        keeps_member = self._member.same_for_member(wanted)
        if password is not None:
            # The broker takes it: were the member's connections to break from now on, it would need it.
            await self._hooks.sign_in(*password)
            self._member, keeps_member = wanted, True
        problem = await self._replace(all_of_them=keeps_member)
        if problem and not self._proven:
            tried = self._life
            self._give(given, life)
            self._settled = settled
            await self._pool.restart_from(tried, self._drained_by())
            return problem
        if not problem and not keeps_member:
            # It leaves, so all partitions go with it, and come again: that replaces the other workers.
            problem = await self._hooks.exchange()
        if not problem:
            self._member = wanted
        return problem

    def _give(self, held: Held, life: int) -> None:
        self._given, self._life = held, life
        self._hooks.use(held.settings)

    async def _replace(self, *, all_of_them: bool) -> str:
        """Replace the workers one after the other, or one of them; why one could not work, or empty."""
        while (slot := self._pool.behind(self._life)) is not None and (all_of_them or not self._proven):
            if self._proven and (problem := await self._hooks.objection(self._given.settings)):
                return problem  # a broker that is away: a worker could not drain now
            known = slot.failure[1].kind if slot.failure is not None and slot.process is None else None
            await slot.restart(self._drained_by())
            problem = await self._failure_of(slot, known)
            if problem:
                return problem
            self._proven = self._proven or self._pool.has(slot)
        return ""

    def _drained_by(self) -> float:
        return self._timing.clock() + self._timing.drain_s

    async def _failure_of(self, slot: Slot, known: FailureKind | None) -> str:
        """Wait until its new worker gets somewhere, or until the slot is gone; why it cannot work, or empty.

        A failure that is `known`, from before, is not the new credentials'.
        """
        patience_s = NEXT_PROOF_S if self._proven else FIRST_PROOF_S
        life, begun = 0, 0.0
        while self._pool.has(slot):
            if slot.failure is not None and slot.failure[0] > self._life:
                failed = slot.failure[1]
                theirs = failed.kind is FailureKind.BAD_CREDENTIALS or failed.kind is not known
                return f"{failed.kind.value}: {failed.reason}" if theirs and failed.kind in _OF_CREDENTIALS else ""
            if slot.life > self._life and slot.process is not None:
                if slot.life != life:
                    life, begun = slot.life, self._timing.clock()
                if slot.delivers or self._timing.clock() - begun > patience_s:
                    return ""
            await self._timing.sleep(POLL_S)
        return ""
