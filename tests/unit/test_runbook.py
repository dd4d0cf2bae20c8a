"""Whoever is woken finds what it is about: every finding, failure, reason, alert and warning has its entry."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from fanout.advice import ADVICE
from fanout.errors import FailureKind, Reason
from fanout.status.kinds import Cause, FindingKind

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "runbook.md").read_text()
# A message may be broken into two lines there.
WORDS = " ".join(PAGE.split())
ENTRIES = dict(re.findall(r"^### (\S+)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
LEVELS = {"warning", "error", "critical", "exception"}
LOGGERS = {"log", "logger", "repeats"}
PARTS = ("**Means.**", "**See.**", "**Do.**", "**Ends.**")


def warnings() -> Iterator[tuple[str, str, bool]]:
    """Where, what, and whether it has advice of its own: each call that logs a warning or worse."""
    for path in sorted((ROOT / "fanout").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.args:
                continue
            name = ast.unparse(node.func.value).rpartition(".")[2].lstrip("_")
            if name in LOGGERS and node.func.attr in LEVELS:
                yield (
                    f"{path.relative_to(ROOT)}:{node.lineno}",
                    ast.literal_eval(node.args[0]),
                    any(keyword.arg == "advice" for keyword in node.keywords),
                )


def alerts() -> list[dict[str, dict[str, str]]]:
    rules = yaml.safe_load((ROOT / "deploy" / "components" / "monitoring" / "rules.yaml").read_text())
    return [rule for group in rules["groups"] for rule in group["rules"]]


def test_there_are_warnings() -> None:
    assert len(list(warnings())) > 30, "the walk finds none: are the loggers called otherwise now?"


def test_every_warning_says_what_to_do() -> None:
    mute = [f"{where}: {text}" for where, text, advised in warnings() if not advised and text not in ADVICE]
    assert mute == [], "give it advice=, or a line in fanout/advice.py"


def test_no_advice_is_for_a_line_that_there_is_not() -> None:
    assert ADVICE.keys() <= {text for _, text, _ in warnings()}


def test_every_warning_is_found_in_the_runbook_by_its_text() -> None:
    assert [f"{where}: {text}" for where, text, _ in warnings() if f"`{text}`" not in WORDS] == []


def test_every_finding_failure_cause_and_reason_has_its_entry() -> None:
    names = {str(name) for names in (FindingKind, FailureKind, Cause, Reason) for name in names}
    assert sorted(names - ENTRIES.keys()) == []


def test_every_alert_stands_in_the_entry_that_it_points_to() -> None:
    kinds = {"{{ $labels.kind }}": FindingKind, "{{ $labels.cause }}": (*Cause, *FailureKind)}
    for alert in alerts():
        anchor = alert["annotations"]["runbook_url"].removeprefix("docs/runbook.md#")
        if anchor in kinds:
            assert f"`{alert['alert']}`" in WORDS
            assert set(map(str, kinds[anchor])) <= ENTRIES.keys()
        else:
            assert f"`{alert['alert']}`" in ENTRIES[anchor], anchor


def test_an_entry_says_what_it_means_how_to_see_it_what_to_do_and_when_it_ends() -> None:
    assert [name for name, text in ENTRIES.items() if not all(part in text for part in PARTS)] == []


def test_what_the_log_points_to_is_there() -> None:
    pointed = re.findall(r"docs/runbook\.md#([\w-]+)", "".join(p.read_text() for p in (ROOT / "fanout").rglob("*.py")))
    assert {"kafka-client", "library"} <= set(pointed) <= ENTRIES.keys()


def test_a_link_within_the_page_leads_somewhere() -> None:
    headings = re.findall(r"^##+ (.+)$", PAGE, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([\w-]+)\)", PAGE)) <= anchors
