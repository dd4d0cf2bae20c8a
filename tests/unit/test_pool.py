"""The pool on made-up processes: who is started, stopped and killed when."""

import asyncio
import time
from collections.abc import Iterable

import pytest

from fanout import link
from fanout.errors import ExitCode, FailureKind
from fanout.supervisor import backoff
from fanout.supervisor.pool import Pool
from fanout.supervisor.process import Load
from fanout.supervisor.slot import Hooks, Limits
from tests.unit.pooling import FAR, Bench, FakeProcess, scenario, turns, until


def test_each_partition_gets_a_worker_of_its_own() -> None:
    async def body() -> None:
        bench = Bench()
        await bench.add(0, 1, 7)
        assert bench.holds() == [[0], [1], [7]]
        assert bench.pool.partitions() == {0, 1, 7}
        assert sorted(bench.pool.pids()) == [1, 2, 3]
        await bench.pool.add([1, 7], FAR)
        await turns()
        assert len(bench.spawned) == 3, "what has a worker gets no second one"
        assert await bench.pool.stop(FAR)

    scenario(body)


def test_a_worker_that_dies_is_replaced_at_once_and_the_next_time_later() -> None:
    async def body() -> None:
        bench = Bench()
        await bench.add(0)
        await bench.ends(bench.spawned[0], -9)
        assert len(bench.spawned) == 2
        await bench.ends(bench.spawned[1], -9)
        died_at = time.monotonic()
        assert len(bench.spawned) == 2
        await until(lambda: len(bench.spawned) == 3)
        assert time.monotonic() - died_at > backoff.FIRST_S * 0.9
        assert bench.holds() == [[0]]
        await bench.pool.stop(FAR)

    scenario(body)


def test_a_worker_that_gets_somewhere_before_it_dies_is_replaced_at_once_every_time() -> None:
    async def body() -> None:
        bench = Bench(crashes_max=3)
        await bench.add(0)
        for number in range(10):
            bench.delivered[0] += 1
            await bench.ends(bench.spawned[-1], 1)
            assert len(bench.spawned) == number + 2
        assert bench.gave_up == []
        await bench.pool.stop(FAR)

    scenario(body)


def test_a_worker_that_crashes_again_and_again_without_progress_ends_the_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backoff, "FIRST_S", 0.0)

    async def body() -> None:
        bench = Bench(crashes_max=3)
        await bench.add(0, 1)
        for number in range(3):
            assert bench.gave_up == []
            process = next(process for process in bench.running() if process.partitions == {0})
            bench.delivered[1] += 1
            await bench.ends(process, 1)
            if number < 2:
                await until(lambda: len(bench.running()) == 2)
        assert len(bench.gave_up) == 1
        assert "[0]" in bench.gave_up[0]
        await bench.pool.stop(FAR)

    scenario(body)


def test_a_worker_that_tells_why_it_stops_is_tried_again_later_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_S", 0.001)
    monkeypatch.setattr(backoff, "MAX_S", 0.002)

    async def body() -> None:
        bench = Bench(crashes_max=3)
        await bench.add(0)
        failed = link.Failed(FailureKind.NOT_AUTHORIZED, "grant it")
        for number in range(10):
            await until(lambda expected=number: len(bench.spawned) == expected + 1)  # type: ignore[misc]
            await bench.ends(bench.spawned[-1], ExitCode.WORKER_FAILED, failed)
        assert bench.gave_up == []
        await bench.pool.stop(FAR)

    scenario(body)


def test_a_source_made_anew_is_read_from_its_start_at_once() -> None:
    async def body() -> None:
        bench = Bench()
        await bench.add(4)
        failed = link.Failed(FailureKind.SOURCE_RECREATED, "past the end")
        await bench.ends(bench.spawned[0], ExitCode.WORKER_FAILED, failed)
        assert bench.restarted == [frozenset({4})]
        assert len(bench.spawned) == 2
        await bench.pool.stop(FAR)

    scenario(body)


def test_a_worker_that_cannot_be_started_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_S", 0.001)

    async def body() -> None:
        bench = Bench(crashes_max=1)
        bench.spawn_error = OSError("no more processes")
        await bench.pool.add([0], FAR)
        await turns(100)
        bench.spawn_error = None
        await until(lambda: bench.holds() == [[0]])
        assert bench.gave_up == []
        await bench.pool.stop(FAR)

    scenario(body)


