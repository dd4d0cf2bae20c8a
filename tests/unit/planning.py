"""Made-up measurements and demands for the tests of the plan. No figure here was measured."""

from typing import Any

from bench.plan.costs import Costs, Point, costs_of
from bench.plan.demand import Demand
from bench.plan.view import View, priced, view


def point(destinations: int = 20, **changed: Any) -> Point:  # noqa: ANN401  # any field of it
    """A point whose turns are all the same: 10 us, 50 000 events/s of a worker, 100 MB."""
    usual: dict[str, Any] = {
        "size_bytes": 1_000.0,
        "cpu_us": [10.0] * 5,
        "wall_events_per_s": [50_000.0] * 5,
        "worker_peak_bytes": 100e6,
        "supervisor_peak_bytes": 50e6,
        "broker_us": [4.0] * 5,
        "requests_per_event": 0.05,
        "source": "made-up.json",
        "start_up_s": [2.0] * 3,
    }
    made = usual | changed
    return Point(destinations=destinations, **{"supervisor_us": [us / 20 for us in made["cpu_us"]]} | made)


def flat(**changed: Any) -> Costs:  # noqa: ANN401  # any field of a point
    """The same cost at any number of destinations and any size, so that plans can be worked out by hand."""
    return costs_of([point(count, size_bytes=size, **changed) for count in (1, 10_000) for size in (1_000.0, 2_000.0)])


def grown() -> Costs:
    """Costs with a spread that grow with destinations and size, about as the README's."""
    points = [
        point(count, size_bytes=size, cpu_us=[us * more * turn for turn in (0.92, 1.0, 1.0, 1.05, 1.1)],
              wall_events_per_s=[rate / more / turn for turn in (0.95, 1.0, 1.0, 1.05, 1.1)], worker_peak_bytes=peak)
        for count, us, rate, peak in ((20, 6.9, 70e3, 116e6), (100, 8.0, 62e3, 122e6), (1_000, 11.8, 45e3, 182e6))
        for size, more in ((1_100.0, 1.0), (2_200.0, 1.3))
    ]  # fmt: skip
    return costs_of(points, "a made-up machine")


def demand(**changed: Any) -> Demand:  # noqa: ANN401  # any field of it
    """A demand that one worker meets, without resyncs and outages, of which no replica may be lost."""
    usual: dict[str, Any] = {
        "events_per_s": 100.0,
        "peak_per_s": 1_000.0,
        "namespaces": 100,
        "event_size_bytes": 1_000.0,
        "outage_s": 0.0,
        "replicas_lost": 0,
        "headroom": 0.5,
        "cores_per_pod": 4.0,
    }
    return Demand(**usual | changed)


def view_of(asked: Demand, costs: Costs | None = None) -> View:
    """The costs of a demand as plain numbers, by default the flat ones."""
    return view(priced(costs or flat(), asked), "value")
