"""What the program promises on every Kafka: the same tests on the mock cluster and on a real one.

The mock has no request that creates topics, so all runs have TOPIC_CREATE=broker.
"""

import os
import signal
import time

import pytest

from bench.program import Program
from fanout.errors import ExitCode
from tests.contract.conftest import PARTITIONS, Served
from tests.support.comparing import (
    Group,
    assert_complete,
    assert_exactly,
    assert_ordered,
    by_namespace,
    content,
    wait_caught_up,
)
from tests.support.load import write
from tests.support.samples import CREATE_TIME, event, events, partition_of
from tests.support.topics import Record, read_all, read_topics, wait_until

HEADERS = (("traceparent", b"00-1"), ("twice", b"1"), ("twice", b""), ("null", None))


def program(served: Served, **settings: object) -> Program:
    """The program on this Kafka."""
    return Program(served.bootstrap, served.source, served.source, TOPIC_CREATE="broker", **settings)


def run(served: Served, **settings: object) -> Program:
    """Run it until the source is committed to its end, and stop it."""
    with program(served, **settings) as running:
        wait_caught_up(served.bootstrap, served.source, served.source)
        assert running.terminate() == ExitCode.OK
    return running


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_each_record_is_delivered_once_in_order(served: Served, protocol: str) -> None:
    sent = events([f"{served.source}-{name}" for name in "abc"], 600, partitions=PARTITIONS)
    write(served.bootstrap, served.source, sent)
    run(served, GROUP_PROTOCOL=protocol)
    assert_exactly(served.bootstrap, sent)
    assert_ordered(served.bootstrap, sent)


@pytest.mark.parametrize("age_ms", [2_000, 40 * 86_400_000])
def test_key_value_headers_and_timestamp_are_kept(served: Served, age_ms: int) -> None:
    name = f"{served.source}-a"
    stamp = (
        CREATE_TIME,
        int(time.time() * 1000) - age_ms,
    )  # the old one is sent only when its topic's limits are known
    sent = [
        Record(event(name, "pod", number), key, headers, stamp, partition=number % PARTITIONS)
        for number, (key, headers) in enumerate([(None, ()), (b"", HEADERS), (b"key", HEADERS), (b"\xff\x00", ())])
    ]
    write(served.bootstrap, served.source, sent)
    run(served)
    assert sorted(map(content, read_all(served.bootstrap, name)), key=repr) == sorted(map(content, sent), key=repr)


def test_poison_is_a_dead_letter_and_holds_up_nothing(served: Served) -> None:
    good = events([f"{served.source}-a"], 40, partitions=PARTITIONS)
    poison = {
        "not-json": b"rubbish",
        "no-namespace": b"{}",
        "bad-namespace": event("..", "pod", 0),
        "reserved-topic": event(served.source, "pod", 0),
    }
    bad = [Record(value, reason.encode(), HEADERS, partition=0) for reason, value in poison.items()]
    write(served.bootstrap, served.source, good[:20] + bad + good[20:])
    totals = run(served).totals()
    assert (totals["delivered"], totals["dead_letters"]) == (40, 4)
    assert_exactly(served.bootstrap, good)
    letters = read_all(served.bootstrap, f"{served.source}-dlq")
    assert sorted((dict(r.headers)["fanout.reason"], r.key, r.value) for r in letters) == sorted(
        (reason.encode(), reason.encode(), value) for reason, value in poison.items()
    )
    assert all(letter.headers[: len(HEADERS)] == HEADERS for letter in letters)


def test_the_next_start_goes_on_where_the_last_one_stopped(served: Served) -> None:
    first, second = (events([f"{served.source}-a"], 100, partitions=PARTITIONS, start=start) for start in (0, 100))
    # With the classic protocol the mock keeps a member that has left for the rest of its session.
    for sent in (first, second):
        write(served.bootstrap, served.source, sent)
        assert run(served, GROUP_PROTOCOL="consumer").totals()["delivered"] == 100
    assert_exactly(served.bootstrap, first + second)


def test_nothing_is_committed_that_was_not_delivered(served: Served) -> None:
    sent = events([f"{served.source}-a"], 400, partitions=PARTITIONS)
    write(served.bootstrap, served.source, sent)
    with (
        program(served, COMMIT_INTERVAL_MS=10) as running,
        Group(served.bootstrap, served.source, served.source) as group,
    ):
        # Where a partition begins is committed before anything is delivered: that alone would show nothing.
        wait_until(lambda: any(group.committed().values()), 20, "a commit of what was delivered")
        running.kill()
        offsets = group.committed()
    assert offsets
    of_partition = {p: [record for record in sent if record.partition == p] for p in offsets}
    below = [record for partition, offset in offsets.items() for record in of_partition[partition][:offset]]
    found = {
        record.value for records in read_topics(served.bootstrap, by_namespace(sent)).values() for record in records
    }
    assert {record.value for record in below} <= found


def test_a_killed_worker_is_replaced_and_nothing_is_lost(served: Served) -> None:
    first, second = (events([f"{served.source}-a"], 200, partitions=PARTITIONS, start=start) for start in (0, 200))
    with program(served) as running:
        write(served.bootstrap, served.source, first)
        wait_caught_up(served.bootstrap, served.source, served.source)
        key = first[0].key
        assert key is not None
        victim = running.worker(partition_of(key, PARTITIONS))
        os.kill(victim, signal.SIGKILL)
        write(served.bootstrap, served.source, second)
        wait_caught_up(served.bootstrap, served.source, served.source)
        assert running.worker(partition_of(key, PARTITIONS)) != victim
        assert running.terminate() == ExitCode.OK
    assert_complete(served.bootstrap, first + second)
    assert_ordered(served.bootstrap, first + second)
