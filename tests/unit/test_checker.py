"""The checker of fault runs: each kind of finding is made up once, and has to be found; a run without one, not."""

from collections.abc import Sequence

import msgspec

from bench.checker import EXAMPLES, Arrival, Findings, Sample, Sent, Terms, judge
from bench.stamp import Place

DEAD_LETTERS = "dlq"


def sent(sequence: int, namespace: str = "a", reason: str = "", *, partition: int = 0, generation: int = 0) -> Sent:
    return Sent(Place(partition, sequence), namespace, reason, generation, sequence)


LATE = 100.0  # after all samples: what is read tells nothing of them


def arrival(
    record: Sent, offset: int, topic: str = "", *, intact: bool = True, generation: int = 0, at: float = LATE
) -> Arrival:
    """Where it belongs, or in another topic."""
    where = topic or (DEAD_LETTERS if record.reason else f"t.{record.namespace}")
    coordinates = (record.place.partition, record.offset) if record.reason else None
    return Arrival(where, generation, offset, at, record.place, intact, record.reason, coordinates)


def mark(partition: int, first: int, until: int) -> Arrival:
    return Arrival(DEAD_LETTERS, 0, 99, 1.0, None, True, "expired", (partition, first), until)


def sample(at: float, committed: dict[int, int], ends: dict[str, int], generation: int = 0) -> Sample:
    return Sample(at, generation, committed, {(topic, 0): end for topic, end in ends.items()})


TERMS = Terms(
    topic_of=lambda namespace: f"t.{namespace}",
    dead_letters=DEAD_LETTERS,
    duplicates_max=0,
    may_be_missing=lambda _: False,
    may_expire=lambda _: False,
    settled_at={},
)


def verdict(
    records: Sequence[Sent], arrivals: Sequence[Arrival], samples: Sequence[Sample] = (), terms: Terms = TERMS
) -> Findings:
    return judge(records, arrivals, samples, terms)


def test_a_run_in_which_all_is_well_has_no_finding() -> None:
    records = [sent(0), sent(1, "b"), sent(2, reason="not-json"), sent(0, partition=1)]
    arrivals = [arrival(records[0], 0), arrival(records[1], 0), arrival(records[2], 0), arrival(records[3], 1)]
    samples = [
        sample(1.0, {}, {}),
        sample(2.0, {0: 1}, {"t.a": 1, "t.b": 0, DEAD_LETTERS: 0}),
        sample(3.0, {0: 3, 1: 1}, {"t.a": 2, "t.b": 1, DEAD_LETTERS: 1}),
    ]
    found = verdict(records, arrivals, samples)
    assert found.broken() == []
    assert (found.events, found.poison, found.duplicates, found.examples) == (4, 1, 0, [])


def test_a_record_that_is_nowhere_is_lost() -> None:
    found = verdict([sent(0), sent(1)], [arrival(sent(0), 0)])
    assert found.broken() == ["lost"]
    assert found.lost == 1
    assert "sequence=1" in found.examples[0]


def test_poison_without_its_dead_letter_is_lost() -> None:
    assert verdict([sent(0, reason="not-json")], []).broken() == ["lost"]


def test_a_record_that_was_deleted_with_its_topic_is_not_lost() -> None:
    terms = TERMS._replace(may_be_missing=lambda record: record.offset == 0)
    found = verdict([sent(0), sent(1)], [], terms=terms)
    assert (found.lost, found.gone) == (1, 1)


def test_a_record_that_expired_is_lost_unless_a_mark_says_so() -> None:
    terms = TERMS._replace(may_expire=lambda _: True)
    assert verdict([sent(0), sent(1)], [], terms=terms).lost == 2
    assert verdict([sent(0), sent(1)], [mark(0, 0, 1)], terms=terms).lost == 1
    assert verdict([sent(0), sent(1)], [mark(1, 0, 2)], terms=terms).lost == 2
    assert verdict([sent(0), sent(1)], [mark(0, 0, 2)], terms=terms).broken() == []


def test_a_mark_excuses_nothing_that_did_not_expire() -> None:
    assert verdict([sent(0)], [mark(0, 0, 1)]).broken() == ["lost"]


