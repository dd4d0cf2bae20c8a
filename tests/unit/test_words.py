import pytest

from fanout import words


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-1, "0 s"), (0, "0 s"), (0.42, "0.4 s"), (9.96, "10 s"), (59.9, "59 s"), (60, "1 min"),
        (7_199, "1 h 59 min"), (7_200, "2 h"), (90_061, "1 d 1 h"), (86_400, "1 d"),
    ],
)  # fmt: skip
def test_a_duration_is_told_by_its_two_largest_units(seconds: float, told: str) -> None:
    assert words.duration(seconds) == told


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30min", 1800), ("30m", 1800), ("2h", 7200), ("1d12h", 129_600), ("1.5h", 5400)]
)
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert words.seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "2", "h", "-2h", "2 h", "2w", "\x1b[2Jh"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration") as error:
        words.seconds_of(text)
    assert "\x1b" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("web-1", "web-1"), ("Größe 你好 🙂", "Größe 你好 🙂"), ("[red]", "[red]"), ("\x1b[2J", "\ufffd[2J"),
        ("a\nb\tc\x00\x7f", "a\ufffdb\ufffdc\ufffd\ufffd"), ("\x9b31m", "\ufffd31m"),
        ("a\u202eb\u2028", "a\ufffdb\ufffd"),
        ("\udc80", "\ufffd"),
    ],
)  # fmt: skip
def test_what_a_terminal_would_obey_is_replaced(text: str, shown: str) -> None:
    assert words.printable(text) == shown
