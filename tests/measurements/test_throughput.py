"""`python -m bench throughput`, `sweep` and `scale` with next to nothing: that they run, and that nothing is lost.

No time is asserted: the machine is shared. That every event arrived once, and as it was, is what each drain itself
looks at: a command that ends with 0 has seen it.
"""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from click.testing import Result as Done

from bench.broker import LocalKafka
from bench.cases import Measured
from bench.commands.scale import scale_command
from bench.commands.sweep import sweep_command
from bench.commands.throughput import throughput_command
from bench.load import Shape, fill
from bench.result import load
from bench.scale import Scale
from bench.sweep import Sweep
from bench.throughput import Throughput

pytestmark = pytest.mark.timeout(400)

EVENTS = 3_000


def run(command: click.Command, *arguments: str) -> Done:
    return CliRunner().invoke(
        command, [*arguments, "--events", str(EVENTS), "--turns", "1"], catch_exceptions=False, color=False
    )


def assert_measured(measured: Measured, *, events: int = EVENTS) -> None:
    """One turn of all events, with as many workers as partitions, and requests of at least a record each."""
    assert measured.idle.events == 2
    [turn] = measured.turns
    assert turn.events == events
    assert len(turn.processes) == 1 + measured.case.partitions
    assert measured.requests_per_event is not None
    assert 0 < measured.requests_per_event <= 1
    assert measured.worker_peak_bytes() > 10e6
    assert measured.threads()[0] > 1 + measured.case.partitions
    assert measured.connections()[0] > measured.case.partitions


def test_throughput_drains_every_case_and_counts_its_requests(kept: Path) -> None:
    done = run(
        throughput_command, "--destinations", "2,3", "--headers", "0.5", "--skew", "1", "--set", "LOG_LEVEL=warning"
    )
    assert done.exit_code == 0, done.output
    assert "3 destinations" in done.output
    found = load(kept, Throughput).data
    assert found.events == EVENTS
    assert [measured.case.shape for measured in found.measured] == [
        Shape(namespaces=count, skew=1.0, headers=0.5) for count in (2, 3)
    ]
    for measured in found.measured:
        assert_measured(measured)
        assert measured.case.settings == {"LOG_LEVEL": "warning"}
        assert measured.round_trip_ms is None
        assert measured.value_bytes is not None
        assert 1_100 <= measured.value_bytes < 1_200


def test_a_sweep_of_distance_goes_through_a_proxy_that_is_as_far_away_as_was_asked_for(kept: Path) -> None:
    done = run(sweep_command, "round-trip", "--values", "0,1")
    assert done.exit_code == 0, done.output
    [series] = load(kept, Sweep).data.series
    assert (series.figure, series.unit, series.values) == ("round trip", "ms", ["0", "1"])
    for measured in series.measured:
        assert_measured(measured)
    near, far = series.measured
    assert near.round_trip_ms is not None
    assert far.round_trip_ms is not None
    assert far.round_trip_ms >= 1.0


def test_a_sweep_of_compression_drains_what_is_compressed(kept: Path) -> None:
    done = run(sweep_command, "compression-in", "--values", "none,lz4")
    assert done.exit_code == 0, done.output
    [series] = load(kept, Sweep).data.series
    assert [measured.case.compression for measured in series.measured] == ["none", "lz4"]
    for measured in series.measured:
        assert_measured(measured)


def test_a_source_is_written_with_the_compression_that_was_asked_for() -> None:
    size = {}
    with LocalKafka() as kafka:
        for topic in ("none", "lz4", "zstd"):
            kafka.create_topic(topic)
            fill(kafka.bootstrap, topic, EVENTS, Shape(namespaces=3), topic)
            size[topic] = sum(log.stat().st_size for log in kafka.data_dir.rglob(f"{topic}-0/*.log"))
    assert size["none"] > EVENTS * 1_100
    assert max(size["lz4"], size["zstd"]) < size["none"] / 2


def test_scale_has_as_many_workers_as_partitions_and_as_many_events_for_each(kept: Path) -> None:
    done = run(scale_command, "--workers", "1,2", "--destinations", "3")
    assert done.exit_code == 0, done.output
    assert "No law is fitted" in done.output
    found = load(kept, Scale).data
    assert (found.events, found.workers, found.fit) == (EVENTS, [1, 2], None)
    for workers, measured in zip(found.workers, found.measured, strict=True):
        assert_measured(measured, events=EVENTS * workers)
        assert measured.case.partitions == workers


def test_a_program_that_cannot_run_ends_the_measurement_with_its_last_words(kept: Path) -> None:
    done = run(throughput_command, "--destinations", "2", "--set", "INFLIGHT_RECORDS=none")
    assert done.exit_code == 1
    assert "broken off: 2 destinations: events-fanout" in done.output
    assert "INFLIGHT_RECORDS" in done.output
    assert not kept.exists()
