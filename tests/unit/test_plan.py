"""The plan as a whole: figures worked out by hand, what more of something does to them, and what it says in words."""

import itertools
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.plan import cluster, pods
from bench.plan.costs import Costs
from bench.plan.demand import Demand
from bench.plan.figures import Figure, Plan
from bench.plan.plan import plan_of
from bench.plan.show import LABELS
from bench.plan.size import Sizing, catch_up_s, utilisation
from bench.plan.stories import STORIES
from fanout.settings import Settings
from fanout.worker import loop
from tests.models.profile import examples
from tests.unit.planning import demand, flat, grown, view_of
from tests.unit.test_plan_size import DEMANDS


def figures(plan: Plan) -> dict[str, Figure]:
    """All of a plan, by group and name."""
    return {
        f"{group}.{name}": figure
        for group, labels in LABELS.items()
        for name in labels
        if (figure := getattr(getattr(plan, group), name)) is not None
    }


def plan(costs: Costs | None = None, **changed: object) -> Plan:
    return plan_of(demand(**changed), costs or flat())


def test_what_it_knows_of_the_program_is_what_the_program_does() -> None:
    usual = Settings(endpoint="x", topic="y")
    assert usual.producer_topics == cluster.PRODUCER_TOPICS
    assert usual.producers_max == cluster.PRODUCERS_MAX
    assert usual.inflight_records == cluster.ROUND_MOST
    assert usual.topics_max == demand().topics_max
    assert usual.topic_partitions == demand().topic_partitions
    assert loop.RECORDS_LEAST == cluster.ROUND_LEAST
    assert loop.RECORDS_PER_DESTINATION == cluster.ROUND_PER_DESTINATION


def test_memory_is_of_supervisor_and_workers_and_a_quarter_more() -> None:
    made = plan(peak_per_s=60_000.0)  # three workers of 100 MB, a supervisor of 50 MB
    assert made.size.workers.value == 3
    assert made.size.memory.value == pytest.approx(350e6 * 1.25, abs=pods.MEMORY_STEP)
    assert made.size.memory.value >= 350e6 * 1.25


def test_cpu_is_requested_for_the_peak_with_replicas_lost_and_for_the_headroom() -> None:
    # 40 000/s over one half, at 10 us: 0.8 cores of one replica where two are lost of three.
    made = plan(peak_per_s=20_000.0, events_per_s=20_000.0, replicas_lost=1)
    assert made.size.cpu_request.value == pytest.approx(0.5)  # a worker's own ceiling: 50 000/s at 10 us
    busy = plan(peak_per_s=40_000.0, replicas_lost=1)
    assert busy.size.cpu_request.value == pytest.approx(1.0)  # two workers at their ceiling


def test_events_that_come_alone_cost_more_cpu_than_those_of_a_backlog_and_idle_processes_something() -> None:
    # 1 000/s over one half, at 150 us.
    assert plan(peak_per_s=1_000.0).size.cpu_request.value == pytest.approx(0.3)
    assert plan(events_per_s=1.0, peak_per_s=1.0).size.cpu_request.value == pytest.approx(0.1)


def test_keda_s_threshold_is_what_a_pod_drains_in_the_delay_that_is_accepted() -> None:
    made = plan(peak_per_s=90_000.0, replicas_lost=1, workers_max=1, delay_s=10.0)
    assert (made.size.replicas.value, made.size.partitions.value) == (5, 24)
    # 24 partitions on 5 replicas: the busiest has 5 of them, so all do 240 000/s, and each 48 000/s.
    assert made.keda.lag_threshold.value == 480_000
    assert made.keda.replicas_min.value == 2  # the average of 100/s, with one lost
    assert made.keda.replicas_max.value == 10


def test_keda_has_no_more_replicas_than_partitions_have_workers_for() -> None:
    made = plan(peak_per_s=45_000.0, partitions=6, workers_max=2, replicas_lost=1)
    assert made.size.replicas.value == 2
    assert made.keda.replicas_max.value == 3
    assert plan(partitions=1).keda.replicas_max.value == 1


def test_bytes_are_those_of_source_and_destinations_with_their_replicas() -> None:
    made = plan(peak_per_s=1_000.0)
    assert made.broker.in_bytes.value == pytest.approx(1_000 * 1_111 * 2 * 3)
    assert made.broker.out_bytes.value == pytest.approx(1_000 * 1_111 * 5)


