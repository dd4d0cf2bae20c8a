"""What a worker tells besides its offsets."""

from fanout.counters import Counter
from fanout.link import FRAME_MAX_BYTES, Delivered, Letter, encode
from fanout.worker.tally import LETTERS_MAX, TOPICS_PER_S, Tally


def take(tally: Tally, now: float, *, final: bool = False) -> Delivered:
    return tally.take({0: 5}, 1, 10, 2, now, final=final)


def test_nothing_is_told_twice() -> None:
    tally = Tally()
    tally.count(Counter.DELIVERED, 3)
    tally.count(Counter.EXPIRED, 0)
    tally.hand("a", 3)
    tally.wrote([Letter("not-json", 0, 7), Letter("not-json", 0, 9)])
    tally.observe(0.02, 0.3)
    report = take(tally, 1.0)
    assert report.counters == {"delivered": 3}
    assert report.topics == {"a": 3}
    assert report.refused == {"not-json": 2}
    assert report.letters == [Letter("not-json", 0, 7), Letter("not-json", 0, 9)]
    assert report.delivery is not None
    assert (sum(report.delivery.counts), report.delivery.total_s) == (1, 0.02)
    assert report.end_to_end is not None
    assert report.end_to_end.total_s == 0.3
    assert not tally.anything(10.0)
    assert take(tally, 10.0) == Delivered({0: 5}, {}, 1, 10, 2)


def test_a_round_without_a_timestamp_has_only_the_time_since_it_was_read() -> None:
    tally = Tally()
    tally.observe(0.02, None)
    report = take(tally, 1.0)
    assert report.delivery is not None
    assert report.end_to_end is None


def test_destinations_are_told_once_a_second_and_at_the_end() -> None:
    tally = Tally()
    tally.hand("a", 1)
    assert take(tally, 1.0).topics == {"a": 1}
    tally.hand("a", 2)
    tally.hand("b", 3)
    assert not tally.anything(1.9)
    assert take(tally, 1.9).topics == {}
    assert tally.anything(2.0)
    assert take(tally, 2.0).topics == {"a": 2, "b": 3}
    tally.hand("a", 4)
    assert take(tally, 2.1, final=True).topics == {"a": 4}


def test_many_destinations_are_told_less_often() -> None:
    tally = Tally()
    for round_at in (1.0, 2.0):
        for number in range(5 * TOPICS_PER_S):
            tally.hand(f"namespace-{number}", 1)
        told = take(tally, round_at).topics
        assert len(told) == (5 * TOPICS_PER_S if round_at == 1.0 else 0)
    assert set(take(tally, 6.0).topics.values()) == {1}


def test_of_many_dead_letters_the_last_are_told_and_all_are_counted() -> None:
    tally = Tally()
    tally.wrote(Letter("too-large", 0, offset) for offset in range(1_000))
    report = take(tally, 1.0)
    assert report.refused == {"too-large": 1_000}
    assert [letter.offset for letter in report.letters] == list(range(1_000 - LETTERS_MAX, 1_000))


def test_a_report_of_ever_so_many_destinations_fits_into_a_frame_and_none_is_left_out() -> None:
    tally = Tally()
    names = [f"{number:0249}" for number in range(30_000)]
    for name in names:
        tally.hand(name, 1)
    told: list[str] = []
    for round_at in (0.0, 100.0, 200.0):
        report = take(tally, round_at, final=True)
        assert len(encode(report)) < FRAME_MAX_BYTES
        told += report.topics
    assert told == names
    assert not tally.anything(300.0)
