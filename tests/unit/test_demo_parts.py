"""The small parts of the demo: waves, arrivals, the environment of the program, limits, the summary."""

from collections import Counter
from itertools import pairwise

import pytest

from fanout.demo import run
from fanout.demo.arrivals import Arrivals
from fanout.demo.events import Event, Generator
from fanout.demo.poison import Poison, poison
from fanout.demo.program import environment
from fanout.demo.scenario import Kill, Outcome
from fanout.demo.summary import problems, sentences
from fanout.demo.verify import Found, Verdict
from fanout.demo.writing import Waves, mixed

DLQ = "cluster-events-dlq"


def found_of(event: Event, topic: str | None = None) -> Found:
    return Found(topic or event.namespace, 0, 0, event.key, event.value, event.headers, event.timestamp_ms)


def test_waves_write_everything_and_nothing_twice() -> None:
    waves = Waves(1_000, 3, 2.0)
    due = [waves.due(step / 100) for step in range(700)]
    assert due == sorted(due)
    assert (due[0], due[200], due[600], due[-1]) == (0, 333, 1_000, 1_000)


def test_a_wave_is_busiest_in_its_middle_and_at_rest_at_its_ends() -> None:
    waves = Waves(30_000, 3, 1.0)
    rates = [after - before for before, after in pairwise(waves.due(step / 10) for step in range(11))]
    assert rates[4] == max(rates) > 20 * rates[0]
    assert rates[0] == pytest.approx(rates[-1], rel=0.1)


def test_poison_is_spread_among_the_events_whose_order_stays() -> None:
    events, letters = list(Generator(1, 3).records(300)), poison(1)
    records = mixed(events, letters)
    assert [record for record in records if isinstance(record, Event)] == events
    assert [record for record in records if isinstance(record, Poison)] == letters
    gaps = [index for index, record in enumerate(records) if isinstance(record, Poison)]
    assert max(after - before for before, after in pairwise([0, *gaps])) < 2 * len(records) / len(letters)
    assert gaps[-1] < len(records) * 0.96


def test_arrivals_count_an_event_once_and_only_in_its_own_topic() -> None:
    events, letters = list(Generator(1, 3).records(50)), poison(1)
    arrivals = Arrivals(mixed(events, letters), DLQ)
    other = next(event.namespace for event in events if event.namespace != events[0].namespace)
    assert arrivals.take(found_of(events[0], topic=other)) is None
    assert arrivals.take(found_of(events[0])) == 0
    assert arrivals.take(found_of(events[0])) is None
    assert arrivals.take(Found("team-a", 0, 0, b"", b"unknown", (), 0)) is None
    assert arrivals.by_topic == {events[0].namespace: 1}
    assert arrivals.bytes == len(events[0].value)


def test_arrivals_are_complete_with_the_last_event_and_the_last_dead_letter() -> None:
    events, letters = list(Generator(1, 3).records(50)), poison(1)
    arrivals = Arrivals(mixed(events, letters), DLQ)
    for event in events:
        arrivals.take(found_of(event))
    for letter in [*letters[1:], letters[1]]:
        arrivals.take(Found(DLQ, 0, 0, letter.key, letter.value, (), 0))
    assert not arrivals.complete()
    arrivals.take(Found(DLQ, 0, 0, letters[0].key, letters[0].value, (), 0))
    assert arrivals.complete()


def test_the_rate_is_that_of_the_last_second() -> None:
    events = list(Generator(1, 3).records(50))
    arrivals = Arrivals(events, DLQ)
    rates = []
    for tenth in range(30):
        if tenth == 5:
            for event in events:
                arrivals.take(found_of(event))
        rates.append(arrivals.per_second(10 + tenth / 10))
    assert rates[:5] == [0] * 5
    assert rates[5:14] == [50] * 9
    assert rates[16:] == [0] * 14


def test_nothing_of_our_environment_configures_the_program_but_the_demo_does() -> None:
    ours = {"PATH": "/bin", "ENDPOINT": "real:9092", "KAFKA_SASL_PASSWORD": "x", "SLIM": "true", "SLIM_FILE": "y"}
    told = environment(ours, {"ENDPOINT": "mock:1"})
    assert told == {"PATH": "/bin", "HTTP_PORT": "0", "ENDPOINT": "mock:1"}, (
        "several run at once, and one port is free once"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"namespaces": 0}, "one namespace"),
        ({"events": 5}, "events are possible"),
        ({"partitions": 0}, "partitions are possible"),
        ({"namespaces": 1, "events": 50_000}, "too many events"),
    ],
)
def test_what_cannot_be_shown_is_refused_before_anything_starts(
    arguments: dict[str, int], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run.main(plain=True, **arguments) == 2
    assert words in capsys.readouterr().err


def test_the_number_of_events_that_is_proposed_can_be_shown() -> None:
    (problem,) = run._too_much(run.make_events(7, 2, 40_000))
    proposed = int(problem.split("Use ")[1].split()[0].replace(",", ""))
    assert 10_000 < proposed < 40_000
    assert run._too_much(run.make_events(7, 2, proposed)) == []


def outcome(**changes: object) -> Outcome:
    verdict = Verdict(written=Counter(a=3), found=Counter(a=3), objects=2, dead_letters=Counter({"not-json": 1}))
    kill = Kill(at=0, pid=1, partition=2, sent=1, new_pid=3, replaced_s=0.1, moved_s=0.25)
    made = Outcome(verdict, kill, exit_code=0, deaths=1, log=["a complaint"], written_records=4, source_records=4)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_a_run_without_fault_has_no_problems_and_says_what_was_counted() -> None:
    assert problems(outcome()) == []
    text = " ".join(sentences(outcome(), 21.4))
    for words in ("3 events of one namespace ", "Every one", "1 not-json", "after 0.25 s", "delivered twice", "21 s"):
        assert words in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"exit_code": 4}, "exit code 4"),
        ({"deaths": 2}, "2 workers died"),
        ({"source_records": 5}, "5 records are in the source"),
        ({"kill": Kill(at=0, pid=1, partition=2, sent=1)}, "partition 2"),
    ],
)
def test_what_went_wrong_beside_the_count_is_told_with_the_log(changes: dict[str, object], words: str) -> None:
    wrong = problems(outcome(**changes))
    assert words in wrong[0]
    assert "a complaint" in wrong[-1]


def test_a_wrong_count_is_never_summed_up_as_right() -> None:
    wrong = outcome()
    wrong.verdict.add_fault("lost", "a", "an example")
    assert "Every one" not in " ".join(sentences(wrong, 1))
    assert "1 event(s) lost" in problems(wrong)[0]
