"""The ledger of a fault run: everything that is acknowledged is in it, with its offset."""

from bench.chaos.ledger import Entry, acknowledged
from bench.stamp import Place

UNTOLD = -1001


def entry(sequence: int, offset: int, *, partition: int = 0, generation: int = 0, known: bool = True) -> Entry:
    return Entry(Place(partition, sequence), "a", "", generation, known, offset)


def offsets(*entries: Entry) -> list[tuple[int, int, int]]:
    return [(sent.generation, sent.place.partition, sent.offset) for sent in acknowledged(entries)]


def test_what_is_not_acknowledged_is_not_in_it() -> None:
    assert [sent.place.sequence for sent in acknowledged([entry(0, 0), entry(1, -1, known=False)])] == [0]


def test_an_offset_that_the_broker_did_not_tell_is_the_one_behind_the_last_of_its_partition() -> None:
    # Found by seeds 19, 87 and 96: the leader moved with the answer to a batch under way, and what arrived was astray.
    found = offsets(entry(0, 0), entry(0, 0, partition=1), entry(1, UNTOLD), entry(2, UNTOLD), entry(3, 3))
    assert found == [(0, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 2), (0, 0, 3)]


def test_a_source_made_anew_begins_at_0_again() -> None:
    assert offsets(entry(0, 7), entry(1, UNTOLD, generation=1)) == [(0, 0, 7), (1, 0, 0)]