def test_a_record_in_the_topic_of_another_is_astray_and_lost() -> None:
    found = verdict([sent(0)], [arrival(sent(0), 0, "t.b")])
    assert found.broken() == ["lost", "astray"]


def test_poison_in_a_topic_of_a_namespace_is_astray() -> None:
    assert verdict([sent(0, reason="too-large")], [arrival(sent(0), 0)]).broken() == ["lost", "astray"]


def test_what_nobody_wrote_is_astray() -> None:
    stranger = Arrival("t.a", 0, 0, 0.0, None, True, "", None)
    assert verdict([], [stranger]).broken() == ["astray"]
    assert verdict([sent(0)], [arrival(sent(0), 0), arrival(sent(7), 1)]).broken() == ["astray"]


def test_a_record_whose_checksum_is_wrong_is_altered() -> None:
    assert verdict([sent(0)], [arrival(sent(0), 0, intact=False)]).broken() == ["altered"]


def test_a_first_arrival_behind_a_later_one_is_disorder() -> None:
    records = [sent(0), sent(1), sent(0, partition=1)]
    assert verdict(records, [arrival(records[1], 0), arrival(records[0], 1), arrival(records[2], 2)]).disorder == 1


def test_no_order_is_promised_where_a_broker_refuses_what_its_topic_s_configuration_allows() -> None:
    records = [sent(0), sent(1)]
    arrivals = [arrival(records[1], 0), arrival(records[0], 1)]
    assert verdict(records, arrivals).broken() == ["disorder"]
    assert verdict(records, arrivals, terms=TERMS._replace(refused=frozenset({"bad-timestamp"}))).broken() == []


def test_order_is_promised_neither_between_partitions_nor_between_destinations() -> None:
    records = [sent(0, "b"), sent(1), sent(0, partition=1)]
    arrivals = [arrival(records[1], 0), arrival(records[2], 1), arrival(records[0], 5)]
    assert verdict(records, arrivals).broken() == []


def test_a_record_that_comes_again_is_a_duplicate_and_no_disorder() -> None:
    records = [sent(0), sent(1)]
    arrivals = [arrival(records[0], 0), arrival(records[1], 1), arrival(records[0], 2), arrival(records[1], 3)]
    found = verdict(records, arrivals)
    assert (found.duplicates, found.disorder) == (2, 0)
    assert found.broken() == ["duplicates"]
    assert verdict(records, arrivals, terms=TERMS._replace(duplicates_max=2)).broken() == []


def test_a_topic_that_was_made_again_begins_a_new_order() -> None:
    records = [sent(0), sent(1)]
    arrivals = [arrival(records[1], 0), arrival(records[0], 0, generation=1)]
    assert verdict(records, arrivals).broken() == []


def test_a_commit_above_a_record_that_is_not_there_yet_is_ahead() -> None:
    records = [sent(0), sent(1)]
    arrivals = [arrival(records[0], 0), arrival(records[1], 1)]
    assert verdict(records, arrivals, [sample(1.0, {0: 2}, {"t.a": 2})]).broken() == []
    found = verdict(records, arrivals, [sample(1.0, {0: 2}, {"t.a": 1})])
    assert found.broken() == ["ahead"]
    assert "sequence=1" in found.examples[0]


def test_an_end_that_was_seen_once_is_not_taken_back() -> None:
    records = [sent(0), sent(1)]
    arrivals = [arrival(record, record.offset) for record in records]
    samples = [sample(1.0, {0: 1}, {"t.a": 2}), sample(1.1, {0: 2}, {"t.a": 1})]
    assert verdict(records, arrivals, samples).broken() == []


def test_a_new_leader_may_tell_of_an_end_that_lags() -> None:
    records = [sent(0), sent(1)]
    arrivals = [arrival(record, record.offset) for record in records]
    samples = [sample(1.0, {0: 2}, {"t.a": 1}), sample(1.8, {0: 2}, {"t.a": 2})]
    assert verdict(records, arrivals, samples).broken() == ["ahead"]
    assert verdict(records, arrivals, samples, TERMS._replace(ends_lag_s=1.0)).broken() == []
    assert verdict(records, arrivals, samples, TERMS._replace(ends_lag_s=0.5)).broken() == ["ahead"]


