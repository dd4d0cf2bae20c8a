"""How many events a program of the comparison has to drain."""

import pytest

from bench.compare import Plan, backlog
from bench.load import Shape
from bench.peers.peer import Job, Peer, Started


def never(_: Job) -> Started:
    raise AssertionError("nothing is started here")


@pytest.mark.parametrize(("events_max", "events"), [(None, 1_000), (100, 100), (1_000, 1_000), (5_000, 1_000)])
def test_a_program_drains_all_events_or_as_many_as_it_can_bear(events_max: int | None, events: int) -> None:
    plan = Plan(destinations=[1], events=1_000, turns=1, shape=Shape(namespaces=1))
    assert backlog(plan, Peer("slow", lambda: None, never, events_max=events_max)) == events
