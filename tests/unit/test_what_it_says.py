"""docs/what-it-says.md is the one that the recording gives, and has a row for all that there is."""

from pathlib import Path

from fanout.errors import Reason
from fanout.status.kinds import FindingKind
from tests.status import page
from tests.status.said import FOLDER, recorded

ROOT = Path(__file__).parents[2]
SAID = {case: recorded(case) for case in page.TITLES}
# What comes only after minutes, or with a container's limit; tests/unit/test_judge.py has their words.
SLOW = {
    FindingKind.GROUP_SILENT, FindingKind.NOT_MOVING, FindingKind.RETENTION, FindingKind.LAG_UNKNOWN,
    FindingKind.MEMORY,
}  # fmt: skip


def test_the_page_is_the_one_that_the_recording_gives() -> None:
    assert (ROOT / "docs" / "what-it-says.md").read_text() == page.page(), "run `make says`"


def test_all_that_is_recorded_is_shown() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == page.TITLES.keys()


def test_every_reason_of_a_dead_letter_has_its_row() -> None:
    assert {*page.REASONS, Reason.EXPIRED} == set(Reason)
    assert Reason.EXPIRED in page.LIVES


def test_every_finding_that_comes_soon_is_shown() -> None:
    assert {finding.kind for said in SAID.values() for finding in said.findings} == set(FindingKind) - SLOW


def test_all_that_is_wrong_says_what_to_do() -> None:
    mute = [
        f"{case}: {line.message}"
        for case, said in SAID.items()
        for line in said.log
        if line.level in {"warning", "error"} and not line.advice
    ]
    assert mute == []
    assert all(finding.advice for said in SAID.values() for finding in said.findings)


def test_what_stays_wrong_fires_an_alert() -> None:
    quiet = [
        case
        for case, said in SAID.items()
        if any(finding.severity == "error" for finding in said.findings) and not said.alerts
    ]
    assert quiet == []