def test_a_commit_above_a_dead_letter_that_is_not_there_yet_is_ahead() -> None:
    records = [sent(0, reason="not-json"), sent(1)]
    arrivals = [arrival(records[0], 0), arrival(records[1], 0)]
    assert verdict(records, arrivals, [sample(1.0, {0: 2}, {"t.a": 1, DEAD_LETTERS: 0})]).broken() == ["ahead"]


def test_what_was_read_before_was_there_though_its_topic_is_deleted_and_no_sample_has_seen_it() -> None:
    records = [sent(0), sent(1)]
    samples = [sample(1.0, {0: 1}, {"t.a": 1}), sample(3.0, {0: 2}, {})]
    assert verdict(records, [arrival(records[0], 0), arrival(records[1], 1, at=2.0)], samples).broken() == []
    assert verdict(records, [arrival(records[0], 0), arrival(records[1], 1, at=4.0)], samples).broken() == ["ahead"]


def test_a_commit_that_was_once_ahead_is_told_though_all_arrived_in_the_end() -> None:
    records = [sent(number) for number in range(3)]
    arrivals = [arrival(record, record.offset) for record in records]
    samples = [sample(1.0, {0: 3}, {"t.a": 2}), sample(2.0, {0: 3}, {"t.a": 3})]
    assert verdict(records, arrivals, samples).ahead == 1


def test_an_offset_that_moves_back_is_told() -> None:
    records = [sent(0), sent(1)]
    arrivals = [arrival(record, record.offset) for record in records]
    samples = [sample(1.0, {0: 2}, {"t.a": 2}), sample(2.0, {0: 1}, {"t.a": 2}), sample(3.0, {0: 2}, {"t.a": 2})]
    assert verdict(records, arrivals, samples).broken() == ["back"]


def test_offsets_of_a_source_made_anew_count_from_when_they_are_its_own() -> None:
    records = [sent(0, generation=1), sent(1, generation=1)]
    arrivals = [arrival(record, record.offset) for record in records]
    old, new = sample(1.0, {0: 2}, {"t.a": 0}, generation=1), sample(3.0, {0: 1}, {"t.a": 2}, generation=1)
    assert verdict(records, arrivals, [old, new]).broken() == ["ahead", "back"]
    assert verdict(records, arrivals, [old, new], TERMS._replace(settled_at={1: 2.0})).broken() == []


def test_a_dead_letter_says_why_and_from_where() -> None:
    poison = sent(4, reason="not-json")
    good = arrival(poison, 0)
    assert verdict([poison], [good]).broken() == []
    assert verdict([poison], [good._replace(reason="too-large")]).letters == 1
    assert verdict([poison], [good._replace(coordinates=(0, 5))]).letters == 1


def test_a_dead_letter_of_a_good_record_is_told() -> None:
    letter = arrival(sent(0), 0, DEAD_LETTERS)._replace(reason="not-json", coordinates=(0, 0))
    assert verdict([sent(0)], [arrival(sent(0), 0), letter]).letters == 1


def test_a_good_record_may_be_a_dead_letter_where_a_broker_was_made_to_refuse_it() -> None:
    terms = TERMS._replace(refused=frozenset({"too-large"}))
    letter = arrival(sent(0), 0, DEAD_LETTERS)._replace(reason="too-large", coordinates=(0, 0))
    assert verdict([sent(0)], [letter], terms=terms).broken() == []
    assert verdict([sent(0)], [letter._replace(reason="not-json")], terms=terms).letters == 1
    assert verdict([sent(0)], [letter._replace(coordinates=(0, 1))], terms=terms).letters == 1
    assert verdict([sent(0, reason="not-json")], [letter], terms=terms).letters == 1


def test_all_are_counted_and_some_are_shown() -> None:
    found = verdict([sent(number) for number in range(50)], [])
    assert (found.lost, len(found.examples)) == (50, EXAMPLES)


def test_findings_can_be_written_and_read() -> None:
    found = verdict([sent(0)], [])
    assert msgspec.json.decode(msgspec.json.encode(found), type=Findings) == found