def test_drain_stops_the_workers_of_these_partitions_with_the_deadline_and_waits_for_their_end() -> None:
    async def body() -> None:
        bench = Bench()
        bench.obedient = False
        await bench.add(0, 1)
        draining = asyncio.create_task(bench.pool.drain([1], 123.0))
        await turns()
        assert [(sorted(process.partitions), process.stops) for process in bench.spawned] == [([0], []), ([1], [123.0])]
        assert not draining.done()
        bench.spawned[1].end(ExitCode.OK)
        await asyncio.wait_for(draining, 5)
        await turns()
        assert bench.holds() == [[0]]
        assert bench.pool.partitions() == {0}
        bench.spawned[0].end(-9)
        await turns()
        assert bench.holds() == [[0]], "the other goes on"
        bench.obedient = True

    scenario(body)


def test_a_revoke_during_the_start_of_a_worker_stops_it_as_soon_as_it_is_there() -> None:
    async def body() -> None:
        bench = Bench()
        bench.may_spawn.clear()
        await bench.pool.add([0], FAR)
        await turns()
        draining = asyncio.create_task(bench.pool.drain([0], 123.0))
        await turns()
        assert not draining.done()
        bench.may_spawn.set()
        await asyncio.wait_for(draining, 5)
        assert bench.spawned[0].stops == [123.0]
        await turns()
        assert len(bench.spawned) == 1
        assert bench.pool.partitions() == set()

    scenario(body)


def test_a_revoke_while_a_dead_worker_waits_for_its_replacement_is_done_at_once() -> None:
    async def body() -> None:
        bench = Bench()
        await bench.add(0)
        await bench.ends(bench.spawned[0], -9)
        await bench.ends(bench.spawned[1], -9)
        await asyncio.wait_for(bench.pool.drain([0], FAR), 5)
        await turns()
        assert len(bench.spawned) == 2
        assert bench.pool.partitions() == set()

    scenario(body)


def test_a_revoke_while_the_ownership_is_in_doubt_starts_nothing_later() -> None:
    async def body() -> None:
        bench = Bench()
        bench.may_start.clear()
        await bench.pool.add([0], FAR)
        await turns()
        await asyncio.wait_for(bench.pool.drain([0], FAR), 5)
        bench.may_start.set()
        await turns()
        assert bench.spawned == []

    scenario(body)


def test_drop_kills_without_a_drain() -> None:
    async def body() -> None:
        bench = Bench()
        bench.obedient = False
        await bench.add(0, 1)
        bench.pool.drop([0])
        await turns()
        assert [(process.killed, process.stops) for process in bench.spawned] == [(True, []), (False, [])]
        assert bench.holds() == [[1]]
        assert bench.pool.partitions() == {1}

    scenario(body)


def test_drop_during_the_start_of_a_worker_kills_it_as_soon_as_it_is_there() -> None:
    async def body() -> None:
        bench = Bench()
        bench.may_spawn.clear()
        await bench.pool.add([0], FAR)
        await turns()
        bench.pool.drop([0])
        bench.may_spawn.set()
        await until(lambda: bench.spawned)
        await turns()
        assert bench.spawned[0].killed
        assert bench.running() == []

    scenario(body)


def test_a_partition_that_is_lost_and_given_again_gets_a_new_worker() -> None:
    async def body() -> None:
        bench = Bench()
        await bench.add(0)
        bench.pool.drop([0])
        await bench.pool.add([0], FAR)
        await turns()
        assert bench.spawned[0].killed
        assert bench.holds() == [[0]]
        assert len(bench.spawned) == 2
        await bench.pool.stop(FAR)

    scenario(body)


def test_workers_max_packs_partitions_evenly_and_restarts_those_that_get_more() -> None:
    async def body() -> None:
        bench = Bench(workers_max=2)
        await bench.add(0, 1, 2)
        assert bench.holds() == [[0, 2], [1]]
        assert len(bench.spawned) == 2, "nothing is restarted at the beginning"
        await bench.pool.add([3], 77.0)
        await turns()
        assert bench.holds() == [[0, 2], [1, 3]]
        assert [process.stops for process in bench.spawned] == [[], [77.0], []]
        await bench.pool.stop(FAR)

    scenario(body)


