"""The pages that are made from the code say what the code says."""

from pathlib import Path

from fanout.config import reference
from fanout.metrics import reference as metrics

ROOT = Path(__file__).parents[2]


def test_the_page_of_settings_is_the_one_that_the_code_gives() -> None:
    assert (ROOT / "docs" / "settings.md").read_text() == reference.page(), "run `make docs`"


def test_the_page_of_metrics_is_the_one_that_the_code_gives() -> None:
    assert (ROOT / "docs" / "metrics.md").read_text() == metrics.page(), "run `make docs`"
