"""A replica in its group: what it commits, and where its workers begin, under every order of what befalls it."""

from collections import Counter

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fanout.errors import ExitCode, FailureKind
from fanout.supervisor.certainty import HEARTBEAT_S
from tests.models.group_parts import OTHER, PARTITIONS, REFUSALS
from tests.models.pool_parts import DEATH_S
from tests.models.profile import examples
from tests.models.replica_parts import Replica
from tests.unit.fakes import settings

pytestmark = pytest.mark.timeout(600)  # what fails is made small, which takes a while

STOP_S = 30.0
CRASHES_MAX = 50
SETTLE_S = 200.0  # longer than any answer is waited for
EVENT_S = 1.0  # a poll, and what comes before it

some = st.sets(st.sampled_from(PARTITIONS), min_size=1, max_size=3)
offsets = st.dictionaries(st.sampled_from(PARTITIONS), st.integers(0, 9))
turns = st.integers(0, 8)


class GroupMachine(RuleBasedStateMachine):
    """What the group, the other replica, the workers and the host do to a replica; `Group` judges every commit."""

    def __init__(self) -> None:
        super().__init__()
        self.replica = Replica()
        self.group = self.replica.group
        self.loop = self.replica.loop
        self.live = self.replica.live
        self.member = self.replica.member
        self.crashes = 0

    @initialize(workers_max=st.integers(0, 2), committed=offsets, given=some)
    def begin(self, workers_max: int, committed: dict[int, int], given: set[int]) -> None:
        self.group.committed |= committed
        self.group.committed_of |= dict.fromkeys(committed, str(self.group.topic_id))
        self.group.delivered |= committed
        self.replica.begin(settings(workers_max=workers_max, crashes_max=CRASHES_MAX, http_port=0))
        self.assign(given, 0)
        self.loop.advance(1.0)

    @precondition(lambda self: self.member())
    @rule(given=some, after=turns)
    def assign(self, given: set[int], after: int) -> None:
        member = self.member()
        free = {partition for partition in given if self.group.owner[partition] is None}
        if free and member is not None:
            self.group.pass_to(member, free)
            member.events.append(("assign", free))
        self.loop.step(after)

    @precondition(lambda self: self.member())
    @rule(taken=some, after=turns)
    def revoke(self, taken: set[int], after: int) -> None:
        member = self.member()
        assert member is not None
        going = {partition for what, named in member.events if what == "revoke" for partition in named}
        held = (taken & self.group.ours()) - going
        if held:
            member.events.append(("revoke", held))
        self.loop.step(after)

    @precondition(lambda self: self.member() and self.live())
    @rule(learns_s=st.floats(0, HEARTBEAT_S - EVENT_S), frozen_s=st.sampled_from([0.0, 0.0, 50.0]), after=turns)
    def expel(self, learns_s: float, frozen_s: float, after: int) -> None:
        """All partitions are another replica's; perhaps because this one did not run for so long."""
        member = self.member()
        assert member is not None
        ours = self.group.ours()
        self.group.pass_to(OTHER, ours)
        member.fenced = True
        if frozen_s:
            self.replica.freeze(frozen_s)
        member.learns_at = self.replica.clock.now + learns_s
        self.loop.step(after)

    @precondition(lambda self: self.live())
    @rule(seconds=st.sampled_from([1.0, 5.0, 12.0, 40.0]))
    def freeze(self, seconds: float) -> None:
        """This replica's supervisor does not run, and stays a member."""
        self.replica.freeze(seconds)

    @precondition(lambda self: self.group.others())
    @rule(data=st.data(), count=st.integers(0, 9), gives_back=st.booleans())
    def be_delivered_elsewhere(self, data: st.DataObject, count: int, gives_back: bool) -> None:
        partition = data.draw(st.sampled_from(sorted(self.group.others())))
        upto = count + (0 if partition in self.group.restarted else self.group.committed.get(partition, 0))
        if self.group.noticed_id == self.group.topic_id:
            self.group.deliver(partition, upto)
            self.group.commit(OTHER, {partition: upto}, {partition: str(self.group.noticed_id)})
        if gives_back:
            self.group.pass_to(None, [partition])

    @precondition(lambda self: self.group.others())
    @rule()
    def be_alone(self) -> None:
        self.group.pass_to(None, self.group.others())

    @precondition(lambda self: None in self.group.owner.values())
    @rule(partition=st.sampled_from(PARTITIONS))
    def be_taken(self, partition: int) -> None:
        if self.group.owner[partition] is None:
            self.group.pass_to(OTHER, [partition])

    @precondition(lambda self: self.live())
    @rule(data=st.data(), count=st.integers(1, 9), reports=st.booleans())
    def deliver(self, data: st.DataObject, count: int, reports: bool) -> None:
        process = data.draw(st.sampled_from(self.live()))
        process.deliver(data.draw(st.sampled_from(sorted(process.partitions))), count)
        if reports:
            process.report()

    @precondition(lambda self: any(not process.gone for process in self.replica.processes))
    @rule(data=st.data(), after=turns)
    def report(self, data: st.DataObject, after: int) -> None:
        """Of one that was killed, too: its last words are still on the link."""
        data.draw(st.sampled_from([process for process in self.replica.processes if not process.gone])).report()
        self.loop.step(after)

    @precondition(lambda self: self.live())
    @rule(data=st.data(), kind=st.none() | st.sampled_from([FailureKind.NOT_AUTHORIZED]), after=turns)
    def crash(self, data: st.DataObject, kind: FailureKind | None, after: int) -> None:
        self.crashes += 1
        data.draw(st.sampled_from(self.live())).end(-11 if kind is None else 10, kind)
        self.loop.step(after)

    @precondition(lambda self: self.live())
    @rule(stubborn=st.booleans(), slow_spawn_s=st.sampled_from([0.0, 0.0, 0.2]), death_s=st.sampled_from([0.01, 9.0]))
    def change_manner(self, stubborn: bool, slow_spawn_s: float, death_s: float) -> None:
        """How workers take a stop, how long a start takes, and how long the last of a killed one is heard."""
        self.group.death_s = death_s
        self.replica.slow_spawn_s = slow_spawn_s
        for process in self.live():
            process.silent = stubborn

    @precondition(lambda self: self.member() and self.live())
    @rule(
        code=st.none() | st.sampled_from(REFUSALS), times=st.integers(1, 3), silent=st.booleans(),
        slow_s=st.sampled_from([0.0, 0.3, 4.0, 20.0]),
    )  # fmt: skip
    def trouble_the_client(self, code: int | None, times: int, silent: bool, slow_s: float) -> None:
        member = self.member()
        assert member is not None
        member.refusals = [code] * times if code is not None else []
        member.slow_s, member.silent = slow_s, silent

    @precondition(lambda self: self.member() and self.live())
    @rule()
    def break_the_client(self) -> None:
        member = self.member()
        assert member is not None
        member.broken = True

    @precondition(lambda self: self.live())
    @rule()
    def make_the_source_anew(self) -> None:
        self.group.restart_topic()

    @precondition(lambda self: self.crashes > 1)  # or it would be all there is
    @rule(after=turns)
    def stop(self, after: int) -> None:
        if not self.replica.running.done():
            self.replica.terminate()
        self.loop.step(after)

    @rule(count=st.integers(1, 12))
    def step(self, count: int) -> None:
        self.loop.step(count)

    @rule(seconds=st.sampled_from([0.05, 0.3, 1.0, 1.0, 7.0, 30.0]))
    def wait(self, seconds: float) -> None:
        self.loop.advance(seconds)

    @invariant()
    def it_holds(self) -> None:
        self._nothing_is_wrong()
        held = Counter(partition for process in self.live() for partition in process.partitions)
        assert all(count == 1 for count in held.values()), f"two workers of one partition: {self.live()}"
        assert not held.keys() & self.group.let_go, f"workers of partitions that were revoked or lost: {self.live()}"

    def _nothing_is_wrong(self) -> None:
        assert not self.group.wrong, self.group.wrong
        assert not self.loop.broken, self.loop.broken
        assert self.crashes >= CRASHES_MAX or not self.replica.supervisor._shutdown.gave_up

    def teardown(self) -> None:
        try:
            if hasattr(self.replica, "running") and not self.group.wrong:
                self._settle()
        finally:
            self.replica.close()

    def _settle(self) -> None:
        """With no more trouble, what is ours has workers, what they report is committed, and a stop is clean."""
        self._calm()
        if not self.replica.supervisor._shutdown.begun.is_set():
            self.loop.advance(SETTLE_S)
            self._calm()
            held = sorted(partition for process in self.live() for partition in process.partitions)
            assert held == sorted(self.group.ours())
            for process in self.live():
                for partition in process.partitions:
                    process.deliver(partition, 1)
                process.report()
            self.loop.advance(10.0)
            owed = dict(self.group.owed)
            assert owed.items() <= self.group.committed.items(), f"{owed} of {self.group.committed}"
            for process in self.live():
                process.deliver(min(process.partitions), 1)
            ends = {partition: end for process in self.live() for partition, end in process.positions.items()}
            self.replica.terminate()
            assert self.replica.ended(STOP_S) is ExitCode.OK
            assert ends.items() <= self.group.committed.items(), f"a clean stop left {ends}"
        self.replica.ended(STOP_S)
        assert self.live() == []
        self._nothing_is_wrong()

    def _calm(self) -> None:
        self.replica.slow_spawn_s, self.group.death_s = 0.0, DEATH_S
        for process in self.live():
            process.silent = False
        member = self.group.member
        if member is not None:
            member.refusals, member.slow_s, member.silent = [], 0.0, False


GroupMachine.TestCase.settings = examples(80, 50)
# Some orders come upon what test_pool_turns.py shows; without it the model holds.
TestGroup = GroupMachine.TestCase
