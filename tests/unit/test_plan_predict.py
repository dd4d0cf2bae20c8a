"""What a drain should come to, and when the model does not hold."""

import pytest

from bench.plan.predict import Prediction, deviations, predict
from tests.unit.planning import flat, grown


def test_a_drain_takes_its_start_and_its_events_over_the_rate_of_its_workers() -> None:
    found = predict(flat(), 100, 1_000, 400_000, workers=2)
    assert found.cpu_us == pytest.approx(10.0)
    assert found.events_per_s == pytest.approx(100_000.0)
    assert found.catch_up_s == pytest.approx(6.0)


def test_cores_that_are_a_pod_s_own_bound_it() -> None:
    assert predict(flat(), 100, 1_000, 400_000, workers=2, cores=0.5).events_per_s == pytest.approx(50_000.0)


def test_at_a_measured_point_the_prediction_is_the_measurement() -> None:
    found = predict(grown(), 1_000, 1_100, 1)
    assert found.cpu_us == pytest.approx(11.8)
    assert found.events_per_s == pytest.approx(45e3)


def test_more_destinations_larger_events_and_a_larger_backlog_take_longer() -> None:
    usual = predict(grown(), 100, 1_100, 400_000)
    for more in (
        predict(grown(), 1_000, 1_100, 400_000),
        predict(grown(), 100, 2_200, 400_000),
        predict(grown(), 100, 1_100, 800_000),
    ):
        assert more.catch_up_s > usual.catch_up_s


@pytest.mark.parametrize(
    ("measured", "holding"),
    [
        (Prediction(11.4, 71_000.0, 12.9), [True, True, True]),
        (Prediction(8.6, 129_000.0, 7.1), [True, True, True]),
        (Prediction(11.6, 100_000.0, 10.0), [False, True, True]),
        (Prediction(10.0, 69_000.0, 13.1), [True, False, False]),
        (Prediction(8.4, 131_000.0, 6.9), [False, False, False]),
    ],
)
def test_cpu_may_differ_by_15_percent_and_rate_and_time_by_30(measured: Prediction, holding: list[bool]) -> None:
    found = deviations(Prediction(10.0, 100_000.0, 10.0), measured)
    assert [each.holds for each in found] == holding


def test_a_deviation_tells_both_and_by_how_much() -> None:
    cpu, rate, time = deviations(Prediction(10.0, 100_000.0, 10.0), Prediction(12.0, 80_000.0, 130.0))
    assert (cpu.what, cpu.predicted, cpu.measured, round(cpu.off, 3)) == ("CPU us per event", "10 us", "12 us", 0.2)
    assert (rate.predicted, rate.measured, round(rate.off, 3)) == ("100,000 events/s", "80,000 events/s", -0.2)
    assert (time.predicted, time.measured) == ("10 s", "2 min 10 s")
