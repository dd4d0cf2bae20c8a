"""Texts for people: counts, lists, durations, and what strangers wrote made harmless."""

import re
import unicodedata
from collections.abc import Sequence

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:min|[smhd]))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(min|[smhd])")
# Control characters, directions of writing and what else is not seen, separators of lines, halves of characters.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def counted(count: int, noun: str) -> str:
    """`1 topic`, `2 topics`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def some(names: Sequence[str], most: int = 5) -> str:
    """The first few names, and how many more there are."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min`, `1 h 58 min`, `2 d 4 h`: the two largest units, rounded down."""
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s".replace(".0 s", " s")
    minutes, left = divmod(int(seconds), 60)
    if not minutes:
        return f"{left} s"
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{days} d" if days else "", f"{hours} h" if hours else "", f"{minutes} min" if minutes else ""]
    return " ".join([part for part in parts if part][:2])


def seconds_of(text: str) -> float:
    """What `90s`, `30min`, `2h` or `1d12h` is in seconds. Raises ValueError."""
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{printable(text)!r} is no duration: write it as in 90s, 30min, 2h or 1d12h")
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def printable(text: str) -> str:
    """The text without anything that a terminal would obey: such characters become U+FFFD.

    Namespaces, names and reasons of events are written by strangers.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join("\ufffd" if unicodedata.category(character) in _UNSEEN else character for character in text)
