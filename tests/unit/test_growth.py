"""The verdict of a soak, on made-up samples."""

import random

import pytest

from bench.growth import Sample, trend

RNG = random.Random(11)


def samples(*, rss: float = 0.0, files: float = 0.0, threads: float = 0.0, count: int = 360) -> list[Sample]:
    """What a process of 100 MB, 40 files and 12 threads would show that gains so much of each until the end."""
    return [
        Sample(
            number * 5.0,
            int(100e6 + rss * number / count + RNG.uniform(-1e6, 1e6)),
            int(40 + files * number / count + RNG.choice([0, 0, 0, 1])),
            int(12 + threads * number / count),
        )
        for number in range(count)
    ]


def test_what_is_level_does_not_grow() -> None:
    found = trend(samples())
    assert found is not None
    assert found.broken() == []
    assert found.seconds == pytest.approx(360 * 5 * 0.75, rel=0.01)


@pytest.mark.parametrize(
    ("growing", "name"),
    [(samples(rss=25e6), "rss"), (samples(files=8.0), "files"), (samples(threads=6.0), "threads")],
)
def test_what_grows_all_the_time_is_told(growing: list[Sample], name: str) -> None:
    found = trend(growing)
    assert found is not None
    assert found.broken() == [name]


def test_filling_up_at_the_start_is_no_growth() -> None:
    cold = [Sample(number * 5.0, int(20e6 + number * 1e6), 20, 5) for number in range(80)]
    settled = [Sample(400.0 + s.at_s, s.rss, s.files, s.threads) for s in samples(count=280)]
    found = trend([*cold, *settled])
    assert found is not None
    assert found.broken() == []


def test_a_peak_that_goes_again_is_no_growth() -> None:
    level = samples()
    level[200] = Sample(1_000.0, 400_000_000, 90, 40)
    found = trend(level)
    assert found is not None
    assert found.broken() == []


def test_of_a_short_life_nothing_is_said() -> None:
    assert trend(samples(count=10)) is None
