"""How long an event is under way, by the broker's clock at both ends; figures are printed (`pytest -rP`).

What is asserted is loose, for the machine is shared; the figures are what counts.
"""

import time

import pytest

from bench.broker import LocalKafka
from bench.program import Program
from tests.support.comparing import wait_caught_up
from tests.support.figures import APPEND_TIME, appended_ms, percentile, told
from tests.support.load import Load, write
from tests.support.samples import PADDING, events
from tests.support.topics import read_all, read_topics, wait_until

START_S = 2.0
TRIES = 3  # those after the first are for a machine that is busy with other things
FOR_S = 4.0
P50_MS = 200.0  # quiet: 2 to 5; what this must catch is a linger or a wait of seconds on the way


def test_the_first_event_is_delivered_within_two_seconds_of_the_start(kafka: LocalKafka, prefix: str) -> None:
    took: list[float] = []
    for number in range(TRIES):
        source, destination = f"{prefix}-{number}", f"{prefix}-{number}-a"
        kafka.create_topics([source, destination], config=APPEND_TIME)
        write(kafka.bootstrap, source, events([destination], 1))
        started_ms = time.time() * 1000
        with Program(kafka.bootstrap, source, source) as program:
            wait_caught_up(kafka.bootstrap, source, source)
            assert program.terminate() == 0
        [delivered] = appended_ms(read_all(kafka.bootstrap, destination)).values()
        took.append((delivered - started_ms) / 1000)
        if took[-1] <= START_S:
            break
    print("from start to first delivery:", ", ".join(f"{seconds:.2f} s" for seconds in took))
    assert min(took) <= START_S


def milliseconds_under_way(kafka: LocalKafka, source: str, rate: int) -> list[float]:
    """From append to append, of each event of a steady load over 20 namespaces."""
    namespaces = [f"{source}-{number}" for number in range(20)]
    kafka.create_topic(source, 2, config=APPEND_TIME)
    kafka.create_topics(namespaces, config=APPEND_TIME)
    with Program(kafka.bootstrap, source, source) as program:
        # Each worker meets each namespace before: what is measured is not the start.
        with Load(kafka.bootstrap, source, namespaces, rate=500, partitions=2) as first:
            wait_until(lambda: first.acknowledged >= 2 * len(namespaces), 10, "one event of each namespace")
        wait_caught_up(kafka.bootstrap, source, source)
        with Load(kafka.bootstrap, source, namespaces, rate=rate, partitions=2, padding=PADDING) as load:
            wait_until(lambda: load.acknowledged >= rate * FOR_S, FOR_S * 4, "the load to be written")
            sent = load.stop()
        wait_caught_up(kafka.bootstrap, source, source)
        assert program.terminate() == 0
    written = appended_ms(read_all(kafka.bootstrap, source))
    found = read_topics(kafka.bootstrap, namespaces)
    delivered = appended_ms(record for records in found.values() for record in records)
    return [delivered[record.value] - written[record.value] for record in sent]


@pytest.mark.parametrize("rate", [10, 1_000])
def test_an_event_is_under_way_for_milliseconds(kafka: LocalKafka, prefix: str, rate: int) -> None:
    medians: list[float] = []
    for number in range(TRIES):
        under_way = milliseconds_under_way(kafka, f"{prefix}-{number}", rate)
        print(told(f"append to append at {rate} events/s", under_way))
        medians.append(percentile(under_way, 0.5))
        if medians[-1] < P50_MS:
            break
    assert min(medians) < P50_MS, medians