def test_a_worker_of_several_partitions_goes_on_with_those_that_are_left() -> None:
    async def body() -> None:
        bench = Bench(workers_max=1)
        await bench.add(0, 1, 2)
        await asyncio.wait_for(bench.pool.drain([1], FAR), 5)
        await turns()
        assert bench.holds() == [[0, 2]]
        bench.pool.drop([0])
        await turns()
        assert bench.holds() == [[2]]
        assert await bench.pool.stop(FAR)

    scenario(body)


def test_with_workers_max_a_partition_that_comes_while_a_worker_ends_is_not_left_without_one() -> None:
    async def body() -> None:
        bench = Bench(workers_max=1)
        await bench.add(0)
        bench.may_start.clear()
        bench.spawned[0].end(-9)
        await turns()
        # The worker's task ends in the next step; the new partition comes before its end is noticed.
        bench.pool.drop([0])
        bench.may_start.set()
        await asyncio.sleep(0)
        await bench.pool.add([1], FAR)
        await turns(50)
        assert bench.holds() == [[1]]

    scenario(body)


def test_stop_drains_all_side_by_side_and_tells_whether_all_was_delivered() -> None:
    async def body() -> None:
        bench = Bench()
        bench.obedient = False
        await bench.add(0, 1)
        stopping = asyncio.create_task(bench.pool.stop(123.0))
        await turns()
        assert [process.stops for process in bench.spawned] == [[123.0], [123.0]]
        bench.spawned[0].end(ExitCode.OK)
        await turns()
        assert not stopping.done()
        bench.spawned[1].end(ExitCode.OK)
        assert await asyncio.wait_for(stopping, 5)
        assert bench.pool.partitions() == set()
        assert len(bench.spawned) == 2

    scenario(body)


@pytest.mark.parametrize("exit_code", [ExitCode.STOPPED_UNDELIVERED, ExitCode.WORKER_LEASE_EXPIRED, 1, -9, -6])
def test_stop_tells_that_not_all_was_delivered(exit_code: int) -> None:
    async def body() -> None:
        bench = Bench()
        bench.obedient = False
        await bench.add(0, 1)
        stopping = asyncio.create_task(bench.pool.stop(123.0))
        await turns()
        bench.spawned[0].end(exit_code)
        bench.spawned[1].end(ExitCode.OK)
        assert not await asyncio.wait_for(stopping, 5)

    scenario(body)


def test_an_earlier_drain_that_was_not_complete_does_not_spoil_a_later_clean_stop() -> None:
    async def body() -> None:
        bench = Bench(workers_max=1)
        bench.obedient = False
        await bench.add(0, 1)
        draining = asyncio.create_task(bench.pool.drain([1], FAR))
        await turns()
        bench.obedient = True
        bench.spawned[0].end(ExitCode.STOPPED_UNDELIVERED)
        await asyncio.wait_for(draining, 5)
        await until(lambda: bench.holds() == [[0]])
        assert await asyncio.wait_for(bench.pool.stop(FAR), 5)

    scenario(body)


def test_stop_does_not_wait_for_an_ownership_that_is_in_doubt() -> None:
    async def body() -> None:
        bench = Bench()
        bench.may_start.clear()
        await bench.pool.add([0], FAR)
        await turns()
        await asyncio.wait_for(bench.pool.stop(FAR), 1)
        assert bench.spawned == []

    scenario(body)


def test_a_second_signal_shortens_a_stop_that_is_under_way() -> None:
    async def body() -> None:
        bench = Bench()
        bench.obedient = False
        await bench.add(0)
        stopping = asyncio.create_task(bench.pool.stop(123.0))
        await turns()
        bench.pool.hurry(5.0)
        assert bench.spawned[0].stops == [123.0, 5.0]
        bench.spawned[0].end(ExitCode.STOPPED_UNDELIVERED)
        assert not await asyncio.wait_for(stopping, 5)

    scenario(body)