def test_disk_is_the_average_rate_for_the_retention_with_all_replicas_and_a_segment_more_at_most() -> None:
    made = plan(events_per_s=100.0, source_retention_s=7_200.0, destination_retention_s=86_400.0)
    assert made.broker.source_disk.value == pytest.approx(100 * 1_111 * 7_200 * 3)
    assert made.broker.destination_disk.value == pytest.approx(100 * 1_111 * 86_400 * 3)
    # A hundred partitions of 1 GiB are more than what seven days bring.
    assert made.broker.destination_disk.high == pytest.approx(100 * 1_111 * 8 * 86_400 * 3)
    assert made.broker.source_disk.high == pytest.approx(100 * 1_111 * 7_200 * 3 + 12 * 2**30 * 3)


def test_a_resync_every_half_hour_of_what_an_hour_brings_at_twice_the_size_is_four_fifths_of_the_disk() -> None:
    without, with_it = plan(events_per_s=100.0), plan(events_per_s=100.0, resync_events=360_000)
    ratio = with_it.broker.destination_disk.value / without.broker.destination_disk.value
    assert ratio == pytest.approx(5, rel=0.05)
    assert any("DROP_RESYNC" in advice for advice in with_it.advice)


def test_topics_and_their_replicas_are_counted() -> None:
    made = plan(namespaces=100, topic_partitions=2, replication=3, brokers=3)
    assert made.broker.topics.value == 102
    assert made.broker.partitions.value == 200 + 12 + 1
    assert made.broker.replicas_per_broker.value == 213


def test_requests_are_between_those_of_a_backlog_and_one_for_each_event() -> None:
    found = plan(peak_per_s=1_000.0).broker.requests
    # 1 000/s for 100 destinations and one worker: hardly ever two for the same within a millisecond.
    assert found.value == pytest.approx(1_000 / 1.01)
    assert found.low == pytest.approx(50.0)
    assert found.high == pytest.approx(1_000.0)
    busy = plan(peak_per_s=10_000.0, namespaces=1).broker.requests
    assert busy.value == pytest.approx(10_000 / 11)
    full = plan(peak_per_s=24_000.0, namespaces=1).broker.requests  # there are no fewer than in a backlog
    assert full.value == pytest.approx(24_000 * 0.05)


def test_the_margin_is_what_the_retention_leaves_when_reading_begins_again() -> None:
    made = plan(outage_s=3_600.0, source_retention_s=7_200.0, partitions=1)
    assert made.times.retention_margin.value == pytest.approx(7_200 - 3_600 - 2)
    assert made.times.retention_margin.low == made.times.retention_margin.value  # a worker of its own
    shared = plan(outage_s=3_600.0, source_retention_s=7_200.0)  # twelve partitions of one worker
    assert shared.times.retention_margin.low == pytest.approx(3_598 - shared.times.catch_up.value)


def test_a_resync_is_digested_in_what_the_peak_leaves_free() -> None:
    made = plan(peak_per_s=12_500.0, resync_events=375_000)
    found = made.times.resync
    assert found is not None
    assert found.value == pytest.approx(375_000 / 50_000 / 0.75)
    assert plan().times.resync is None


def test_events_of_an_outage_longer_than_the_retention_are_lost_and_it_is_told() -> None:
    made = plan(outage_s=10_800.0, catch_up_s=3_600.0, source_retention_s=7_200.0)
    assert not made.possible
    (problem,) = made.problems
    assert "events are lost in an outage of 3 h" in problem.what
    assert "its first 1 h" in problem.what
    assert "5 h of retention" in problem.needed
    assert made.words[0].startswith("This cannot be done: events are lost")


def test_one_partition_and_fifty_thousand_a_second_cannot_be_done_and_what_would_do_is_told() -> None:
    made = plan_of(msgspec.structs.replace(STORIES["seed"].demand, peak_per_s=50_000.0, outage_s=0.0), grown())
    assert not made.possible
    (problem,) = made.problems
    assert "one partition cannot bear this: 1 worker with 1 replica lost can do 65,200 events/s" in problem.what
    assert "77 % of that, where the headroom allows 70 %" in problem.what
    assert problem.needed == "2 partitions at least; better 12, with 2 replicas of 2 workers"
    enough = msgspec.structs.replace(made.demand, partitions=2)
    assert plan_of(enough, grown()).possible


