import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanout.supervisor.commits import NO_COMMIT, Commits


def owning(**offsets: int) -> Commits:
    commits = Commits()
    commits.own({int(name.removeprefix("p")): offset for name, offset in offsets.items()})
    return commits


def test_nothing_is_due_before_anything_is_delivered() -> None:
    commits = owning(p0=5, p1=NO_COMMIT)
    assert commits.due() is None
    assert commits.position(0) == 5
    assert commits.position(1) == NO_COMMIT


def test_what_is_delivered_is_due_until_it_is_confirmed() -> None:
    commits = owning(p0=5, p1=0)
    assert commits.delivered(commits.ownership([0, 1]), {0: 9}) == [0]
    ticket = commits.due()
    assert ticket is not None
    assert ticket.offsets == {0: 9}
    assert commits.due() == ticket
    commits.confirmed(ticket, [0])
    assert commits.due() is None


def test_a_position_never_goes_back() -> None:
    commits = owning(p0=5)
    ownership = commits.ownership([0])
    commits.delivered(ownership, {0: 9})
    assert commits.delivered(ownership, {0: 7}) == []
    assert commits.position(0) == 9


def test_what_was_known_of_a_partition_is_dropped_when_it_is_disowned() -> None:
    commits = owning(p0=5, p1=5)
    commits.delivered(commits.ownership([0, 1]), {0: 9, 1: 8})
    commits.disown([0])
    ticket = commits.due()
    assert ticket is not None
    assert ticket.offsets == {1: 8}
    assert commits.owned() == {1}


def test_a_worker_of_an_ownership_that_has_ended_is_not_heard() -> None:
    commits = owning(p0=5)
    before = commits.ownership([0])
    commits.disown([0])
    assert commits.delivered(before, {0: 9}) == []
    commits.own({0: 7})
    assert commits.delivered(before, {0: 100}) == []
    assert commits.position(0) == 7


def test_a_commit_of_an_ownership_that_has_ended_confirms_nothing_of_the_next() -> None:
    commits = owning(p0=5)
    commits.delivered(commits.ownership([0]), {0: 100})
    ticket = commits.due()
    assert ticket is not None
    commits.disown([0])
    commits.own({0: 7})
    commits.delivered(commits.ownership([0]), {0: 50})
    commits.confirmed(ticket, [0])
    due = commits.due()
    assert due is not None
    assert due.offsets == {0: 50}


def test_what_is_delivered_while_a_commit_is_under_way_is_still_due_after_it() -> None:
    commits = owning(p0=5)
    ownership = commits.ownership([0])
    commits.delivered(ownership, {0: 9})
    ticket = commits.due()
    assert ticket is not None
    commits.delivered(ownership, {0: 12})
    commits.confirmed(ticket, [0])
    due = commits.due()
    assert due is not None
    assert due.offsets == {0: 12}


def test_only_the_partitions_that_are_asked_for_are_due() -> None:
    commits = owning(p0=0, p1=0)
    commits.delivered(commits.ownership([0, 1]), {0: 1, 1: 1})
    ticket = commits.due([1, 7])
    assert ticket is not None
    assert ticket.offsets == {1: 1}


def test_everything_that_has_a_position_can_be_committed_to_learn_whether_the_group_takes_it() -> None:
    commits = owning(p0=5, p1=NO_COMMIT)
    ticket = commits.everything()
    assert ticket is not None
    assert ticket.offsets == {0: 5}
    assert commits.anything()
    assert not owning(p1=NO_COMMIT).anything()


def test_a_source_made_anew_begins_at_its_earliest_record_and_can_be_committed_below_the_old_offset() -> None:
    commits = owning(p0=500)
    commits.restart([0, 3])
    assert commits.owned() == {0}
    assert commits.position(0) == NO_COMMIT
    commits.delivered(commits.ownership([0]), {0: 4})
    ticket = commits.due()
    assert ticket is not None
    assert ticket.offsets == {0: 4}


@pytest.mark.parametrize("had", [NO_COMMIT, 0, 500])
def test_the_start_of_a_source_made_anew_is_due_until_it_is_confirmed(had: int) -> None:
    commits = owning(p0=had, p1=5)
    commits.restart([0])
    ticket = commits.due()
    assert ticket is not None
    assert ticket.offsets == {0: 0}
    commits.confirmed(ticket, [])
    assert commits.due() == ticket
    commits.confirmed(ticket, [0])
    assert commits.due() is None
    assert commits.position(0) == NO_COMMIT, "where a worker begins is still the earliest record"
    commits.delivered(commits.ownership([0]), {0: 1})
    due = commits.due()
    assert due is not None
    assert due.offsets == {0: 1}


def test_a_worker_of_the_old_source_is_not_heard_after_the_restart() -> None:
    commits = owning(p0=500, p1=5)
    before = commits.ownership([0, 1])
    commits.restart([0])
    assert commits.delivered(before, {0: 501, 1: 6}) == [1]
    assert commits.position(0) == NO_COMMIT
    ticket = commits.due()
    assert ticket is not None
    assert ticket.offsets == {0: 0, 1: 6}


def test_a_commit_of_the_old_source_confirms_nothing_of_the_new_one() -> None:
    commits = owning(p0=500)
    commits.delivered(commits.ownership([0]), {0: 501})
    ticket = commits.due()
    assert ticket is not None
    commits.restart([0])
    commits.confirmed(ticket, [0])
    due = commits.due()
    assert due is not None
    assert due.offsets == {0: 0}


STEPS = ["deliver", "commit", "confirm", "lose", "own", "restart", "old worker"]


@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 50))))
def test_no_commit_ever_goes_beyond_what_was_delivered_in_this_ownership(steps: list[tuple[str, int]]) -> None:
    commits = owning(p0=0)
    ownership = before = commits.ownership([0])
    delivered = 0
    ticket = None
    for step, offset in steps:
        if step == "deliver":
            commits.delivered(ownership, {0: offset})
            delivered = max(delivered, offset) if commits.owned() else delivered
        elif step == "commit":
            ticket = commits.due() or ticket
        elif step == "confirm" and ticket is not None:
            commits.confirmed(ticket, [0])
        elif step == "lose":
            commits.disown([0])
        elif step == "own":
            commits.disown([0])
            commits.own({0: offset})
            before, ownership, delivered = ownership, commits.ownership([0]), offset
        elif step == "restart" and commits.owned():
            commits.restart([0])
            before, ownership, delivered = ownership, commits.ownership([0]), 0
        elif step == "old worker" and before is not ownership:
            assert commits.delivered(before, {0: offset}) == []
        due = commits.due()
        assert due is None or (commits.owned() and due.offsets[0] == delivered)