def test_a_second_signal_also_reaches_a_worker_that_is_only_being_started() -> None:
    async def body() -> None:
        bench = Bench()
        bench.may_spawn.clear()
        await bench.pool.add([0], FAR)
        await turns()
        stopping = asyncio.create_task(bench.pool.stop(123.0))
        await turns()
        bench.pool.hurry(5.0)
        bench.may_spawn.set()
        await asyncio.wait_for(stopping, 5)
        assert min(bench.spawned[0].stops) == 5.0

    scenario(body)


def test_a_stop_never_gives_a_worker_more_time_than_the_revoke_that_came_before() -> None:
    async def body() -> None:
        bench = Bench(workers_max=1)
        bench.obedient = False
        await bench.add(0, 1)
        draining = asyncio.create_task(bench.pool.drain([1], 50.0))
        await turns()
        stopping = asyncio.create_task(bench.pool.stop(123.0))
        await turns()
        assert max(bench.spawned[0].stops) == 50.0
        bench.spawned[0].end(ExitCode.OK)
        await asyncio.wait_for(asyncio.gather(draining, stopping), 5)

    scenario(body)


def test_a_tick_renews_the_leases_and_looks_for_workers_that_hang() -> None:
    async def body() -> None:
        bench = Bench()
        await bench.add(0, 1)
        bench.pool.tick(500.0, reading=False)
        for process in bench.spawned:
            assert process.leases == [510.0]
            assert not process.reading
            assert process.checks == [(500.0, 15.0)]
        bench.pool.forgive()
        assert [process.forgiven for process in bench.spawned] == [1, 1]
        await bench.pool.stop(FAR)

    scenario(body)


def test_all_can_be_killed_and_start_again_when_they_may() -> None:
    async def body() -> None:
        bench = Bench()
        await bench.add(0, 1)
        bench.may_start.clear()
        bench.pool.kill_all()
        await turns()
        assert [process.killed for process in bench.spawned] == [True, True]
        assert len(bench.spawned) == 2
        bench.may_start.set()
        await turns()
        assert bench.holds() == [[0], [1]]
        await bench.pool.stop(FAR)

    scenario(body)


def test_a_supervision_that_breaks_ends_the_program() -> None:
    async def body() -> None:
        bench = Bench()

        async def broken(_partitions: Iterable[int]) -> FakeProcess:
            raise RuntimeError("a bug")

        bench.pool = Pool(
            Limits(0, 10, 10.0, 15.0),
            Hooks(
                broken,
                lambda _partitions: 0,
                bench.restarted.append,
                bench._may_start,
                bench.gave_up.append,
                bench._ended,
            ),
        )
        await bench.pool.add([0], FAR)
        await until(lambda: bench.gave_up)
        assert "a bug" in bench.gave_up[0]

    scenario(body)


def test_the_end_of_every_worker_is_told_with_its_cause_and_what_may_come_twice() -> None:
    async def body() -> None:
        bench = Bench()
        await bench.add(0)
        bench.spawned[0].load = Load(30, 300, 1)
        await bench.ends(bench.spawned[0], -9)
        await until(bench.running)
        bench.spawned[1].load = Load(4, 40, 1)
        bench.spawned[1].end(10, link.Failed(FailureKind.NOT_AUTHORIZED, "no right"))
        await until(lambda: len(bench.ended) == 2)
        (slot,) = bench.pool.slots()
        assert slot.history.failure is not None
        assert (slot.history.failure.cause, slot.history.failure.reason) == ("not-authorized", "no right")
        assert (slot.history.ends, slot.history.crashes) == (2, 1)
        await bench.pool.stop(FAR)
        assert bench.ended == [("killed", 30), ("not-authorized", 4)]

    scenario(body)


def test_a_worker_that_ends_as_it_is_told_to_has_no_cause() -> None:
    async def body() -> None:
        bench = Bench()
        await bench.add(0)
        bench.spawned[0].load = Load(30, 300, 1)
        await bench.pool.stop(FAR)
        assert bench.ended == [("", 0)], "it has drained: nothing comes twice"
        await bench.add(1)
        bench.spawned[1].load = Load(30, 300, 1)
        bench.pool.drop({1})
        await until(lambda: len(bench.ended) == 2)
        assert bench.ended[1] == ("", 30)

    scenario(body)
