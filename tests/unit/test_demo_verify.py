"""Each kind of wrong count is found, and named as what it is."""

from collections.abc import Iterable

import pytest

from fanout.demo.events import Event, Generator
from fanout.demo.poison import Poison, poison
from fanout.demo.verify import FAULTS, Found, Verdict, verify

DLQ = "cluster-events-dlq"
EVENTS = list(Generator(1, 4, headers=0.3).records(400))
POISON = poison(1, timestamp_ms=77)


def delivered(events: Iterable[Event] = EVENTS) -> list[Found]:
    """What a program that makes no mistake writes: one partition for each topic."""
    ends: dict[str, int] = {}
    found = []
    for event in events:
        offset = ends.get(event.namespace, 0)
        ends[event.namespace] = offset + 1
        found.append(Found(event.namespace, 0, offset, event.key, event.value, event.headers, event.timestamp_ms))
    return found


def refused(letters: Iterable[Poison] = POISON) -> list[Found]:
    return [
        Found(DLQ, 0, offset, letter.key, letter.value, headers_of(letter.reason), letter.timestamp_ms)
        for offset, letter in enumerate(letters)
    ]


def headers_of(reason: str) -> tuple[tuple[str, bytes | None], ...]:
    return (("fanout.reason", reason.encode()), ("fanout.topic", b"cluster-events"))


def count(found: list[Found], *, duplicates_allowed: bool = True) -> Verdict:
    return verify(EVENTS, POISON, found, dead_letter_topic=DLQ, duplicates_allowed=duplicates_allowed)


def of_the_same_object(found: list[Found]) -> tuple[int, int]:
    """Indices of two records that follow each other in the life of one object."""
    seen: dict[tuple[str, bytes | None], int] = {}
    for index, record in enumerate(found):
        thing = (record.topic, record.key)
        if thing in seen:
            return seen[thing], index
        seen[thing] = index
    raise AssertionError("every object has one event only")


def test_a_faultless_run_is_right() -> None:
    verdict = count([*delivered(), *refused()], duplicates_allowed=False)
    assert verdict.ok
    assert verdict.problems() == []
    assert verdict.found == verdict.written
    assert verdict.found.total() == len(EVENTS)
    assert verdict.dead_letters.total() == len(POISON)
    assert verdict.dead_letters["not-json"] == sum(letter.reason == "not-json" for letter in POISON)
    assert verdict.objects == len({(event.namespace, event.key) for event in EVENTS})


def test_nothing_at_all_is_everything_lost() -> None:
    verdict = count([])
    assert verdict.faults == {"lost": len(EVENTS), "dead-letter-missing": len(POISON)}


def test_a_lost_event_is_found() -> None:
    found = [*delivered(), *refused()]
    lost = found.pop(17)
    verdict = count(found)
    assert verdict.faults == {"lost": 1}
    assert verdict.wrong_topics == {lost.topic}
    assert repr((lost.key or b"").decode()) in verdict.problems()[0]


def test_an_event_in_the_topic_of_another_namespace_is_astray_and_lost() -> None:
    found = [*delivered(), *refused()]
    other = next(record.topic for record in found if record.topic != found[17].topic)
    found[17] = found[17]._replace(topic=other)
    assert count(found).faults == {"astray": 1, "lost": 1}


def test_a_copy_in_the_topic_of_another_namespace_is_astray_even_if_the_event_is_in_its_own_too() -> None:
    found = [*delivered(), *refused()]
    other = next(record.topic for record in found if record.topic != found[17].topic)
    assert count([*found, found[17]._replace(topic=other)]).faults == {"astray": 1}


@pytest.mark.parametrize(
    "change",
    [
        {"value": b"{}"},
        {"value": None},
        {"key": b"another"},
        {"key": None},
        {"headers": (("more", b"1"),)},
        {"timestamp_ms": 1},
    ],
)
def test_an_altered_event_is_found(change: dict[str, object]) -> None:
    found = [*delivered(), *refused()]
    found[17] = found[17]._replace(**change)  # type: ignore[arg-type]  # one field each
    assert count(found).faults == {"altered": 1}


