"""The program of the comparison that needs no build, and a comparison in which it gets fewer events than another."""

from pathlib import Path

import msgspec

from bench.compare import Plan, compare
from bench.load import Shape
from bench.peers.catalogue import PEERS
from tests.support.peers import assert_delivers_and_stops, ground

NAIVE = PEERS["confluent-naive"]


def test_the_naive_loop_delivers_every_event_once_and_stops_with_what_it_delivered_committed(tmp_path: Path) -> None:
    with ground(events=1_000, namespaces=5) as there:
        assert_delivers_and_stops(NAIVE, there, tmp_path / "log")


def test_a_program_with_a_bound_is_measured_on_so_many_events_and_the_others_on_all() -> None:
    unbound = msgspec.structs.replace(NAIVE, name="unbound", events_max=None)
    bound = msgspec.structs.replace(NAIVE, name="bound", events_max=100)
    told: list[str] = []
    plan = Plan(destinations=[5], events=300, turns=1, shape=Shape(namespaces=0))
    (measured,) = compare(plan, [unbound, bound], told.append).rounds
    assert [(turn.peer, turn.events) for turn in measured.turns[0]] == [("unbound", 300), ("bound", 100)]
    assert [turn.events for turn in measured.idle] == [2, 2]
    assert any("bound" in line and "100 events" in line for line in told)
