"""One namespace with nine tenths of all events: the others do not wait for it, and the worker holds no more than ever.

How long an event is under way says little on a machine that is shared. What is asserted closely is therefore an order:
how much of the hot namespace's backlog had still to come when an early event of a quiet one arrived.
"""

import os
from collections import defaultdict
from collections.abc import Iterable

import pytest

from bench.broker import LocalKafka
from bench.program import Program
from tests.support.comparing import assert_exactly, assert_ordered, wait_caught_up
from tests.support.figures import APPEND_TIME, appended_ms, percentile, told
from tests.support.load import Load, write
from tests.support.samples import PADDING, event, namespace_of
from tests.support.topics import Record, read_all, read_topics, wait_until
from tests.support.watching import MEGABYTE, Watch

EVENTS = int(os.environ.get("LIMITS_HOT_EVENTS", "60000"))
NAMESPACES = 20
QUIET_EVERY = 10  # one event of so many is of a quiet namespace
PARTITIONS = 3
RATE = 2_000.0
LIVE = int(os.environ.get("LIMITS_HOT_LIVE_EVENTS", "8000"))
WORKER_MAX = 200 * MEGABYTE
# Of a partition's quiet events: the first third. A worker may have 5 000 records in flight, a quarter of a partition;
# where nothing waits for the others, no less than 0.4 of the hot ones is still to come then, and 0 where they do.
EARLY = 1 / 3
STILL_TO_COME = 0.2
# The same kind of time as the hot namespace's own: on a quiet machine there is no difference.
SAME_KIND, SAME_KIND_MS = 2.0, 1_000.0


def names(prefix: str) -> tuple[str, list[str]]:
    """The hot namespace and the quiet ones."""
    return f"{prefix}-hot", [f"{prefix}-{number}" for number in range(NAMESPACES - 1)]


def backlog(hot: str, quiet: list[str]) -> list[Record]:
    """In each partition nine events of the hot namespace and one of a quiet one, in turn; a partition has one key."""
    records = []
    for number in range(EVENTS):
        turn, partition = divmod(number, PARTITIONS)
        namespace = hot if (turn + 1) % QUIET_EVERY else quiet[turn // QUIET_EVERY % len(quiet)]
        value = event(namespace, f"pod-{partition}", number, padding=PADDING * 2)
        records.append(Record(value, b"pod-%d" % partition, partition=partition))
    return records


def arrivals(kafka: LocalKafka, namespaces: Iterable[str]) -> dict[bytes | None, int]:
    """When each value was appended to its destination, in milliseconds of the broker's clock."""
    found = read_topics(kafka.bootstrap, namespaces)
    return appended_ms(record for records in found.values() for record in records)


def assert_same_kind(hot_ms: list[float], quiet_ms: list[float]) -> None:
    """Tell both, and compare what nearly all events kept within."""
    print(told("of the hot namespace", hot_ms))
    print(told("of the quiet ones", quiet_ms))
    assert percentile(quiet_ms, 0.99) <= SAME_KIND * percentile(hot_ms, 0.99) + SAME_KIND_MS


@pytest.mark.timeout(300)
def test_quiet_namespaces_do_not_wait_for_the_backlog_of_a_hot_one(kafka: LocalKafka, prefix: str) -> None:
    hot, quiet = names(prefix)
    kafka.create_topic(prefix, PARTITIONS)
    kafka.create_topics([hot, *quiet], config=APPEND_TIME)
    sent = backlog(hot, quiet)
    write(kafka.bootstrap, prefix, sent)
    with Program(kafka.bootstrap, prefix, prefix) as program:
        with Watch(program.workers) as watch:
            wait_caught_up(kafka.bootstrap, prefix, prefix, 120)
        assert not program.lines("worker died")
        assert program.terminate() == 0
    assert_exactly(kafka.bootstrap, sent)
    assert_ordered(kafka.bootstrap, sent)
    arrived = arrivals(kafka, [hot, *quiet])
    begun = min(arrived.values())
    after_ms: dict[bool, list[float]] = defaultdict(list)  # by whether it is of the hot one: from the first of all on
    still: list[float] = []
    for partition in range(PARTITIONS):
        of_hot: list[int] = []
        of_quiet: list[int] = []
        for record in sent:
            if record.partition == partition:
                (of_hot if namespace_of(record) == hot else of_quiet).append(arrived[record.value])
        early_ms = max(of_quiet[: int(len(of_quiet) * EARLY)])
        still.append(sum(at > early_ms for at in of_hot) / len(of_hot))
        after_ms[True] += [float(at - begun) for at in of_hot]
        after_ms[False] += [float(at - begun) for at in of_quiet]
    print(f"{EVENTS} events, nine tenths of one namespace, from the first arrival on; a worker {watch.most}")
    print("still to come of the hot ones, by partition:", ", ".join(f"{share:.2f}" for share in still))
    assert_same_kind(after_ms[True], after_ms[False])
    assert min(still) >= STILL_TO_COME
    assert watch.most.rss < WORKER_MAX


@pytest.mark.timeout(300)
def test_events_of_quiet_namespaces_are_under_way_no_longer_than_those_of_a_hot_one(
    kafka: LocalKafka, prefix: str
) -> None:
    hot, quiet = names(prefix)
    kafka.create_topic(prefix, PARTITIONS, config=APPEND_TIME)
    kafka.create_topics([hot, *quiet], config=APPEND_TIME)
    in_turn = [name for each in quiet for name in [*[hot] * (QUIET_EVERY - 1), each]]
    with Program(kafka.bootstrap, prefix, prefix) as program:
        # Each worker meets each namespace before: what is measured is not the start.
        with Load(kafka.bootstrap, prefix, [hot, *quiet], rate=500, partitions=PARTITIONS) as first:
            wait_until(lambda: first.acknowledged >= PARTITIONS * NAMESPACES, 20, "one event of each namespace")
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        with (
            Load(kafka.bootstrap, prefix, in_turn, rate=RATE, partitions=PARTITIONS, padding=PADDING) as load,
            Watch(program.workers) as watch,
        ):
            wait_until(lambda: load.acknowledged >= LIVE, 120, "the load to be written")
            sent = load.stop()
        wait_caught_up(kafka.bootstrap, prefix, prefix)
        assert not program.lines("worker died")
        assert program.terminate() == 0
    assert_exactly(kafka.bootstrap, [*first.sent, *sent])
    assert_ordered(kafka.bootstrap, [*first.sent, *sent])
    written = appended_ms(read_all(kafka.bootstrap, prefix))
    arrived = arrivals(kafka, [hot, *quiet])
    under_way: dict[bool, list[float]] = defaultdict(list)
    for record in sent:
        under_way[namespace_of(record) == hot].append(float(arrived[record.value] - written[record.value]))
    print(f"append to append at {RATE:g} events/s; a worker {watch.most}")
    assert_same_kind(under_way[True], under_way[False])
    assert watch.most.rss < WORKER_MAX
