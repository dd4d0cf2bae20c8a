from fanout.supervisor.recent import NAMES_MAX, STEP_S, STEPS, Recent


def test_counts_are_forgotten_after_ten_minutes() -> None:
    recent = Recent()
    recent.add({"a": 2}, 0.0)
    recent.add({"a": 3, "b": 1}, STEP_S * 5)
    assert recent.most(1, STEP_S * 5) == [("a", 5)]
    assert recent.since() == 0.0
    assert recent.counts(STEP_S * STEPS) == {"a": 3, "b": 1}
    assert recent.since() == STEP_S * 5
    assert recent.counts(STEP_S * (STEPS + 5)) == {}


def test_memory_is_bounded_and_the_busiest_are_kept() -> None:
    recent = Recent()
    recent.add({"busiest": 1_000_000}, 0.0)
    for number in range(10):
        recent.add({f"{number}-{name}": number + 1 for name in range(NAMES_MAX // 4)}, number * STEP_S)
    assert len(recent.counts(9 * STEP_S)) <= NAMES_MAX
    assert recent.most(2, 9 * STEP_S)[0] == ("busiest", 1_000_000)
    assert recent.most(2, 9 * STEP_S)[1][1] == 10
    assert recent.counts(100 * STEP_S) == {}


def test_a_clock_that_is_put_back_keeps_nothing_for_longer_and_memory_is_bounded() -> None:
    recent, later = Recent(), 1_000 * STEP_S
    recent.add({"a": 1}, later)
    for minute in range(5):
        recent.add({"b": 1}, minute * STEP_S)
    assert recent.counts(5 * STEP_S) == {"a": 1, "b": 5}
    assert recent.since() == 0.0
    assert recent.counts((5 + STEPS) * STEP_S) == {}