def test_an_outage_that_one_partition_never_catches_up_is_told() -> None:
    made = plan_of(msgspec.structs.replace(STORIES["seed"].demand, peak_per_s=100_000.0), grown())
    assert not made.possible
    assert math.isinf(made.times.catch_up.value)
    assert "an outage of 1 h is never caught up" in made.words[0]
    assert "6 partitions" not in made.words[0] or "at least" in made.words[0]


def test_a_pod_that_holds_no_worker_is_told_with_the_memory_that_it_takes() -> None:
    made = plan(pod_memory_bytes=100_000_000)
    (problem,) = made.problems
    assert "96Mi does not hold one worker" in problem.what
    assert problem.needed == "179Mi of memory for a pod"  # 150 MB and a quarter
    assert plan(pod_memory_bytes=179 * 2**20).possible


def test_a_start_that_takes_longer_than_catching_up_may_is_told() -> None:
    made = plan(outage_s=10.0, catch_up_s=1.0)
    assert "nothing can be caught up within 1 s" in made.problems[0].what


def test_more_namespaces_than_topics_max_is_told() -> None:
    made = plan(namespaces=10_000)
    assert "10,002 topics are more than TOPICS_MAX of 10,000" in made.problems[0].what
    assert plan(namespaces=10_000, topics_max=12_503).possible


def test_a_number_of_events_that_is_no_plan_is_told() -> None:
    made = plan(peak_per_s=1e9)
    assert made.problems[0].needed.startswith("more than 500 replicas")


@pytest.mark.parametrize("name", STORIES)
def test_each_story_has_a_plan_whose_words_make_sense(name: str) -> None:
    made = plan_of(STORIES[name].demand, grown())
    assert made.possible
    text = "\n".join(made.words)
    assert f"{made.size.partitions.value:.0f} partition" in made.words[0]
    assert f"WORKERS_MAX={made.size.workers.value:.0f}" in made.words[0]
    assert "First to give way when there are more events" in text
    assert "5 turns" in made.words[-1]
    assert "made-up.json" in made.words[-1]
    assert not {"inf", "nan", "None"} & set(text.replace(",", " ").replace(".", " ").split())
    assert made.machine == "a made-up machine"


def test_the_stories_differ_as_their_clusters_do() -> None:
    made = {name: plan_of(story.demand, grown()) for name, story in STORIES.items()}
    small, churn, hub, seed = made["small"], made["churn"], made["hub"], made["seed"]
    assert (small.size.replicas.value, small.size.workers.value) == (2, 1)
    assert small.size.cpu_request.value < churn.size.cpu_request.value < hub.size.cpu_request.value
    assert hub.size.replicas.value * hub.size.workers.value > 4
    assert seed.size.partitions.value == 1
    assert any("will have no partition" in advice for advice in seed.advice)
    assert "Eventrouter" in seed.first.what
    assert made["resync"].times.resync is not None
    assert not any("PRODUCERS_MAX" in advice for advice in hub.advice)


def test_more_destinations_than_the_producers_carry_as_set_are_told_of() -> None:
    made = plan(grown(), namespaces=10_000)
    assert any("PRODUCERS_MAX=79" in advice for advice in made.advice)


@pytest.mark.parametrize("peak_per_s", [1.0, 50_000.0])
def test_hardly_any_events_and_very_many_have_a_plan(peak_per_s: float) -> None:
    made = plan(grown(), events_per_s=peak_per_s, peak_per_s=peak_per_s, replicas_lost=1)
    assert made.possible
    assert all(math.isfinite(figure.value) for figure in figures(made).values())