def test_the_empty_key_and_no_key_are_different() -> None:
    event = EVENTS[0]._replace(key=b"")
    found = delivered([event])[0]._replace(key=None)
    assert verify([event], [], [found], dead_letter_topic=DLQ, duplicates_allowed=True).faults == {"altered": 1}


def test_a_record_that_nobody_wrote_is_found() -> None:
    stranger = Found("team-a", 0, 999, b"who", b'{"verb":"ADDED"}', (), 1)
    assert count([*delivered(), *refused(), stranger]).faults == {"foreign": 1}


def test_two_events_of_one_object_in_the_wrong_order_are_found() -> None:
    found = delivered()
    earlier, later = of_the_same_object(found)
    found[earlier], found[later] = found[later], found[earlier]
    verdict = count([*found, *refused()])
    assert set(verdict.faults) == {"disordered"}


def test_every_event_that_comes_after_a_newer_one_counts_as_disordered() -> None:
    found = delivered()
    keys = [(record.topic, record.key) for record in found]
    thing = next(thing for thing in keys if keys.count(thing) >= 3)
    first, second, third = [index for index, other in enumerate(keys) if other == thing][:3]
    found[first], found[second], found[third] = found[third], found[first], found[second]
    assert count([*found, *refused()]).faults == {"disordered": 2}


def test_events_of_one_object_in_two_partitions_are_found() -> None:
    found = delivered()
    _, later = of_the_same_object(found)
    found[later] = found[later]._replace(partition=1)
    assert "scattered" in count([*found, *refused()]).faults


def test_a_second_copy_is_told_and_is_a_fault_only_if_no_worker_was_killed() -> None:
    found = [*delivered(), *refused()]
    found += [found[3], found[5], found[-1]]
    assert count(found).ok
    assert count(found).duplicates == 3
    assert count(found, duplicates_allowed=False).faults == {"duplicate": 3}


def test_copies_that_come_after_a_restart_are_not_disorder() -> None:
    found = delivered()
    assert count([*found[:200], *found[150:], *refused()]).faults == {}


def test_a_missing_dead_letter_is_found() -> None:
    assert count([*delivered(), *refused()[1:]]).faults == {"dead-letter-missing": 1}


@pytest.mark.parametrize(
    "change",
    [
        {"headers": headers_of("too-large")},
        {"headers": ()},
        {"headers": (*headers_of(POISON[0].reason), ("fanout.reason", b"too-large"))},
        {"headers": (*headers_of(POISON[0].reason), ("alien", b""))},
        {"value": b"something else"},
        {"timestamp_ms": 78},
    ],
)
def test_a_dead_letter_with_another_reason_or_content_is_found(change: dict[str, object]) -> None:
    letters = refused()
    letters[0] = letters[0]._replace(**change)  # type: ignore[arg-type]  # one field each
    assert count([*delivered(), *letters]).faults == {"dead-letter-wrong": 1}


def test_an_event_among_the_dead_letters_is_unexpected_and_lost() -> None:
    found = delivered()
    wrong = found.pop(17)
    verdict = count([*found, *refused(), wrong._replace(topic=DLQ, headers=headers_of("not-json"))])
    assert verdict.faults == {"dead-letter-unexpected": 1, "lost": 1}
    assert "not-json" in verdict.problems()[0]


def test_events_that_cannot_be_told_apart_are_refused() -> None:
    with pytest.raises(ValueError, match="same value"):
        verify([EVENTS[0], EVENTS[0]], [], [], dead_letter_topic=DLQ, duplicates_allowed=True)


def test_every_kind_of_fault_has_words() -> None:
    verdict = Verdict()
    for kind in FAULTS:
        verdict.add_fault(kind, "team-a", "an example")
    assert len(verdict.problems()) == len(FAULTS)