def test_what_gives_way_first_gives_way_at_that_rate_and_not_before() -> None:
    asked = demand(peak_per_s=10_000.0, outage_s=600.0, catch_up_s=600.0, replicas_lost=1, resync_events=100_000)
    made = plan_of(asked, flat())
    size = made.size
    sizing = Sizing(int(size.partitions.value), int(size.replicas.value), int(size.workers.value))
    seen = view_of(asked)
    by_rate = {limit.what: limit.at.value for limit in made.limits if limit.by_rate}
    ceiling = next(rate for what, rate in by_rate.items() if what.startswith("2 replicas at the ceiling"))
    assert utilisation(seen, asked, sizing, 2, ceiling) == pytest.approx(1.0)
    lost = next(rate for what, rate in by_rate.items() if "1 left of 2 replicas" in what)
    assert utilisation(seen, asked, sizing, 1, lost) == pytest.approx(1.0)
    late = next(rate for what, rate in by_rate.items() if "takes longer than" in what)
    assert catch_up_s(seen, asked, sizing, late) == pytest.approx(600.0)
    assert made.first.at.value == min(by_rate.values())
    assert [limit.times for limit in made.limits] == sorted(limit.times for limit in made.limits)


def test_memory_gives_way_at_the_namespaces_at_which_it_is_full() -> None:
    made = plan(grown(), namespaces=500)
    found = next(limit for limit in made.limits if "of memory" in limit.what)
    namespaces = int(found.at.value)
    assert plan(grown(), namespaces=namespaces, topics_max=10**6).problems == []
    assert "does not hold one worker" in plan(grown(), namespaces=namespaces + 10, topics_max=10**6).problems[0].what


@examples(60)
@given(DEMANDS)
def test_every_figure_lies_between_its_bounds_and_says_why_and_whence(asked: Demand) -> None:
    made = plan_of(asked, grown())
    for name, figure in figures(made).items():
        assert not math.isnan(figure.value), name
        assert figure.low <= figure.value <= figure.high, name
        assert figure.because, name
        assert figure.measured or figure.low == figure.high or name in {"broker.source_disk", "broker.destination_disk"}
    assert made.possible == (not made.problems)
    assert msgspec.json.decode(msgspec.json.encode(made))["possible"] == made.possible
    if made.possible:
        own = (limit for limit in made.limits if limit.by_rate and "Eventrouter" not in limit.what)
        assert all(limit.times >= 1 - 1e-9 for limit in own)


# What grows with what: the figures of the second column never shrink when the number grows.
GROWS = [
    ("source_retention_s", ["broker.source_disk", "times.retention_margin"]),
    ("destination_retention_s", ["broker.destination_disk"]),
    ("replication", ["broker.in_bytes", "broker.source_disk", "broker.destination_disk", "broker.replicas_per_broker"]),
    ("events_per_s", ["broker.source_disk", "broker.destination_disk", "keda.replicas_min"]),
    ("event_size_bytes", ["broker.in_bytes", "broker.destination_disk"]),
    ("namespaces", ["broker.topics", "broker.partitions"]),
    ("delay_s", ["keda.lag_threshold"]),
]


@examples(40)
@given(st.sampled_from(GROWS), st.floats(1, 4))
def test_more_of_something_never_gives_less_of_what_follows_from_it(grows: tuple[str, list[str]], times: float) -> None:
    name, followers = grows
    asked = demand(events_per_s=100.0, peak_per_s=50_000.0, replicas_lost=1, outage_s=300.0, replication=2, brokers=9)
    usual = getattr(asked, name)
    more = msgspec.structs.replace(asked, **{name: type(usual)(usual * times)})
    before, after = figures(plan_of(asked, grown())), figures(plan_of(more, grown()))
    for follower in followers:
        assert after[follower].value >= before[follower].value, follower


def test_the_worst_turns_decide_what_is_told_to_be_sure() -> None:
    close = grown()
    for peak_per_s in itertools.count(20_000, 500):
        made = plan_of(demand(peak_per_s=float(peak_per_s), headroom=0.0, workers_max=1, partitions=1), close)
        if "would not do: this is close" in made.words[-1]:
            break
    assert made.possible
    assert made.times.utilisation.value < 1 < made.times.utilisation.high


def test_keda_is_said_to_be_of_no_use_where_its_threshold_is_above_what_the_source_keeps() -> None:
    idle = plan(events_per_s=5.0, peak_per_s=100.0)
    assert "KEDA is of no use here: it would add a replica at a lag" in idle.advice[-1]
    single = plan(partitions=1)
    assert "no partitions for more replicas" in single.advice[-1]
    busy = plan(peak_per_s=20_000.0)
    assert busy.advice[-1].startswith("KEDA adds a replica at a lag of")
